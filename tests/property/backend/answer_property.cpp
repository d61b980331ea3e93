#include "backend/answer/answer_table.hpp"
#include "tests/support/synthetic_zone.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <set>
#include <string>
#include <string_view>

namespace thor::backend {
namespace {

constexpr std::uint64_t some_time_s = 1'736'000'000;

/// A zone of random members, some of them delegations.
std::shared_ptr<const zone::contents> any_zone(const zone::contents* previous) {
  std::vector<zone::rrset> sets;
  for (const int member : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 12))) {
    const std::string owner = "n" + std::to_string(member) + ".node.z.example.";
    const int last = *rc::gen::inRange(0, 4);
    sets.push_back(
        test::rrset_of(owner, zone::rr_type::a, 30, {"192.0.2." + std::to_string(last)}));
    sets.push_back(test::rrset_of("_sip._udp.z.example.", zone::rr_type::srv, 30,
                                  {"10 100 5060 " + owner}, 4));
    if (member == 3) {
      sets.push_back(test::rrset_of("cut." + owner, zone::rr_type::ns, 60, {"ns.cut." + owner}));
      sets.push_back(test::rrset_of("ns.cut." + owner, zone::rr_type::a, 60, {"192.0.2.99"}));
    }
  }
  zone::soa_rdata soa;
  soa.serial = previous == nullptr ? 1 : previous->serial + 1;
  return zone::build({.apex = test::name_of("z.example."),
                      .id = 1,
                      .soa = soa,
                      .soa_ttl_s = 300,
                      .rrsets = std::move(sets),
                      .promised = {{test::name_of("_sip._udp.z.example."), true}},
                      .dynamic_known = *rc::gen::inRange(0, 10) != 0},
                     previous)
      .zone;
}

std::shared_ptr<const answer_table> table_of(std::shared_ptr<const zone::contents> zone,
                                             const answer_table* previous) {
  return answer_table::build({.zones = test::snapshot_of({std::move(zone)}),
                              .metadata = nullptr,
                              .server_id = "ns1",
                              .complete = true},
                             previous);
}

std::string ask(const answer_table& table, const request& question) {
  std::string out;
  reply made = answer(&table, question, std::chrono::seconds(some_time_s), connector::http, out);
  made.rest.append_to(out, std::numeric_limits<std::uint32_t>::max());
  // What keeps the first answers of a changed name out of caches.
  constexpr std::string_view uncached = "\"scopeMask\":1,";
  if (const auto found = out.find(uncached); found != std::string::npos) {
    out.erase(found, uncached.size());
  }
  return out;
}

RC_GTEST_PROP(answer, a_table_made_after_others_answers_like_one_made_from_scratch, ()) {
  std::shared_ptr<const zone::contents> zone;
  std::shared_ptr<const answer_table> table;
  for (int step = 0; step < 4; ++step) {
    zone = any_zone(zone.get());
    table = table_of(zone, table.get());
    const auto scratch = table_of(zone, nullptr);
    const request list = list_request{zone->apex};
    RC_ASSERT(ask(*table, list) == ask(*scratch, list));
    for (int member = 0; member < 12; ++member) {
      const request question =
          lookup_request{.qname = test::name_of("n" + std::to_string(member) + ".node.z.example."),
                         .qtype = zone::rr_type::any,
                         .zone_id = 1};
      RC_ASSERT(ask(*table, question) == ask(*scratch, question));
    }
  }
}

RC_GTEST_PROP(answer, a_lookup_holds_exactly_what_the_node_has, ()) {
  const auto zone = any_zone(nullptr);
  const auto table = table_of(zone, nullptr);
  for (const auto& node : zone->nodes) {
    const auto got = boost::json::parse(ask(
        *table, lookup_request{.qname = node->owner, .qtype = zone::rr_type::any, .zone_id = {}}));
    RC_ASSERT(got.as_object().contains("result") == node->available);
    if (!node->available) {
      continue;
    }
    std::multiset<std::string> rows;
    for (const auto& row : got.at("result").as_array()) {
      RC_ASSERT(row.at("qname").as_string() == node->owner.text());
      const std::string type(row.at("qtype").as_string());
      const std::string content(row.at("content").as_string());
      rows.insert(type + " " + (type.empty() ? content : test::as_we_write(type, content)));
    }
    std::multiset<std::string> records;
    std::size_t expected = 0;
    for (const auto& set : node->rrsets) {
      expected += set->slice == 0 ? set->records.size()
                                  : std::min<std::size_t>(set->slice, set->records.size());
      for (const zone::rdata& record : set->records) {
        records.insert(to_string(set->type) + " " + zone::to_text(record));
      }
    }
    if (records.empty()) {
      RC_ASSERT(rows == std::multiset<std::string>{" "});
    } else {
      RC_ASSERT(rows.size() == expected);
      RC_ASSERT(std::ranges::includes(records, rows));
    }
  }
}

} // namespace
} // namespace thor::backend
