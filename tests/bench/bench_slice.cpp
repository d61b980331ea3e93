// How evenly members are handed out when a role has more of them than one answer holds: the
// chi-square of a fit to "equally often", over lookups at random times, serials and name servers.
// The records of one answer are neighbours on a ring and not independent, so of each answer one
// record at random is counted; with sites one of the client's own and one of the others.
//
// p is the probability of a fit that is no better by chance: about 1 in 20 cases is below 0.05 or
// above 0.95 by right. "every second" goes through the time in turn, which is more even than
// chance.
#include "backend/answer/answer_table.hpp"
#include "tests/bench/backend/figures.hpp"
#include "tests/support/synthetic_zone.hpp"

#include <boost/math/distributions/chi_squared.hpp>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace thor;

constexpr std::array<unsigned, 3> role_sizes{20, 200, 2000};
constexpr std::array<std::string_view, 4> servers{"ns1", "ns2", "ns3", "ns4"};
constexpr unsigned serials = 25;
constexpr unsigned lookups_per_serial = 2000; ///< at each of the servers
constexpr unsigned site_count = 4;            ///< of equal size; the client is of the first
constexpr std::uint64_t first_time_s = 1'736'000'000;
constexpr std::uint64_t times_s = 10'000'000; ///< about four months
constexpr std::string_view own_priority = "\"10 ";

/// The members of an answer: those of the client's own site, and the others.
struct handed_out {
  std::vector<std::size_t> own;
  std::vector<std::size_t> others;
};

handed_out read(std::string_view answer) {
  constexpr std::string_view content = R"("content":)";
  constexpr std::string_view target = " n";
  handed_out out;
  for (std::size_t at = answer.find(content); at != std::string_view::npos;
       at = answer.find(content)) {
    answer.remove_prefix(at + content.size());
    const std::string_view number = answer.substr(answer.find(target) + target.size());
    std::size_t member = 0;
    std::from_chars(number.data(), number.data() + number.size(), member);
    (answer.starts_with(own_priority) ? out.own : out.others).push_back(member);
  }
  return out;
}

std::shared_ptr<const backend::answer_table> table_of(const test::synthetic_zone& shape,
                                                      std::string_view server) {
  auto sites = std::make_shared<const backend::networks>(std::vector<backend::viewing_network>{
      {.where = *backend::ip_prefix::parse("192.0.2.0/24"), .view = 1}});
  return backend::answer_table::build({.zones = test::snapshot_of({test::build(shape)}),
                                       .metadata = nullptr,
                                       .server_id = std::string(server),
                                       .networks = std::move(sites),
                                       .complete = true},
                                      nullptr);
}

handed_out ask(const backend::answer_table& table, std::uint64_t unix_time_s) {
  static const backend::request question =
      backend::lookup_request{.qname = test::name_of("_sip._udp.sip.example.com."),
                              .zone_id = {},
                              .client = backend::ip_prefix::parse("192.0.2.0/24")};
  std::string text;
  backend::answer(&table, question, std::chrono::seconds(unix_time_s), backend::connector::http,
                  text);
  return read(text);
}

/// How often each member of one group was counted.
class tally {
 public:
  explicit tally(std::size_t members)
      : times_(members) {}

  void count(std::size_t member) { ++times_[member]; }

  /// Over the members for which `is_in` is true.
  template <typename InGroup>
  void add_to(double& chi_square, double& freedom, InGroup is_in) const {
    double total = 0;
    double members = 0;
    for (std::size_t i = 0; i < times_.size(); ++i) {
      if (is_in(i)) {
        total += times_[i];
        ++members;
      }
    }
    if (total == 0) {
      return;
    }
    const double expected = total / members;
    for (std::size_t i = 0; i < times_.size(); ++i) {
      if (is_in(i)) {
        chi_square += (times_[i] - expected) * (times_[i] - expected) / expected;
      }
    }
    freedom += members - 1;
  }

 private:
  std::vector<double> times_;
};

class experiment {
 public:
  experiment(unsigned members, unsigned sites)
      : shape_{.members = members, .sites = sites}
      , own_(members)
      , others_(members) {}

  /// Records of each group, one of them at random from every answer.
  void at_random_times() {
    std::uniform_int_distribution<std::uint64_t> time(first_time_s, first_time_s + times_s);
    for (unsigned i = 0; i < serials; ++i) {
      ++shape_.serial;
      for (const std::string_view server : servers) {
        const auto table = table_of(shape_, server);
        for (unsigned n = 0; n < lookups_per_serial; ++n) {
          const handed_out got = ask(*table, time(dice_));
          count_one(own_, got.own);
          count_one(others_, got.others);
        }
      }
    }
  }

  /// All records, one lookup a second at one name server.
  void every_second() {
    const auto table = table_of(shape_, servers.front());
    for (unsigned n = 0; n < serials * servers.size() * lookups_per_serial; ++n) {
      const handed_out got = ask(*table, first_time_s + n);
      for (const std::size_t member : got.own) {
        own_.count(member);
      }
      for (const std::size_t member : got.others) {
        others_.count(member);
      }
    }
  }

  void report(const bench::report& out, std::string_view name) const {
    double chi_square = 0;
    double freedom = 0;
    const auto is_own = [&](std::size_t member) {
      return shape_.sites == 0 || member % shape_.sites == 0;
    };
    own_.add_to(chi_square, freedom, is_own);
    others_.add_to(chi_square, freedom, [&](std::size_t member) { return !is_own(member); });
    const boost::math::chi_squared distribution(freedom);
    out.add(name, {{"chi_square", chi_square},
                   {"degrees_of_freedom", freedom},
                   {"p", boost::math::cdf(boost::math::complement(distribution, chi_square))}});
  }

 private:
  void count_one(tally& of, const std::vector<std::size_t>& members) {
    if (!members.empty()) {
      of.count(members[std::uniform_int_distribution<std::size_t>(0, members.size() - 1)(dice_)]);
    }
  }

  test::synthetic_zone shape_;
  tally own_;
  tally others_;
  std::mt19937_64 dice_{1};
};

} // namespace

int main(int argc, char** argv) {
  const bench::report out(argc > 1 && std::string_view(argv[1]) == "--json", "slice");
  for (const unsigned members : role_sizes) {
    for (const unsigned sites : {0U, site_count}) {
      const std::string name = std::to_string(members) + " members" +
                               (sites == 0 ? "" : ", " + std::to_string(sites) + " sites");
      experiment random(members, sites);
      random.at_random_times();
      random.report(out, name + ", at random times");
      experiment in_turn(members, sites);
      in_turn.every_second();
      in_turn.report(out, name + ", every second");
    }
  }
  return EXIT_SUCCESS;
}
