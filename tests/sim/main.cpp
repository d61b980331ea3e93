// sim: plays seeded histories of an overlay and checks the laws of README.md in each.
//
// Exit 0: nothing was broken (with --planted: every fault was found). 1: something was, and the
// command that plays it again is printed. 2: wrong usage.
#include "tests/sim/simulation.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

namespace thor::sim {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr auto progress_interval = 10s;
constexpr std::uint64_t seeds_per_fault_max = 1000;

double seconds(auto d) {
  return std::chrono::duration<double>(d).count();
}

void print_violation(std::uint64_t seed, const violation& v) {
  fmt::print("seed {}: {} is violated at{} s: {}\n"
             "  play it again: contrib/dev sim --seed {} --trace\n",
             seed, v.law, v.when, v.what, seed);
}

// ---- many seeds

class campaign {
 public:
  campaign(std::uint64_t first, std::uint64_t count)
      : next_(first)
      , end_(first + count)
      , count_(count) {}

  /// True when no law was broken.
  bool run(unsigned jobs) {
    {
      std::vector<std::jthread> workers;
      for (unsigned i = 0; i < jobs; ++i)
        workers.emplace_back([this] { work(); });
    }
    summarize();
    return violations_ == 0;
  }

 private:
  void work() {
    for (auto seed = next_++; seed < end_; seed = next_++)
      note(seed, simulate(seed));
  }

  void note(std::uint64_t seed, const outcome& got) {
    const std::lock_guard lock(mutex_);
    ++done_;
    simulated_ += got.simulated;
    if (got.broken) {
      ++violations_;
      print_violation(seed, *got.broken);
    } else {
      healed_.push_back(got.healed_within);
    }
    if (const auto now = steady::now(); now >= progress_at_) {
      progress_at_ = now + progress_interval;
      fmt::print("{} of {} seeds, {} violations, {:.0f} simulated seconds a second\n", done_,
                 count_, violations_, speed());
      std::fflush(stdout);
    }
  }

  [[nodiscard]] double speed() const {
    return seconds(simulated_) / seconds(steady::now() - begun_);
  }

  void summarize() {
    fmt::print("{} seeds: {} violations; {:.0f} simulated seconds in {:.1f} s, {:.0f} a second\n",
               done_, violations_, seconds(simulated_), seconds(steady::now() - begun_), speed());
    std::ranges::sort(healed_);
    if (!healed_.empty())
      fmt::print(
          "after healing everybody agreed within {:.1f} s (median), {:.1f} s (p99), {:.1f} s "
          "(longest); allowed: {} s\n",
          seconds(healed_[healed_.size() / 2]), seconds(healed_[healed_.size() * 99 / 100]),
          seconds(healed_.back()), agreement_max.count());
  }

  std::atomic<std::uint64_t> next_;
  const std::uint64_t end_;
  const std::uint64_t count_;
  const steady::time_point begun_ = steady::now();
  std::mutex mutex_; ///< guards what follows
  steady::time_point progress_at_ = begun_ + progress_interval;
  std::uint64_t done_ = 0;
  std::uint64_t violations_ = 0;
  std::chrono::milliseconds simulated_{};
  std::vector<std::chrono::milliseconds> healed_;
};

// ---- planted faults

/// The first seed from `first` on that finds it, if one does.
bool find(const planted_fault& planted, std::uint64_t first) {
  for (std::uint64_t seed = first; seed < first + seeds_per_fault_max; ++seed) {
    const auto got = simulate(seed, planted.which);
    if (!got.broken)
      continue;
    fmt::print("{:<20} caught by seed {:<5} {}: {}\n", planted.name, seed, got.broken->law,
               got.broken->what);
    std::fflush(stdout);
    return true;
  }
  fmt::print("{:<20} NOT caught within {} seeds: {}\n", planted.name, seeds_per_fault_max,
             planted.what);
  return false;
}

bool find_all(std::uint64_t first) {
  const auto found = std::ranges::count_if(planted_faults, [&](auto& f) { return find(f, first); });
  fmt::print("{} of {} planted faults caught\n", found, planted_faults.size());
  return found == std::ssize(planted_faults);
}

fault fault_named(const std::string& name) {
  const auto found = std::ranges::find(planted_faults, name, &planted_fault::name);
  if (found == planted_faults.end())
    throw CLI::ValidationError("--with", "there is no planted fault \"" + name + "\"");
  return found->which;
}

bool play_one(std::uint64_t seed, fault planted, bool trace) {
  const auto got = simulate(seed, planted, trace);
  if (got.broken)
    print_violation(seed, *got.broken);
  else
    fmt::print(
        "seed {}: nothing is broken; {:.0f} simulated seconds, agreed {:.1f} s after healing\n",
        seed, seconds(got.simulated), seconds(got.healed_within));
  return !got.broken;
}

} // namespace
} // namespace thor::sim

int main(int argc, char** argv) {
  using namespace thor::sim;
  CLI::App app{"Plays seeded histories of an overlay in which machines, links and clocks fail."};
  std::uint64_t count = 1000;
  std::uint64_t first = 1;
  std::uint64_t seed = 0;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  std::string with;
  bool trace = false;
  bool planted = false;
  app.add_option("seeds", count, "how many histories to play")->capture_default_str();
  app.add_option("--first", first, "the first seed")->capture_default_str();
  app.add_option("--jobs", jobs, "histories at the same time")->capture_default_str();
  auto* one = app.add_option("--seed", seed, "play this one only");
  app.add_flag("--trace", trace, "tell what happens in it")->needs(one);
  app.add_option("--with", with, "plant this fault in it")->needs(one);
  app.add_flag("--planted", planted, "plant each of the known faults and find it");
  try {
    app.parse(argc, argv);
    if (*one)
      return play_one(seed, with.empty() ? fault::none : fault_named(with), trace) ? 0 : 1;
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (planted)
    return find_all(first) ? 0 : 1;
  return campaign(first, count).run(jobs) ? 0 : 1;
}
