#include "coordinator/runtime/admission.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace thor::runtime {
namespace {

using namespace std::chrono_literals;
using ticket = admission::ticket;

constexpr model::time_point start{1h};
/// Strangers no longer count as members that reconnect.
constexpr model::time_point later = start + strangers_matter_for;

model::ip_address address(std::uint32_t number) {
  return model::ip_address::v4({10, static_cast<std::uint8_t>(number >> 16),
                                static_cast<std::uint8_t>(number >> 8),
                                static_cast<std::uint8_t>(number)});
}

model::ip_address address(std::string_view text) {
  return model::ip_address::parse(text).value();
}

void make_known(admission& gate, const model::ip_address& who) {
  gate.finish(later, gate.admit(later, who).admitted.value(), true);
}

/// Takes all places with `each` connections from as many addresses as it takes.
std::vector<ticket> fill(admission& gate, std::size_t each) {
  std::vector<ticket> taken;
  for (std::uint32_t i = 0; taken.size() < half_open_max; ++i)
    taken.push_back(
        gate.admit(later, address(1000 + i / static_cast<std::uint32_t>(each))).admitted.value());
  return taken;
}

TEST(admission, gives_each_address_its_share_only) {
  admission gate(start);
  std::vector<ticket> mine;
  for (std::size_t i = 0; i < half_open_per_address_max; ++i)
    mine.push_back(gate.admit(later, address(1)).admitted.value());
  EXPECT_FALSE(gate.admit(later, address(1)).admitted);
  EXPECT_TRUE(gate.admit(later, address(2)).admitted);
  gate.finish(later, mine[0], false);
  EXPECT_TRUE(gate.admit(later, address(1)).admitted);
  EXPECT_FALSE(gate.admit(later, address(1)).admitted);
}

TEST(admission, counts_an_ipv6_network_as_one_address) {
  admission gate(start);
  for (std::size_t i = 0; i < half_open_per_address_max; ++i)
    gate.admit(later, address("2001:db8::" + std::to_string(i)));
  EXPECT_FALSE(gate.admit(later, address("2001:db8::ffff")).admitted);
  EXPECT_TRUE(gate.admit(later, address("2001:db8:0:1::1")).admitted);
}

TEST(admission, counts_an_address_once_however_it_is_written) {
  admission gate(start);
  for (std::size_t i = 0; i < half_open_per_address_max; ++i)
    gate.admit(later, address("192.0.2.1"));
  EXPECT_FALSE(gate.admit(later, address("::ffff:192.0.2.1")).admitted);
}

TEST(admission, never_holds_more_than_its_places) {
  admission gate(start);
  fill(gate, half_open_per_address_max);
  for (std::uint32_t i = 0; i < 5000; ++i)
    gate.admit(later, address(100'000 + i));
  EXPECT_EQ(gate.half_open(), half_open_max);
}

TEST(admission, takes_a_place_from_the_address_that_has_most) {
  admission gate(start);
  const auto single = gate.admit(later, address(1)).admitted.value();
  std::vector<ticket> heavy;
  for (int i = 0; i < 3; ++i)
    heavy.push_back(gate.admit(later, address(2)).admitted.value());
  for (std::uint32_t i = 0; gate.half_open() < half_open_max; ++i)
    gate.admit(later, address(1000 + i));
  EXPECT_EQ(gate.admit(later, address(3)).evicted, heavy[0]);
  EXPECT_EQ(gate.admit(later, address(4)).evicted, heavy[1]);
  EXPECT_FALSE(gate.admit(later, address(5)).admitted) << "all have one";
  EXPECT_EQ(gate.admit(later + place_kept_for, address(5)).evicted, single) << "the oldest goes";
}

TEST(admission, lets_those_finish_that_began_when_thousands_return_at_once) {
  admission gate(start);
  std::vector<ticket> begun;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const auto answer = gate.admit(start, address(i));
    EXPECT_FALSE(answer.evicted);
    if (answer.admitted)
      begun.push_back(*answer.admitted);
  }
  EXPECT_EQ(begun.size(), half_open_max);
  gate.finish(start + 1s, begun[7], true);
  EXPECT_TRUE(gate.admit(start + 1s, address(1999)).admitted);
  EXPECT_FALSE(gate.admit(start + 1s, address(1998)).admitted);
}

TEST(admission, makes_room_for_strangers_when_silent_ones_had_their_time) {
  admission gate(start);
  const auto silent = fill(gate, 1);
  EXPECT_FALSE(gate.admit(later + place_kept_for - 1us, address(1)).admitted);
  EXPECT_EQ(gate.admit(later + place_kept_for, address(1)).evicted, silent[0]);
}

TEST(admission, keeps_known_addresses_in_a_flood_of_strangers) {
  admission gate(start);
  make_known(gate, address(1));
  const auto member = gate.admit(later, address(1)).admitted.value();
  std::size_t admitted = 0;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    const auto answer = gate.admit(later + i * 10ms, address(1000 + i));
    admitted += answer.admitted ? 1 : 0;
    EXPECT_NE(answer.evicted, member);
  }
  EXPECT_GT(admitted, 2 * half_open_max);
}

TEST(admission, admits_a_known_address_when_strangers_took_all_places) {
  admission gate(start);
  make_known(gate, address(1));
  const auto strangers = fill(gate, 1);
  const auto answer = gate.admit(later, address(1));
  EXPECT_TRUE(answer.admitted);
  EXPECT_EQ(answer.evicted, strangers[0]);
}

TEST(admission, keeps_strangers_out_when_members_need_all_places) {
  admission gate(start);
  for (std::uint32_t i = 0; i < half_open_max; ++i)
    make_known(gate, address(i));
  for (std::uint32_t i = 0; i < half_open_max; ++i)
    gate.admit(later, address(i));
  EXPECT_FALSE(gate.admit(later, address(100'000)).admitted);
  EXPECT_FALSE(gate.admit(later, address(1)).admitted);
  EXPECT_TRUE(gate.admit(later + place_kept_for, address(1)).admitted)
      << "members share among themselves";
  EXPECT_EQ(gate.half_open(), half_open_max);
}

TEST(admission, forgets_an_address_after_a_day) {
  admission gate(start);
  make_known(gate, address(1));
  gate.admit(later + known_for - 1us, address(1));
  EXPECT_TRUE(gate.members_wait(later + known_for));
  admission other(start);
  make_known(other, address(1));
  other.admit(later + known_for, address(1));
  EXPECT_FALSE(other.members_wait(later + known_for));
}

TEST(admission, remembers_a_bounded_number_of_addresses) {
  admission gate(start);
  make_known(gate, address(0));
  for (std::uint32_t i = 1; i <= known_addresses_max; ++i)
    make_known(gate, address(i));
  gate.admit(later, address(0));
  EXPECT_FALSE(gate.members_wait(later)) << "the one that was silent longest is forgotten";
  gate.admit(later, address(1));
  EXPECT_TRUE(gate.members_wait(later));
}

TEST(admission, a_failed_handshake_makes_nobody_known) {
  admission gate(start);
  gate.finish(later, gate.admit(later, address(1)).admitted.value(), false);
  gate.admit(later, address(1));
  EXPECT_FALSE(gate.members_wait(later));
}

TEST(admission, members_wait_only_where_they_may_be) {
  admission gate(start);
  EXPECT_FALSE(gate.members_wait(start));
  const auto stranger = gate.admit(start, address(1)).admitted.value();
  EXPECT_TRUE(gate.members_wait(start)) << "after a restart all are strangers";
  EXPECT_FALSE(gate.members_wait(later)) << "a stranger that says nothing must not last";
  gate.finish(later, stranger, true);
  const auto known = gate.admit(later, address(1)).admitted.value();
  EXPECT_TRUE(gate.members_wait(later));
  gate.finish(later, known, true);
  EXPECT_FALSE(gate.members_wait(later));
  gate.finish(later, known, true); // again: ignored
  EXPECT_EQ(gate.half_open(), 0U);
}

} // namespace
} // namespace thor::runtime
