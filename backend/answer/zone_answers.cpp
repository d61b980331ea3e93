#include "backend/answer/zone_answers.hpp"

#include "backend/protocol/json_text.hpp"

#include <span>
#include <utility>

namespace thor::backend {
namespace {

using node_list = std::vector<std::shared_ptr<const node_answers>>;

/// Hands out what `previous` wrote, asked for in canonical order.
class reusable {
 public:
  explicit reusable(const zone_answers* previous)
      : rest_(previous == nullptr ? std::span<const node_list::value_type>() : previous->nodes()) {}

  std::shared_ptr<const node_answers> take(const std::shared_ptr<const zone::node>& node) {
    // Where nothing changed the pointers run in step and no name is compared.
    while (!rest_.empty() && !rest_.front()->is_written_from(node) &&
           rest_.front()->node().owner <= node->owner) {
      rest_ = rest_.subspan(1);
    }
    if (rest_.empty() || !rest_.front()->is_written_from(node)) {
      return nullptr;
    }
    const auto& taken = rest_.front();
    rest_ = rest_.subspan(1);
    return taken;
  }

 private:
  std::span<const node_list::value_type> rest_;
};

std::string write_domain(const zone::contents& zone) {
  const std::string serial = std::to_string(zone.serial);
  std::string out = "{\"id\":" + std::to_string(zone.id) + ",\"zone\":";
  append_json_string(out, zone.apex.text());
  out += R"(,"kind":"master","serial":)" + serial + R"(,"notified_serial":)" + serial +
         R"(,"last_check":0,"masters":[]})";
  return out;
}

} // namespace

zone_answers::zone_answers(std::shared_ptr<const zone::contents> contents,
                           std::uint64_t server_seed, const zone_answers* previous)
    : contents_(std::move(contents))
    , domain_object_(write_domain(*contents_)) {
  reusable old(previous);
  nodes_.reserve(contents_->nodes.size());
  by_name_.reserve(contents_->nodes.size());
  for (const auto& node : contents_->nodes) {
    auto answers = old.take(node);
    if (answers == nullptr) {
      answers = std::make_shared<const node_answers>(node, contents_->id, server_seed);
    }
    by_name_.emplace(node->owner.wire(), answers.get());
    record_count_ += answers->record_count();
    unavailable_count_ += node->available ? 0 : 1;
    nodes_.push_back(std::move(answers));
  }
}

const node_answers* zone_answers::find(std::string_view wire) const {
  const auto found = by_name_.find(wire);
  return found == by_name_.end() ? nullptr : found->second;
}

bool zone_answers::is_known(const zone::name& name) const {
  if (is_whole()) {
    return true;
  }
  std::string_view wire = name.wire();
  while (wire.size() > contents_->apex.wire().size()) {
    if (const node_answers* const nearest = find(wire)) {
      return nearest->node().available;
    }
    wire.remove_prefix(1 + static_cast<unsigned char>(wire.front()));
  }
  const node_answers* const apex = find(wire);
  return apex == nullptr || apex->node().available;
}

} // namespace thor::backend
