#include "backend/answer/answer_table.hpp"

#include "backend/answer/zone_answers.hpp"
#include "backend/protocol/json_text.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <utility>

namespace thor::backend {

struct answer_table::parts {
  std::uint64_t seed = 0;
  bool complete = false;
  std::vector<std::shared_ptr<const zone_answers>> zones; ///< by apex
  by_wire_name<std::size_t> by_apex;                      ///< index; the keys lie in the zones
  boost::unordered_flat_map<std::uint32_t, std::size_t> by_id;
  std::shared_ptr<const std::map<zone::name, zone_metadata>> metadata;

  void add(std::shared_ptr<const zone_answers> zone) {
    by_apex.emplace(zone->contents().apex.wire(), zones.size());
    by_id.emplace(zone->contents().id, zones.size());
    zones.push_back(std::move(zone));
  }

  /// The zone with this apex, nullptr if there is none.
  [[nodiscard]] std::shared_ptr<const zone_answers> find(const zone::name& apex) const {
    const auto found = by_apex.find(apex.wire());
    return found == by_apex.end() ? nullptr : zones[found->second];
  }
  [[nodiscard]] const zone_answers* find(std::uint32_t id) const {
    const auto found = by_id.find(id);
    return found == by_id.end() ? nullptr : zones[found->second].get();
  }
  /// The zone with the longest apex at or above the name.
  [[nodiscard]] const zone_answers* nearest(const zone::name& name) const {
    std::string_view wire = name.wire();
    auto found = by_apex.find(wire);
    while (found == by_apex.end() && wire.size() > 1) {
      wire.remove_prefix(1 + static_cast<unsigned char>(wire.front()));
      found = by_apex.find(wire);
    }
    return found == by_apex.end() ? nullptr : zones[found->second].get();
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
  const auto& zones = input.zones->zones;
  made->zones.reserve(zones.size());
  made->by_apex.reserve(zones.size());
  made->by_id.reserve(zones.size());
  const bool same_seed = previous != nullptr && previous->parts_->seed == made->seed;
  for (const auto& contents : zones) {
    auto old = same_seed ? previous->parts_->find(contents->apex) : nullptr;
    if (old != nullptr && old->contents().id != contents->id) {
      old = nullptr; // the id is written in every row
    }
    if (old == nullptr || !old->is_written_from(contents)) {
      old = std::make_shared<const zone_answers>(contents, made->seed, old.get());
    }
    made->add(std::move(old));
  }
  return std::shared_ptr<const answer_table>(new answer_table(std::move(made)));
}

// Long answers. Every row comes with a comma before it; the first one's becomes the bracket.

std::size_t remainder::row_count() const {
  return zone_ != nullptr ? zone_->nodes().size() : table_->parts_->zones.size();
}

void remainder::append_row(std::string& out) const {
  if (zone_ != nullptr) {
    zone_->nodes()[next_]->append_records(out);
  } else {
    out += ',';
    out += table_->parts_->zones[next_]->domain_object();
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
      node->append_lookup(out_, asked.qtype,
                          {.server_seed = parts_.seed,
                           .serial = zone->contents().serial,
                           .unix_time_s = unix_time_s_});
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
    if (!parts_.complete || parts_.zones.empty()) {
      return refused(outcome::not_ready, out_, "not ready: the zones are not all known");
    }
    if (via_ == connector::unix_socket && parts_.zones.size() > unix_domains_max) {
      return too_large("getAllDomains", parts_.zones.size(), "zones");
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

  reply operator()(const nothing_request& asked) {
    return answered(out_, asked.what == method::get_tsig_key ? "false" : "[]");
  }

  reply operator()(const other_request& asked) {
    std::string why = "Thor does not offer " + excerpt(asked.name) +
                      ": this backend is read-only, its zones follow the overlay";
    out_ += R"({"result":false,"log":[)";
    append_json_string(out_, why);
    out_ += "]}";
    return {.what = outcome::declined, .why = std::move(why)};
  }

 private:
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
