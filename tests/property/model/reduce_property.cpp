#include "coordinator/model/status.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace thor::model {
namespace {

constexpr unix_time now{std::chrono::seconds{1'750'000'000}};

member make(std::uint64_t number, std::uint64_t sequence) {
  return {{.id = *node_id::parse("n" + std::to_string(number)),
           .at = {1, sequence},
           .addresses = {*ip_address::parse("192.0.2.1")},
           .roles = {},
           .site = "",
           .software = "",
           .attributes = {}},
          now};
}

// What one or more managers published, and the truth at each position.
struct history {
  std::vector<status_event> events;
  std::map<position, member_map> truth;
};

history publish(std::uint64_t epochs, std::uint64_t changes) {
  history h;
  for (std::uint64_t e = 1; e <= epochs; ++e) {
    position where{{e, "m"}, 0};
    member_map all;
    h.events.emplace_back(status_full{where, 1, all});
    h.truth[where] = all;
    for (std::uint64_t i = 0; i < changes; ++i) {
      status_delta d{{where.at, ++where.sequence}, 1, {}, {}};
      const auto m = make(*rc::gen::inRange<std::uint64_t>(0, 5), i);
      if (*rc::gen::arbitrary<bool>()) {
        all.insert_or_assign(m.what.id, m);
        d.upserts.push_back(m);
      } else {
        all.erase(m.what.id);
        d.removals.push_back({m.what.id, withdrawal::left});
      }
      h.events.emplace_back(d);
      h.events.emplace_back(status_full{where, 1, all});
      h.events.emplace_back(status_beat{where, 1, digest(all)});
      h.truth[where] = all;
    }
  }
  return h;
}

// Whatever of the stream arrives, from however many servers, in whatever order: a consumer never
// goes back and never shows a network that no manager published.
RC_GTEST_PROP(reduce, never_goes_back_and_never_shows_what_was_not_published, ()) {
  const auto h =
      publish(*rc::gen::inRange<std::uint64_t>(1, 4), *rc::gen::inRange<std::uint64_t>(0, 8));
  const auto picks = *rc::gen::container<std::vector<std::size_t>>(
      rc::gen::inRange<std::size_t>(0, h.events.size()));
  view v;
  for (const auto pick : picks) {
    const auto before = v;
    const auto r = reduce(v, h.events[pick], now);
    RC_ASSERT(v.where >= before.where);
    RC_ASSERT(!before.known || v.known);
    if (v.known)
      RC_ASSERT(v.members == h.truth.at(v.where));
    if (r.what != verdict::applied)
      RC_ASSERT(v.members == before.members && v.where == before.where);
    for (const auto& [id, m] : v.members) {
      const auto was = before.members.find(id);
      const bool same = was != before.members.end() && was->second == m;
      RC_ASSERT(same != std::ranges::binary_search(r.changed, id));
    }
  }
}

// Several event servers deliver the same stream, each complete and in order, interleaved at will:
// nothing is missed.
RC_GTEST_PROP(reduce, follows_interleaved_copies_of_one_stream_without_a_gap, ()) {
  const auto h =
      publish(*rc::gen::inRange<std::uint64_t>(1, 3), *rc::gen::inRange<std::uint64_t>(0, 8));
  // How much each server has still to deliver.
  std::vector<std::size_t> left(*rc::gen::inRange<std::size_t>(1, 4), h.events.size());
  view v;
  while (!left.empty()) {
    const auto server = left.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(left));
    RC_ASSERT(reduce(v, h.events[h.events.size() - *server], now).what != verdict::gap);
    if (--*server == 0)
      left.erase(server);
  }
  RC_ASSERT(v.where == h.truth.rbegin()->first);
  RC_ASSERT(v.members == h.truth.rbegin()->second);
}

RC_GTEST_PROP(digest, does_not_depend_on_order_and_sees_every_change, ()) {
  const auto numbers =
      *rc::gen::unique<std::vector<std::uint64_t>>(rc::gen::inRange<std::uint64_t>(0, 1000));
  member_map all;
  std::uint64_t forwards = 0;
  std::uint64_t backwards = 0;
  for (const auto n : numbers) {
    const auto m = make(n, n);
    all.emplace(m.what.id, m);
    forwards ^= digest_of(m.what.id, m.what.at);
  }
  for (auto n = numbers.rbegin(); n != numbers.rend(); ++n)
    backwards ^= digest_of(make(*n, *n).what.id, {1, *n});
  RC_ASSERT(digest(all) == forwards);
  RC_ASSERT(digest(all) == backwards);
  if (!all.empty()) {
    auto changed = all;
    ++changed.begin()->second.what.at.sequence;
    RC_ASSERT(digest(changed) != digest(all));
  }
}

} // namespace
} // namespace thor::model
