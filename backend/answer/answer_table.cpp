#include "backend/answer/answer_table.hpp"

#include "backend/answer/table_parts.hpp"

#include <array>
#include <utility>

namespace thor::backend {
namespace {

std::shared_ptr<const zone::snapshot> or_empty(std::shared_ptr<const zone::snapshot> group) {
  static const auto none = std::make_shared<const zone::snapshot>();
  return group == nullptr ? none : std::move(group);
}

std::shared_ptr<const secrets> or_none(std::shared_ptr<const secrets> given) {
  static const auto none = std::make_shared<const secrets>();
  return given == nullptr ? none : std::move(given);
}

const zone::contents* contents_of(const zone_answers* zone) {
  return zone == nullptr ? nullptr : &zone->contents();
}

} // namespace

answer_table::answer_table(std::unique_ptr<const parts> made)
    : parts_(std::move(made)) {}

answer_table::~answer_table() = default;

std::shared_ptr<const answer_table> answer_table::build(const table_input& input,
                                                        const answer_table* previous) {
  auto made = std::make_unique<parts>();
  made->seed = server_seed(input.server_id);
  made->complete = input.complete;
  made->metadata = input.metadata;
  made->secrets = or_none(input.secrets);
  made->networks = input.networks;
  const auto known = [&](const answer_table* table, std::size_t group) {
    return table != nullptr && table->parts_->seed == made->seed ? table->parts_->groups[group]
                                                                 : nullptr;
  };
  const std::array wanted{input.zones, or_empty(input.hosted)};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto old = known(previous, i);
    for (const auto& index : {old, known(input.written.get(), i)}) {
      if (index != nullptr && index->is_of(wanted[i])) {
        made->groups[i] = index;
      }
    }
    if (made->groups[i] == nullptr) {
      made->groups[i] = std::make_shared<const zone_index>(wanted[i], made->seed, old.get());
    }
    const denials::source from{
        .zones = wanted[i], .secrets = made->secrets, .metadata = made->metadata};
    const auto orders = [&](const answer_table* table) {
      return table == nullptr ? nullptr : table->parts_->orders[i];
    };
    const auto before = orders(previous);
    made->orders[i] =
        before != nullptr && before->is_of(from)
            ? before
            : std::make_shared<const denials>(from, before.get(), orders(input.written.get()).get(),
                                              input.unix_time);
  }
  return std::shared_ptr<const answer_table>(new answer_table(std::move(made)));
}

const zone::contents* answer_table::zone_of(std::uint32_t id) const {
  return contents_of(parts_->find(id));
}

const zone::contents* answer_table::zone_of(const zone::name& apex) const {
  return contents_of(parts_->find(apex.wire()));
}

const zone::contents* answer_table::zone_above(const zone::name& name) const {
  return contents_of(parts_->nearest(name.wire()));
}

// Long answers. Every row comes with a comma before it; the first one's becomes the bracket.

std::size_t remainder::row_count() const {
  return zone_ != nullptr ? zone_->nodes().size() : table_->parts_->zone_count();
}

void remainder::append_row(std::string& out) const {
  if (zone_ != nullptr) {
    zone_->nodes()[next_]->append_records(out);
  } else {
    out += ',';
    out += table_->parts_->zone_at(next_).domain_object();
  }
}

void remainder::append_to(std::string& out, std::size_t octets) {
  if (empty()) {
    return;
  }
  const std::size_t enough = out.size() + octets;
  while (next_ < row_count() && out.size() < enough) {
    const std::size_t begin = out.size();
    append_row(out);
    ++next_;
    if (!opened_ && out.size() > begin) {
      out[begin] = '[';
      opened_ = true;
    }
  }
  if (next_ == row_count()) {
    out += opened_ ? "]}" : "[]}";
    *this = remainder();
  }
}

} // namespace thor::backend
