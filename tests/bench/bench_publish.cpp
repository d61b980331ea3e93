// From a status that changes one member to the zone that answers: each step of it in turn, for
// overlays of several sizes. What thor-dns does on its overlay thread, but for the sockets.
#include "backend/answer/answer_table.hpp"
#include "coordinator/dns/coordinator.hpp"
#include "tests/bench/backend/figures.hpp"
#include "zone/check/check.hpp"
#include "zone/text/digest.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace thor;
using bench::microseconds;
using bench::quantile;
using bench::steady;

constexpr std::array<unsigned, 3> overlay_sizes{10, 1000, 10'000};
constexpr unsigned changes = 100;
constexpr model::unix_time wall{std::chrono::seconds{1'800'000'000}};

zone::name name(std::string_view text) {
  return *zone::name::parse(text);
}

model::member proxy(unsigned number, std::uint64_t sequence, std::uint16_t weight) {
  const auto octet = [](unsigned n) { return static_cast<std::uint8_t>(n & 0xff); };
  return {{.id = *model::node_id::parse("n" + std::to_string(number)),
           .at = {1, sequence},
           .addresses = {model::ip_address::v4({198, 18, octet(number >> 8), octet(number)})},
           .roles = {{"sip_proxy", {.ports = {}, .weight = weight}}},
           .site = "",
           .software = "",
           .attributes = {}},
          wall};
}

dns::coordinator make_coordinator() {
  const dns::fixed_host server{"ns1", {model::ip_address::v4({192, 0, 2, 53})}, 0};
  return {*dns::zone_plan::make({.domain = name("sip.example.com"),
                                 .ids = {{name("sip.example.com"), 1}},
                                 .soa = {},
                                 .name_servers = {server},
                                 .event_servers = {},
                                 .roles = dns::built_in_roles()}),
          {}};
}

/// The steps of one publication, in microseconds.
struct steps {
  std::vector<double> describe, build, check, table, total, keep, digest;
};

class publisher {
 public:
  void publish(const std::vector<dns::effect>& effects, steps* spent) {
    for (const auto& e : effects)
      if (const auto* wanted = std::get_if<dns::publish_zones>(&e))
        publish(*wanted, spent);
  }
  [[nodiscard]] std::uint64_t digest() const { return zone::digest(*zone_); }

 private:
  void publish(const dns::publish_zones& wanted, steps* spent) {
    const auto begin = steady::now();
    auto built = zone::build(wanted.inputs.front(), zone_.get()).zone;
    const auto was_built = steady::now();
    if (!zone::check_changes(zone_.get(), *built))
      std::abort();
    const auto was_checked = steady::now();
    zone_ = std::move(built);
    auto zones = std::make_shared<zone::snapshot>();
    zones->zones.push_back(zone_);
    table_ = backend::answer_table::build(
        {.zones = std::move(zones), .metadata = nullptr, .server_id = "ns1", .complete = true},
        table_.get());
    const auto was_written = steady::now();
    if (spent == nullptr)
      return;
    spent->build.push_back(microseconds(was_built - begin));
    spent->check.push_back(microseconds(was_checked - was_built));
    spent->table.push_back(microseconds(was_written - was_checked));
  }

  std::shared_ptr<const zone::contents> zone_;
  std::shared_ptr<const backend::answer_table> table_;
};

void measure(const bench::report& out, unsigned members) {
  auto machine = make_coordinator();
  publisher to;
  steps spent;
  std::vector<dns::effect> effects;
  model::time_point now{std::chrono::hours{1}};
  const model::epoch epoch{1'800'000'000, "m1"};
  model::status_full first{{epoch, 1}, 1'800'000'001, {}};
  for (unsigned i = 0; i < members; ++i) {
    const auto m = proxy(i, 1, 100);
    first.members.emplace(m.what.id, m);
  }
  machine.start(now, wall, {}, nullptr, effects);
  machine.on_status(now += std::chrono::seconds{1}, wall, "es1", first, effects);
  to.publish(effects, nullptr);
  for (unsigned i = 1; i <= changes; ++i) {
    const model::status_delta delta{
        {epoch, 1 + i},
        first.serial + i,
        {proxy(i * 7919 % members, 1 + i, static_cast<std::uint16_t>(i))},
        {}};
    effects.clear();
    now += std::chrono::milliseconds{10};
    const auto begin = steady::now();
    machine.on_status(now, wall, "es1", delta, effects);
    const auto described = steady::now();
    to.publish(effects, &spent);
    const auto swapped = steady::now();
    const auto kept = machine.to_persist();
    const auto was_kept = steady::now();
    const auto digest = to.digest();
    spent.describe.push_back(microseconds(described - begin));
    spent.total.push_back(microseconds(swapped - begin));
    spent.keep.push_back(microseconds(was_kept - swapped));
    spent.digest.push_back(microseconds(steady::now() - was_kept));
    if (kept.members.size() != members || digest == 0)
      std::abort();
  }
  const auto median = [](std::vector<double>& values) { return quantile(values, 0.5); };
  out.add("one member changes, of " + std::to_string(members),
          {{"describe_us", median(spent.describe)},
           {"build_us", median(spent.build)},
           {"check_us", median(spent.check)},
           {"table_us", median(spent.table)},
           {"status_to_swap_us", median(spent.total)},
           {"p99_us", quantile(spent.total, 0.99)},
           {"keep_us", median(spent.keep)},
           {"digest_us", median(spent.digest)}});
}

} // namespace

int main(int argc, char** argv) {
  const bench::report out(argc > 1 && std::string_view(argv[1]) == "--json", "publish");
  for (const unsigned members : overlay_sizes)
    measure(out, members);
}
