#include "backend/answer/answer_table.hpp"

#include "backend/answer/zone_answers.hpp"
#include "backend/protocol/json_text.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <utility>

namespace thor::backend {

namespace {

/// One group of zones and how they are found. Immutable once made.
class zone_index {
 public:
  /// Takes over from `previous` (may be nullptr) what was written from the same objects.
  zone_index(std::shared_ptr<const zone::snapshot> group, std::uint64_t seed,
             const zone_index* previous)
      : group_(std::move(group)) {
    zones_.reserve(group_->zones.size());
    by_apex_.reserve(group_->zones.size());
    by_id_.reserve(group_->zones.size());
    for (const auto& contents : group_->zones) {
      auto old = previous == nullptr ? nullptr : previous->share(contents->apex);
      if (old != nullptr && old->contents().id != contents->id) {
        old = nullptr; // the id is written in every row
      }
      if (old == nullptr || !old->is_written_from(contents)) {
        old = std::make_shared<const zone_answers>(contents, seed, old.get());
      }
      add(std::move(old));
    }
  }

  [[nodiscard]] bool is_of(const std::shared_ptr<const zone::snapshot>& group) const {
    return group_ == group;
  }
  [[nodiscard]] const std::vector<std::shared_ptr<const zone_answers>>& zones() const {
    return zones_;
  }

  /// The zone with this apex, nullptr if there is none.
  [[nodiscard]] const zone_answers* find(std::string_view apex_wire) const {
    const auto found = by_apex_.find(apex_wire);
    return found == by_apex_.end() ? nullptr : zones_[found->second].get();
  }
  [[nodiscard]] const zone_answers* find(std::uint32_t id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : zones_[found->second].get();
  }

 private:
  [[nodiscard]] std::shared_ptr<const zone_answers> share(const zone::name& apex) const {
    const auto found = by_apex_.find(apex.wire());
    return found == by_apex_.end() ? nullptr : zones_[found->second];
  }

  void add(std::shared_ptr<const zone_answers> zone) {
    by_apex_.emplace(zone->contents().apex.wire(), zones_.size());
    by_id_.emplace(zone->contents().id, zones_.size());
    zones_.push_back(std::move(zone));
  }

  std::shared_ptr<const zone::snapshot> group_;
  std::vector<std::shared_ptr<const zone_answers>> zones_; ///< by apex
  by_wire_name<std::size_t> by_apex_;                      ///< index; the keys lie in the zones
  boost::unordered_flat_map<std::uint32_t, std::size_t> by_id_;
};

std::shared_ptr<const zone::snapshot> or_empty(std::shared_ptr<const zone::snapshot> group) {
  static const auto none = std::make_shared<const zone::snapshot>();
  return group == nullptr ? none : std::move(group);
}

} // namespace

struct answer_table::parts {
  std::uint64_t seed = 0;
  bool complete = false;
  std::array<std::shared_ptr<const zone_index>, 2> groups; ///< overlay, hosted
  std::shared_ptr<const std::map<zone::name, zone_metadata>> metadata;
  std::shared_ptr<const backend::networks> networks;

  [[nodiscard]] viewpoint viewpoint_of(const std::optional<ip_prefix>& client) const {
    return networks == nullptr ? viewpoint() : networks->find(client);
  }

  [[nodiscard]] const zone_answers* find(const zone::name& apex) const { return find(apex.wire()); }
  template <typename Key>
  [[nodiscard]] const zone_answers* find(Key key) const {
    for (const auto& group : groups) {
      if (const zone_answers* const found = group->find(key)) {
        return found;
      }
    }
    return nullptr;
  }
  /// The zone with the longest apex at or above the name.
  [[nodiscard]] const zone_answers* nearest(const zone::name& name) const {
    std::string_view wire = name.wire();
    const zone_answers* found = find(wire);
    while (found == nullptr && wire.size() > 1) {
      wire.remove_prefix(1 + static_cast<unsigned char>(wire.front()));
      found = find(wire);
    }
    return found;
  }

  [[nodiscard]] std::size_t zone_count() const {
    return groups[0]->zones().size() + groups[1]->zones().size();
  }
  /// Precondition: index < zone_count().
  [[nodiscard]] const zone_answers& zone_at(std::size_t index) const {
    const auto& first = groups[0]->zones();
    return index < first.size() ? *first[index] : *groups[1]->zones()[index - first.size()];
  }

  [[nodiscard]] const zone_metadata& metadata_of(const zone::name& apex) const {
    static const zone_metadata none;
    if (metadata == nullptr) {
      return none;
    }
    const auto found = metadata->find(apex);
    return found == metadata->end() ? none : found->second;
  }
};

answer_table::answer_table(std::unique_ptr<const parts> made)
    : parts_(std::move(made)) {}

answer_table::~answer_table() = default;

std::shared_ptr<const answer_table> answer_table::build(const table_input& input,
                                                        const answer_table* previous) {
  auto made = std::make_unique<parts>();
  made->seed = server_seed(input.server_id);
  made->complete = input.complete;
  made->metadata = input.metadata;
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
  }
  return std::shared_ptr<const answer_table>(new answer_table(std::move(made)));
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

// Answering

namespace {

constexpr std::string_view result_head = "{\"result\":";
/// One row with a scopeMask above 0 keeps the whole answer out of PowerDNS's caches.
constexpr std::string_view uncached_member = "\"scopeMask\":1,";

/// Turns elements, each with a comma before it, that stand in `out` from `begin` on into a list.
void close_list(std::string& out, std::size_t begin, char open, char close) {
  if (out.size() == begin) {
    out += open;
  } else {
    out[begin] = open;
  }
  out += close;
}

void append_strings(std::string& out, const std::vector<std::string>& values) {
  const std::size_t begin = out.size();
  for (const std::string& value : values) {
    out += ',';
    append_json_string(out, value);
  }
  close_list(out, begin, '[', ']');
}

reply answered(std::string& out, std::string_view result) {
  out += result_head;
  out += result;
  out += '}';
  return {};
}

reply refused(outcome what, std::string& out, std::string why) {
  append_error(out, why);
  return {.what = what, .why = std::move(why)};
}

} // namespace

/// One request against one table.
class answerer {
 public:
  answerer(const answer_table& table, std::uint64_t unix_time_s, connector via, std::string& out)
      : table_(table)
      , parts_(*table.parts_)
      , unix_time_s_(unix_time_s)
      , via_(via)
      , out_(out) {}

  reply operator()(const initialize_request&) { return answered(out_, "true"); }

  reply operator()(const lookup_request& asked) {
    const zone_answers* const zone =
        asked.zone_id ? parts_.find(*asked.zone_id) : parts_.nearest(asked.qname);
    if (zone == nullptr) {
      return no_such_zone("[]");
    }
    const node_answers* const node = zone->find(asked.qname.wire());
    if (node == nullptr ? !zone->is_known(asked.qname) : !node->node().available) {
      return refused(outcome::not_ready, out_, "not ready: the members are not known");
    }
    out_ += result_head;
    const std::size_t begin = out_.size();
    if (node != nullptr) {
      const slice_turn turn{.server_seed = parts_.seed,
                            .serial = zone->contents().serial,
                            .unix_time_s = unix_time_s_};
      if (node->is_viewed()) {
        node->append_lookup(out_, asked.qtype, turn, parts_.viewpoint_of(asked.client));
      } else {
        node->append_lookup(out_, asked.qtype, turn);
        if (out_.size() > begin && node->take_unsettled()) {
          constexpr std::size_t row_begin = 2; // after comma and brace
          out_.insert(begin + row_begin, uncached_member);
        }
      }
    }
    close_list(out_, begin, '[', ']');
    out_ += '}';
    return {};
  }

  reply operator()(const list_request& asked) {
    const auto zone = parts_.find(asked.zone);
    if (zone == nullptr) {
      return no_such_zone("false");
    }
    if (!zone->is_whole()) {
      // A secondary keeps its copy when the transfer fails; it would believe half a zone.
      return refused(outcome::not_ready, out_, "not ready: the members are not known");
    }
    if (via_ == connector::unix_socket && zone->record_count() > unix_list_records_max) {
      return too_large("list of " + asked.zone.text(), zone->record_count(), "records");
    }
    out_ += result_head;
    return {.what = outcome::answered, .rest = remainder(*zone)};
  }

  reply operator()(const all_domains_request&) {
    // PowerDNS believes whatever list it gets here, and refuses the zones that are not on it.
    const std::size_t zones = parts_.zone_count();
    if (!parts_.complete || zones == 0) {
      return refused(outcome::not_ready, out_, "not ready: the zones are not all known");
    }
    if (via_ == connector::unix_socket && zones > unix_domains_max) {
      return too_large("getAllDomains", zones, "zones");
    }
    out_ += result_head;
    return {.what = outcome::answered, .rest = remainder(table_)};
  }

  reply operator()(const domain_info_request& asked) {
    const auto zone = parts_.find(asked.zone);
    return zone == nullptr ? no_such_zone("false") : answered(out_, zone->domain_object());
  }

  reply operator()(const all_metadata_request& asked) {
    if (parts_.find(asked.zone) == nullptr) {
      return no_such_zone("{}");
    }
    out_ += result_head;
    const std::size_t begin = out_.size();
    for (const auto& [kind, values] : parts_.metadata_of(asked.zone)) {
      out_ += ',';
      append_json_string(out_, kind);
      out_ += ':';
      append_strings(out_, values);
    }
    close_list(out_, begin, '{', '}');
    out_ += '}';
    return {};
  }

  reply operator()(const metadata_request& asked) {
    if (parts_.find(asked.zone) == nullptr) {
      return no_such_zone("false");
    }
    const zone_metadata& metadata = parts_.metadata_of(asked.zone);
    const auto found = metadata.find(asked.kind);
    if (found == metadata.end()) {
      return answered(out_, "[]");
    }
    out_ += result_head;
    append_strings(out_, found->second);
    out_ += '}';
    return {};
  }

  reply operator()(const neighbours_request&) {
    return declined("getBeforeAndAfterNamesAbsolute: this zone has no order of its names");
  }

  reply operator()(const nothing_request& asked) {
    return answered(out_, asked.what == method::get_tsig_key ? "false" : "[]");
  }

  reply operator()(const set_notified_request&) { return answered(out_, "true"); }

  reply operator()(const other_request& asked) {
    return declined("Thor does not offer " + excerpt(asked.name) +
                    ": this backend is read-only, its zones follow the overlay");
  }

 private:
  reply declined(std::string why) {
    out_ += R"({"result":false,"log":[)";
    append_json_string(out_, why);
    out_ += "]}";
    return {.what = outcome::declined, .why = std::move(why)};
  }

  /// A zone that is not ours gets the answer that says so, once it is certain.
  reply no_such_zone(std::string_view result) {
    return parts_.complete
               ? answered(out_, result)
               : refused(outcome::not_ready, out_, "not ready: the zones are not all known");
  }

  reply too_large(std::string what, std::size_t rows, std::string_view unit) {
    what += " has " + std::to_string(rows) + " ";
    what += unit;
    what += ", more than PowerDNS reads over its Unix connector before it times out; use HTTP";
    return refused(outcome::too_large, out_, std::move(what));
  }

  const answer_table& table_;
  const answer_table::parts& parts_;
  std::uint64_t unix_time_s_;
  connector via_;
  std::string& out_;
};

reply answer(const answer_table* table, const request& asked, std::uint64_t unix_time_s,
             connector via, std::string& out) {
  if (table != nullptr) {
    return std::visit(answerer(*table, unix_time_s, via, out), asked);
  }
  if (std::holds_alternative<initialize_request>(asked)) {
    return answered(out, "true");
  }
  return refused(outcome::not_ready, out, "not ready: no zone is loaded yet");
}

void append_error(std::string& out, std::string_view detail) {
  out += "{\"error\":";
  append_json_string(out, detail);
  out += '}';
}

} // namespace thor::backend
