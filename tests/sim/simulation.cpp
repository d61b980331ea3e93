#include "tests/sim/simulation.hpp"

#include "tests/sim/chaos.hpp"
#include "tests/sim/world.hpp"

#include <fmt/format.h>

namespace thor::sim {

namespace {

constexpr auto look_interval = 100ms;
/// Agreement is no accident of a moment: it lasts.
constexpr auto agreement_min = 5s;
constexpr auto calm_before_chaos_max = 40s;
constexpr auto chaos_min = 10s;
constexpr auto chaos_max = 120s;

/// Returns how long it took until an agreement that lasts.
model::duration await_agreement(world& in) {
  const auto begin = in.now();
  auto agreed = begin;
  while (in.now() < agreed + agreement_min) {
    in.run_for(look_interval);
    const auto why = in.law().disagreement();
    if (why.empty())
      continue;
    agreed = in.now();
    if (agreed >= begin + agreement_max)
      in.law().broken(
          "everybody_agrees_in_the_end",
          fmt::format("{} s after everything was well: {}", agreement_max.count(), why));
  }
  return agreed - begin;
}

model::duration play(world& in, std::uint64_t seed) {
  dice chance(seed);
  chaos trouble(in, chance.fork());
  in.tell("---- seed {}: {}", seed, trouble.description());
  trouble.start_everything();
  in.run_for(3s);
  await_agreement(in);
  in.run_for(chance.between(0s, calm_before_chaos_max));

  const auto serials = in.law().serials();
  const auto time = chance.any_scale(chaos_min, chaos_max);
  trouble.rage(time);
  in.run_for(time);
  trouble.heal();
  const auto took = await_agreement(in);
  if (trouble.only_event_servers() && in.law().serials() != serials)
    in.law().broken("event_servers_change_no_zone",
                    "nothing happened but restarts of event servers, and the serial has moved");
  return took;
}

} // namespace

outcome simulate(std::uint64_t seed, fault planted, bool trace) {
  outcome out;
  world in(seed, planted, trace);
  const auto begin = in.now();
  try {
    out.healed_within = std::chrono::duration_cast<std::chrono::milliseconds>(play(in, seed));
  } catch (const violation& v) {
    out.broken = v;
  }
  out.simulated = std::chrono::duration_cast<std::chrono::milliseconds>(in.now() - begin);
  return out;
}

} // namespace thor::sim
