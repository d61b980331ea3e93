// What zones cost: one that is made from nothing, one of whose members a single one changes, and
// ten thousand hosted ones beside them; and what an order of denial adds. What thor-dns does on its
// overlay thread, but for the sockets, step by step.
#include "backend/answer/answer_table.hpp"
#include "coordinator/daemon/dns/roles/role_files.hpp"
#include "coordinator/dns/coordinator.hpp"
#include "coordinator/dns/hosting.hpp"
#include "tests/bench/backend/figures.hpp"
#include "tests/support/synthetic_zone.hpp"
#include "zone/check/check.hpp"
#include "zone/text/digest.hpp"

#include <malloc.h>

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
constexpr std::array<unsigned, 2> signed_sizes{100, 10'000};
constexpr unsigned few_members = 10;
constexpr unsigned members_that_left = 10'000;
constexpr unsigned hosted_domains = 10'000;
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

/// Octets that live on the heap now.
double heap_mib() {
  return static_cast<double>(::mallinfo2().uordblks) / (1024.0 * 1024.0);
}

/// The zones of that many hosted domains, from the template that a new database has.
std::shared_ptr<const zone::snapshot> hosted_zones(unsigned domains) {
  const auto how = *dns::hosting::make(name("sip.example.com"), {},
                                       {{"ns1", {model::ip_address::v4({192, 0, 2, 53})}, 0}});
  const auto srv = [](const char* owner, const char* content) {
    return dns::template_row{
        .name = owner, .type = zone::rr_type::srv, .ttl_s = 600, .content = content};
  };
  const auto naptr = [](const char* content) {
    return dns::template_row{
        .name = "@", .type = zone::rr_type::naptr, .ttl_s = 600, .content = content};
  };
  const std::vector<dns::template_row> rows{
      naptr(R"(10 100 "s" "SIPS+D2T" "" _sips._tcp.{overlay}.)"),
      naptr(R"(20 100 "s" "SIP+D2T" "" _sip._tcp.{overlay}.)"),
      naptr(R"(30 100 "s" "SIP+D2U" "" _sip._udp.{overlay}.)"),
      srv("_sips._tcp", "100 100 5061 proxy.{overlay}."),
      srv("_sip._tcp", "100 100 5060 proxy.{overlay}."),
      srv("_sip._udp", "100 100 5060 proxy.{overlay}.")};
  const auto check = [](const zone::rrset& set) {
    const auto checked = zone::check(set);
    return checked ? std::string() : checked.error().detail;
  };
  auto zones = std::make_shared<zone::snapshot>();
  for (unsigned i = 0; i < domains; ++i) {
    const dns::hosted_domain domain{100 + i,
                                    name("c" + std::to_string(100'000 + i) + ".example.net"), 1};
    auto described = how.describe(domain, rows, {}, check);
    if (!described.refused.empty())
      std::abort();
    zones->zones.push_back(zone::build(described.input, nullptr).zone);
  }
  return zones;
}

/// The steps of one publication, in microseconds.
struct steps {
  std::vector<double> describe, build, check, table, total, keep, digest;
};

class publisher {
 public:
  explicit publisher(std::shared_ptr<const zone::snapshot> hosted)
      : hosted_(std::move(hosted)) {}

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
    table_ = backend::answer_table::build({.zones = std::move(zones),
                                           .hosted = hosted_,
                                           .metadata = nullptr,
                                           .server_id = "ns1",
                                           .complete = true},
                                          table_.get());
    const auto was_written = steady::now();
    if (spent == nullptr)
      return;
    spent->build.push_back(microseconds(was_built - begin));
    spent->check.push_back(microseconds(was_checked - was_built));
    spent->table.push_back(microseconds(was_written - was_checked));
  }

  std::shared_ptr<const zone::snapshot> hosted_;
  std::shared_ptr<const zone::contents> zone_;
  std::shared_ptr<const backend::answer_table> table_;
};

void measure_hosting(const bench::report& out, const std::shared_ptr<const zone::snapshot>& none) {
  const double heap_before = heap_mib();
  const auto begin = steady::now();
  const auto zones = hosted_zones(hosted_domains);
  const auto was_built = steady::now();
  const auto table = backend::answer_table::build(
      {.zones = none, .hosted = zones, .metadata = nullptr, .server_id = "ns1", .complete = true},
      nullptr);
  out.add("full build of " + std::to_string(hosted_domains) + " hosted domains",
          {{"build_ms", microseconds(was_built - begin) / 1000},
           {"table_ms", microseconds(steady::now() - was_built) / 1000},
           {"heap_mib", heap_mib() - heap_before}});
}

/// `left`: so many more members have been there, whose names stay for their grace.
void measure(const bench::report& out, unsigned members, unsigned left,
             const std::shared_ptr<const zone::snapshot>& hosted) {
  const double heap_before = heap_mib();
  auto machine = make_coordinator();
  publisher to(hosted);
  steps spent;
  std::vector<dns::effect> effects;
  model::time_point now{std::chrono::hours{1}};
  const model::epoch epoch{1'800'000'000, "m1"};
  model::status_full first{{epoch, 1}, 1'800'000'001, {}};
  model::status_delta less{{epoch, 2}, first.serial + 1, {}, {}};
  for (unsigned i = 0; i < members + left; ++i) {
    const auto m = proxy(i, 1, 100);
    first.members.emplace(m.what.id, m);
    if (i >= members)
      less.removals.push_back({m.what.id, model::withdrawal::left});
  }
  machine.start(now, wall, {}, nullptr, effects);
  to.publish(effects, nullptr);
  effects.clear();
  const auto began = steady::now();
  machine.on_status(now += std::chrono::seconds{1}, wall, "es1", first, effects);
  to.publish(effects, nullptr);
  const auto beside = ", " + std::to_string(hosted->zones.size()) + " hosted domains" +
                      (left == 0 ? "" : ", " + std::to_string(left) + " that left");
  out.add("full build of " + std::to_string(members) + " members" + beside,
          {{"total_ms", microseconds(steady::now() - began) / 1000},
           {"heap_mib", heap_mib() - heap_before}});
  effects.clear();
  machine.on_status(now += std::chrono::seconds{1}, wall, "es1", less, effects);
  to.publish(effects, nullptr);
  for (unsigned i = 1; i <= changes; ++i) {
    const model::status_delta delta{
        {epoch, 2 + i},
        less.serial + i,
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
  out.add("one member of " + std::to_string(members) + " changes" + beside,
          {{"describe_us", median(spent.describe)},
           {"build_us", median(spent.build)},
           {"check_us", median(spent.check)},
           {"table_us", median(spent.table)},
           {"status_to_swap_us", median(spent.total)},
           {"p99_us", quantile(spent.total, 0.99)},
           {"keep_us", median(spent.keep)},
           {"digest_us", median(spent.digest)}});
}

enum class denial_by : std::uint8_t { nothing, nsec, nsec3 };

/// Tables of one synthetic zone of that many members, which has an order of denial or none.
class signed_publisher {
 public:
  signed_publisher(unsigned members, denial_by how)
      : shape_{.members = members} {
    if (how == denial_by::nothing)
      return;
    const auto apex = name(shape_.apex);
    auto known = std::make_shared<backend::secrets>();
    known->keys[apex] = {{.id = 1, .flags = 257, .active = true, .content = "no key"}};
    secrets_ = std::move(known);
    if (how == denial_by::nsec3)
      metadata_ = std::make_shared<const metadata>(metadata{{apex, {{"NSEC3PARAM", {"1 0 0 -"}}}}});
  }

  /// The zone has that many members now; returns what its table takes, in microseconds.
  double publish(unsigned members) {
    shape_.members = members;
    ++shape_.serial;
    zone_ = test::build(shape_, zone_.get());
    auto zones = test::snapshot_of({zone_});
    const auto begin = steady::now();
    table_ = backend::answer_table::build({.zones = std::move(zones),
                                           .metadata = metadata_,
                                           .secrets = secrets_,
                                           .server_id = "ns1",
                                           .complete = true},
                                          table_.get());
    return microseconds(steady::now() - begin);
  }
  [[nodiscard]] std::size_t names() const { return zone_->nodes.size(); }

 private:
  using metadata = std::map<zone::name, backend::zone_metadata>;

  test::synthetic_zone shape_;
  std::shared_ptr<const backend::secrets> secrets_;
  std::shared_ptr<const metadata> metadata_;
  std::shared_ptr<const zone::contents> zone_;
  std::shared_ptr<const backend::answer_table> table_;
};

void measure_denial(const bench::report& out, unsigned members) {
  for (const auto& [how, label] :
       {std::pair(denial_by::nothing, "unsigned"), std::pair(denial_by::nsec, "NSEC"),
        std::pair(denial_by::nsec3, "NSEC3")}) {
    signed_publisher to(members, how);
    const double full_us = to.publish(members);
    std::vector<double> same_names;
    std::vector<double> one_more_or_less;
    for (unsigned i = 1; i <= changes; ++i) {
      one_more_or_less.push_back(to.publish(members + i % 2));
      same_names.push_back(to.publish(members + i % 2)); // the SOA is another
    }
    out.add("table of " + std::to_string(to.names()) + " names, " + label,
            {{"full_us", full_us},
             {"same_names_us", quantile(same_names, 0.5)},
             {"a_name_comes_or_goes_us", quantile(one_more_or_less, 0.5)},
             {"p99_us", quantile(one_more_or_less, 0.99)}});
  }
}

} // namespace

int main(int argc, char** argv) {
  const bench::report out(argc > 1 && std::string_view(argv[1]) == "--json", "zone");
  const auto none = std::make_shared<zone::snapshot>();
  measure_hosting(out, none);
  const auto many = hosted_zones(hosted_domains);
  for (const unsigned members : overlay_sizes)
    for (const auto& hosted : {std::shared_ptr<const zone::snapshot>(none), many})
      measure(out, members, 0, hosted);
  measure(out, few_members, members_that_left, none);
  for (const unsigned members : signed_sizes)
    measure_denial(out, members);
}
