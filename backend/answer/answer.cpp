#include "backend/answer/answer_table.hpp"
#include "backend/answer/pending.hpp"
#include "backend/answer/reply_text.hpp"
#include "backend/answer/search.hpp"
#include "backend/answer/synthesised.hpp"
#include "backend/answer/table_parts.hpp"
#include "backend/protocol/json_text.hpp"

#include <algorithm>
#include <utility>

namespace thor::backend {
namespace {

/// One row with a scopeMask above 0 keeps the whole answer out of PowerDNS's caches.
constexpr std::string_view uncached_member = "\"scopeMask\":1,";

} // namespace

/// One request against one table.
class answerer {
 public:
  answerer(const answer_table& table, std::chrono::milliseconds unix_time, connector via,
           std::string& out, const zone::zone_edit* pending)
      : table_(table)
      , parts_(*table.parts_)
      , unix_time_(unix_time)
      , via_(via)
      , out_(out)
      , pending_(pending) {}

  reply operator()(const initialize_request&) { return answered(out_, "true"); }

  reply operator()(const lookup_request& asked) {
    const zone_answers* const zone =
        asked.zone_id ? parts_.find(*asked.zone_id) : parts_.nearest(asked.qname.wire());
    if (zone == nullptr) {
      return no_such_zone("[]");
    }
    const node_answers* const node = zone->find(asked.qname.wire());
    if (node == nullptr ? !zone->is_known(asked.qname.wire()) : !node->node().available) {
      return refused(outcome::not_ready, out_, "not ready: the members are not known");
    }
    out_ += result_head;
    const std::size_t begin = out_.size();
    if (pending_ != nullptr && pending_->apex == zone->contents().apex &&
        touches(*pending_, zone::name(asked.qname))) {
      append_pending(out_, *pending_, zone::name(asked.qname), asked.qtype,
                     node == nullptr ? nullptr : &node->node(), zone->contents().id);
    } else if (node != nullptr && asked.for_api) {
      node->append_plain(out_, asked.qtype);
    } else if (node != nullptr) {
      const slice_turn turn{.server_seed = parts_.seed,
                            .serial = zone->contents().serial,
                            .unix_time_s = static_cast<std::uint64_t>(
                                std::chrono::floor<std::chrono::seconds>(unix_time_).count())};
      if (node->is_viewed()) {
        node->append_lookup(out_, asked.qtype, turn, parts_.viewpoint_of(asked.client));
      } else {
        node->append_lookup(out_, asked.qtype, turn);
        if (out_.size() > begin && node->take_unsettled()) {
          constexpr std::size_t row_begin = 2; // after comma and brace
          out_.insert(begin + row_begin, uncached_member);
        }
      }
    } else if (const auto* const made = zone->synthesis_of(asked.qname.wire());
               made != nullptr && !asked.for_api) {
      append_synthesised(out_, asked.qname.wire(), asked.qtype, *made, zone->contents().id);
    }
    close_list(out_, begin, '[', ']');
    out_ += '}';
    return {};
  }

  reply operator()(const list_request& asked) {
    const auto zone = parts_.find(asked.zone.wire());
    if (zone == nullptr) {
      return no_such_zone("false");
    }
    if (!zone->is_whole()) {
      // A secondary keeps its copy when the transfer fails; it would believe half a zone.
      return refused(outcome::not_ready, out_, "not ready: the members are not known");
    }
    if (via_ == connector::unix_socket && zone->record_count() > unix_list_records_max) {
      return too_large("list of " + zone->contents().apex.text(), zone->record_count(), "records");
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
    const auto zone = parts_.find(asked.zone.wire());
    return zone == nullptr ? no_such_zone("false") : answered(out_, zone->domain_object());
  }

  reply operator()(const all_metadata_request& asked) {
    const zone_answers* const zone = parts_.find(asked.zone.wire());
    if (zone == nullptr) {
      return no_such_zone("{}");
    }
    out_ += result_head;
    const std::size_t begin = out_.size();
    for (const auto& [kind, values] : parts_.metadata_of(zone->contents().apex)) {
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
    const zone_answers* const zone = parts_.find(asked.zone.wire());
    if (zone == nullptr) {
      return no_such_zone("false");
    }
    const zone_metadata& metadata = parts_.metadata_of(zone->contents().apex);
    const auto found = metadata.find(asked.kind.view());
    if (found == metadata.end()) {
      return answered(out_, "[]");
    }
    out_ += result_head;
    append_strings(out_, found->second);
    out_ += '}';
    return {};
  }

  reply operator()(const neighbours_request& asked) {
    // Whatever PowerDNS reads as an answer here it signs, "false" included: without an order there
    // is no result.
    const zone_answers* const zone = asked.zone_id ? parts_.find(*asked.zone_id) : nullptr;
    if (zone == nullptr) {
      return refused(outcome::not_ready, out_, "not ready: no zone with this id is known");
    }
    if (!zone->is_whole()) {
      return refused(outcome::not_ready, out_, "not ready: the members are not known");
    }
    const denials::signed_zone* const denying = parts_.denial_of(*asked.zone_id);
    const std::string_view labels = asked.qname.labels();
    const zone::denial* const order = denying == nullptr ? nullptr : denying->order.get();
    const auto found = order == nullptr ? std::nullopt : order->around(labels);
    if (!found) {
      return refused(outcome::not_ready, out_, no_order(zone->contents().apex, order));
    }
    if (!denying->is_settled(labels, unix_time_)) {
      return refused(outcome::not_ready, out_,
                     "not ready: the names around this one changed just now");
    }
    const std::string_view before = zone->nodes()[found->before]->owner_text();
    const std::string_view after = zone->nodes()[found->after]->owner_text();
    out_ += R"({"result":{"before":")";
    if (order->nsec3()) {
      append_hash(found->before_hash);
      out_ += R"(","after":")";
      append_hash(found->after_hash);
    } else {
      const std::size_t apex_size = zone->nodes().front()->owner_text().size();
      append_below_apex(before, apex_size);
      out_ += R"(","after":")";
      append_below_apex(after, apex_size);
    }
    out_ += R"(","unhashed":")";
    out_ += before;
    out_ += R"("}})";
    return {};
  }

  reply operator()(const domain_keys_request& asked) {
    const zone_answers* const zone = parts_.find(asked.zone.wire());
    if (zone == nullptr) {
      return no_such_zone("[]");
    }
    out_ += result_head;
    const std::size_t begin = out_.size();
    if (const auto found = parts_.secrets->keys.find(zone->contents().apex);
        found != parts_.secrets->keys.end()) {
      for (const zone::dnssec_key& key : found->second) {
        append_key(key);
      }
    }
    close_list(out_, begin, '[', ']');
    out_ += '}';
    return {};
  }

  reply operator()(const tsig_key_request& asked) {
    const auto found = parts_.secrets->tsig_keys.find(zone::name(asked.key));
    if (found == parts_.secrets->tsig_keys.end()) {
      return answered(out_, "false");
    }
    out_ += result_head;
    append_tsig_key(found->second);
    out_ += '}';
    return {};
  }

  reply operator()(const tsig_keys_request&) {
    out_ += result_head;
    const std::size_t begin = out_.size();
    for (const auto& [name, key] : parts_.secrets->tsig_keys) {
      out_ += ',';
      append_tsig_key(key);
    }
    close_list(out_, begin, '[', ']');
    out_ += '}';
    return {};
  }

  reply operator()(const nothing_request&) { return answered(out_, "[]"); }

  reply operator()(const search_request& asked) {
    if (!parts_.complete) {
      return refused(outcome::not_ready, out_, "not ready: the zones are not all known");
    }
    if (asked.pattern.size() > pattern_octets_max) {
      return declined(out_, "searchRecords: the pattern is longer than " +
                                std::to_string(pattern_octets_max) + " octets");
    }
    out_ += result_head;
    const std::size_t begin = out_.size();
    std::size_t left = std::min<std::size_t>(asked.records_max, search_records_max);
    for (std::size_t i = 0; i < parts_.zone_count() && left > 0; ++i) {
      left -= append_matches(out_, parts_.zone_at(i).contents(), asked.pattern, left);
    }
    close_list(out_, begin, '[', ']');
    out_ += '}';
    return {};
  }

  reply operator()(const command_request& asked) {
    out_ += result_head;
    append_json_string(out_, obey(asked.text));
    out_ += '}';
    return {};
  }

  reply operator()(const set_notified_request&) { return answered(out_, "true"); }

  reply operator()(const write_request& asked) {
    return declined(out_, "Thor does not offer " + excerpt(to_string(method_of(asked))) +
                              ": this backend is read-only, its zones follow the overlay");
  }

  reply operator()(const declined_request& asked) { return declined(out_, asked.why); }

 private:
  static std::string no_order(const zone::name& apex, const zone::denial* order) {
    return "not ready: " + apex.text() +
           (order == nullptr
                ? " has no order of its names: no keys, synthesised names, or narrow or "
                  "unreadable NSEC3"
                : " denies by NSEC3, and this is no hash");
  }

  /// `owner` as node_answers::owner_text() gives it, without the apex; "." for the apex itself.
  void append_below_apex(std::string_view owner, std::size_t apex_size) {
    owner.remove_suffix(apex_size);
    out_ += owner.empty() ? "." : owner;
  }

  void append_hash(const zone::nsec3_hash& hash) {
    const zone::nsec3_label label = zone::to_label(hash);
    out_.append(label.data(), label.size());
  }

  /// As a row of getDomainKeys, with a comma before it.
  void append_key(const zone::dnssec_key& key) {
    out_ += ",{\"id\":";
    append_json_number(out_, key.id);
    out_ += ",\"flags\":";
    append_json_number(out_, key.flags);
    out_ += key.active ? ",\"active\":true" : ",\"active\":false";
    out_ += key.published ? ",\"published\":true" : ",\"published\":false";
    out_ += ",\"content\":";
    append_json_string(out_, key.content);
    out_ += '}';
  }

  void append_tsig_key(const zone::tsig_key& key) {
    out_ += "{\"name\":";
    append_json_string(out_, key.owner.text());
    out_ += ",\"algorithm\":";
    append_json_string(out_, key.algorithm);
    out_ += ",\"content\":";
    append_json_string(out_, key.secret);
    out_ += '}';
  }

  std::string obey(std::string_view words) const {
    constexpr std::string_view zone_command = "zone ";
    if (words == "status") {
      return status();
    }
    if (words == "zones") {
      std::string out;
      for (std::size_t i = 0; i < parts_.zone_count(); ++i) {
        out += summary(parts_.zone_at(i));
      }
      return out;
    }
    if (words.starts_with(zone_command)) {
      const auto name = zone::name::parse(words.substr(zone_command.size()));
      const zone_answers* const zone = name ? parts_.find(name->wire()) : nullptr;
      return zone == nullptr ? "there is no such zone\n" : summary(*zone);
    }
    return "Thor knows: status, zones, zone NAME\n";
  }

  std::string status() const {
    std::size_t records = 0;
    std::size_t signed_zones = 0;
    for (std::size_t i = 0; i < parts_.zone_count(); ++i) {
      records += parts_.zone_at(i).record_count();
      signed_zones += parts_.secrets->keys.contains(parts_.zone_at(i).contents().apex) ? 1 : 0;
    }
    return std::to_string(parts_.zone_count()) + " zones (" + std::to_string(signed_zones) +
           " with keys), " + std::to_string(records) + " records" +
           (parts_.complete ? "\n" : "; not all zones are read yet\n");
  }

  static std::string summary(const zone_answers& zone) {
    return zone.contents().apex.text() + " serial " + std::to_string(zone.contents().serial) +
           ", " + std::to_string(zone.record_count()) + " records" +
           (zone.is_whole() ? "\n" : ", members not known\n");
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
  std::chrono::milliseconds unix_time_; ///< since the epoch
  connector via_;
  std::string& out_;
  const zone::zone_edit* pending_;
};

reply answer(const answer_table* table, const request& asked, std::chrono::milliseconds unix_time,
             connector via, std::string& out, const zone::zone_edit* pending) {
  if (table != nullptr) {
    return std::visit(answerer(*table, unix_time, via, out, pending), asked);
  }
  if (std::holds_alternative<initialize_request>(asked)) {
    return answered(out, "true");
  }
  return refused(outcome::not_ready, out, "not ready: no zone is loaded yet");
}

} // namespace thor::backend
