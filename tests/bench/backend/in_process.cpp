#include "backend/protocol/read.hpp"
#include "tests/bench/backend/cases.hpp"

#include <array>

namespace thor::bench {
namespace {

constexpr std::array<unsigned, 3> zone_sizes{10, 1000, 10'000};
constexpr std::uint64_t some_time_s = 1'736'000'000;

/// Reading, looking up and writing, as a serving thread does it between two system calls.
double lookup_us(const backend::answer_table& table, const std::vector<std::string>& questions) {
  constexpr std::size_t batches = 1001;
  constexpr std::size_t calls = 200; // done before a neighbour can take the processor
  std::string out;
  return median_us(
      [&](std::size_t i) {
        out.clear();
        const auto asked = backend::read_envelope(questions[i % questions.size()]);
        backend::answer(&table, *asked, std::chrono::seconds(some_time_s), backend::connector::http,
                        out);
      },
      batches, calls);
}

void lookups(const report& out, unsigned members) {
  const auto table = table_of(build(test::synthetic_zone{.members = members}), nullptr);
  // Names all over the zone, so that the processor's caches are no better than in service.
  constexpr unsigned names = 4096;
  constexpr unsigned stride = 2'654'435'761;
  std::vector<std::string> nodes;
  std::vector<std::string> strangers;
  for (unsigned i = 0; i < names; ++i) {
    nodes.push_back(
        envelope("n" + std::to_string(i * stride % members) + ".node.sip.example.com."));
    strangers.push_back(envelope("x" + std::to_string(i) + ".node.sip.example.com."));
  }
  const std::string suffix = ", " + std::to_string(members) + " nodes";
  const auto add = [&](const std::string& name, const std::vector<std::string>& questions) {
    out.add("lookup of " + name + suffix, {{"lookup_us", lookup_us(*table, questions)}});
  };
  add("a role's SRV", {envelope("_sip._udp.sip.example.com.")});
  add("a node", nodes);
  add("a name that does not exist", strangers);
  add("the apex", {envelope("sip.example.com.")});
}

void builds(const report& out, unsigned members) {
  const test::synthetic_zone shape{.members = members};
  test::synthetic_zone next = shape;
  ++next.serial;
  const auto zone = build(shape);
  const auto table = table_of(zone, nullptr);
  const auto touched = build(next, zone.get());
  ++next.members;
  const auto grown = build(next, zone.get());

  constexpr std::size_t batches = 11;
  const std::string suffix = ", " + std::to_string(members) + " nodes";
  const auto add = [&](const std::string& name, const auto& of, const auto* previous) {
    out.add(name + suffix,
            {{"build_us", median_us([&](std::size_t) { table_of(of, previous); }, batches, 1)}});
  };
  add("table from scratch", zone, static_cast<const backend::answer_table*>(nullptr));
  add("table after a join", grown, table.get());
  add("table after a new serial", touched, table.get());
}

} // namespace

void in_process(const report& out) {
  for (const unsigned members : zone_sizes) {
    lookups(out, members);
  }
  for (const unsigned members : zone_sizes) {
    builds(out, members);
  }
}

} // namespace thor::bench
