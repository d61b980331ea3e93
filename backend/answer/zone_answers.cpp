#include "backend/answer/zone_answers.hpp"

#include "backend/protocol/json_text.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace thor::backend {
namespace {

using node_list = std::vector<std::shared_ptr<const node_answers>>;

/// Hands out what `previous` wrote, asked for in canonical order; what is passed over on the way is
/// told to `dropped`. Neither a node that did not change nor its answers are looked into: with many
/// of them that would be most of the work.
template <typename Dropped>
class reusable {
 public:
  reusable(const zone_answers* previous, Dropped dropped)
      : dropped_(std::move(dropped)) {
    if (previous != nullptr) {
      nodes_ = previous->contents().nodes;
      answers_ = previous->nodes();
    }
  }

  /// What was written from this node, else nullptr. `before` is the owner's node of that time,
  /// nullptr if it had none.
  std::shared_ptr<const node_answers> take(const std::shared_ptr<const zone::node>& node,
                                           const zone::node*& before) {
    before = nullptr;
    // Where nothing changed the pointers run in step and no name is compared.
    while (!nodes_.empty() && nodes_.front() != node && nodes_.front()->owner <= node->owner) {
      before = nodes_.front().get();
      drop();
    }
    if (nodes_.empty() || nodes_.front() != node) {
      if (before != nullptr && before->owner != node->owner) {
        before = nullptr;
      }
      return nullptr;
    }
    const auto& taken = answers_.front();
    pass();
    return taken;
  }

  void drop_rest() {
    while (!nodes_.empty()) {
      drop();
    }
  }

 private:
  void drop() {
    dropped_(*answers_.front());
    pass();
  }
  void pass() {
    nodes_ = nodes_.subspan(1);
    answers_ = answers_.subspan(1);
  }

  std::span<const std::shared_ptr<const zone::node>> nodes_; ///< those not passed yet
  std::span<const node_list::value_type> answers_;           ///< written from them
  Dropped dropped_;
};

/// Answers of the node that are to be kept out of PowerDNS's caches. A new name has none: what was
/// remembered of it is that it did not exist. Nor has one of which only the SOA is another, the
/// apex with every change, because PowerDNS asks for it before everything else.
std::uint32_t unsettled_of(const zone::node* before, const zone::node& now) {
  if (before == nullptr) {
    return 0;
  }
  const bool only_soa =
      std::ranges::equal(before->rrsets, now.rrsets, [](const auto& was, const auto& is) {
        return was == is || (was->type == zone::rr_type::soa && is->type == zone::rr_type::soa);
      });
  return only_soa ? 0 : unsettled_answers;
}

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
  if (previous != nullptr) {
    by_name_ = previous->by_name_; // a copy in one piece, where inserting costs a name each
    record_count_ = previous->record_count_;
    unavailable_count_ = previous->unavailable_count_;
  }
  reusable old(previous, [this](const node_answers& gone) {
    by_name_.erase(gone.node().owner.wire());
    record_count_ -= gone.record_count();
    unavailable_count_ -= gone.node().available ? 0 : 1;
  });
  nodes_.reserve(contents_->nodes.size());
  std::vector<const node_answers*> written;
  for (const auto& node : contents_->nodes) {
    const zone::node* before = nullptr;
    auto answers = old.take(node, before);
    if (answers == nullptr) {
      answers = std::make_shared<const node_answers>(node, contents_->id, server_seed,
                                                     unsettled_of(before, *node));
      written.push_back(answers.get());
      record_count_ += answers->record_count();
      unavailable_count_ += node->available ? 0 : 1;
    }
    nodes_.push_back(std::move(answers));
  }
  old.drop_rest();
  // After the last of the old ones is out: its key was another piece of memory.
  by_name_.reserve(nodes_.size());
  for (const node_answers* const answers : written) {
    by_name_.emplace(answers->node().owner.wire(), answers);
  }
}

const node_answers* zone_answers::find(std::string_view wire) const {
  const auto found = by_name_.find(wire);
  return found == by_name_.end() ? nullptr : found->second;
}

const zone::synthesis* zone_answers::synthesis_of(std::string_view wire) const {
  if (!contents_->is_synthesised || wire.size() <= contents_->apex.wire().size()) {
    return nullptr;
  }
  wire.remove_prefix(1 + static_cast<unsigned char>(wire.front()));
  const node_answers* const parent = find(wire);
  return parent == nullptr ? nullptr : parent->node().below.get();
}

bool zone_answers::is_known(std::string_view wire) const {
  if (is_whole()) {
    return true;
  }
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
