#include "tests/bench/backend/in_process.hpp"

#include "backend/answer/answer_table.hpp"
#include "backend/protocol/read.hpp"
#include "tests/support/synthetic_zone.hpp"

#include <array>
#include <string>
#include <vector>

namespace thor::bench {
namespace {

constexpr std::array<unsigned, 3> zone_sizes{10, 1000, 10'000};
constexpr std::uint64_t some_time_s = 1'736'000'000;

std::shared_ptr<const backend::answer_table>
table_of(std::shared_ptr<const zone::contents> zone, const backend::answer_table* previous) {
  return backend::answer_table::build({.zones = test::snapshot_of({std::move(zone)}),
                                       .metadata = nullptr,
                                       .server_id = "ns1",
                                       .complete = true},
                                      previous);
}

std::string envelope(std::string_view qname) {
  return R"({"method": "lookup", "parameters": {"local": "0.0.0.0", "qname": ")" +
         std::string(qname) +
         R"(", "qtype": "ANY", "real-remote": "127.0.0.1/32", "remote": "127.0.0.1", "zone-id": 1}})";
}

/// Reading, looking up and writing, as a serving thread does it between two system calls.
double lookup_us(const backend::answer_table& table, const std::vector<std::string>& questions) {
  std::string out;
  return median_us(
      [&](std::size_t i) {
        out.clear();
        const auto asked = backend::read_envelope(questions[i % questions.size()]);
        backend::answer(&table, *asked, some_time_s, backend::connector::http, out);
      },
      31, 5000);
}

void lookups(const report& out, const backend::answer_table& table, unsigned members) {
  const std::string suffix = ", " + std::to_string(members) + " nodes";
  std::vector<std::string> nodes;
  std::vector<std::string> strangers;
  // Names all over the zone, so that the processor's caches are no better than in service.
  for (unsigned i = 0; i < 4096; ++i) {
    const unsigned member = i * 2'654'435'761U % members;
    nodes.push_back(envelope("n" + std::to_string(member) + ".node.sip.example.com."));
    strangers.push_back(envelope("x" + std::to_string(i) + ".node.sip.example.com."));
  }
  const std::string unit = "us";
  out.add("lookup: SRV of a role" + suffix, unit,
          lookup_us(table, {envelope("_sip._udp.sip.example.com.")}));
  out.add("lookup: address of a node" + suffix, unit, lookup_us(table, nodes));
  out.add("lookup: name that does not exist" + suffix, unit, lookup_us(table, strangers));
  out.add("lookup: apex" + suffix, unit, lookup_us(table, {envelope("sip.example.com.")}));
}

void builds(const report& out, unsigned members) {
  const std::string suffix = ", " + std::to_string(members) + " nodes";
  test::synthetic_zone shape{.members = members};
  const auto zone = build(shape);
  const auto table = table_of(zone, nullptr);
  // One more member: the SRV and address sets of the role change, and the SOA.
  const auto grown =
      build(test::synthetic_zone{.serial = shape.serial + 1, .members = members + 1}, zone.get());
  // A new serial alone: the least a change costs.
  const auto touched =
      build(test::synthetic_zone{.serial = shape.serial + 1, .members = members}, zone.get());
  const std::size_t batches = members > 1000 ? 7 : 31;
  out.add("table from scratch" + suffix, "us",
          median_us([&](std::size_t) { table_of(zone, nullptr); }, batches, 1));
  out.add("table after a join" + suffix, "us",
          median_us([&](std::size_t) { table_of(grown, table.get()); }, batches, 1));
  out.add("table after a new serial" + suffix, "us",
          median_us([&](std::size_t) { table_of(touched, table.get()); }, batches, 1));
}

} // namespace

void in_process(const report& out) {
  for (const unsigned members : zone_sizes) {
    lookups(out, *table_of(build(test::synthetic_zone{.members = members}), nullptr), members);
  }
  for (const unsigned members : zone_sizes) {
    builds(out, members);
  }
}

} // namespace thor::bench
