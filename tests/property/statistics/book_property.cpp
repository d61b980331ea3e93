// Whatever event servers say in whatever order: every book that heard all of it keeps the latest
// figures of each member, and its counts are what it holds.
#include "coordinator/statistics/book.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>

namespace thor::statistics {
namespace {

using namespace std::chrono_literals;

constexpr model::unix_time start{1'700'000'000s};

wire::statistics any_statistics() {
  const auto id = model::node_id::parse("n" + std::to_string(*rc::gen::inRange(0, 4))).value();
  const model::version at{*rc::gen::inRange<std::uint64_t>(1, 3),
                          *rc::gen::inRange<std::uint64_t>(1, 5)};
  // What has the same version is the same.
  const auto text = id.text() + std::to_string(at.incarnation) + std::to_string(at.sequence);
  return {id, R"({"load":{")" + text + R"(":1}})", at, {}};
}

RC_GTEST_PROP(book_of_statistics, does_not_depend_on_the_order, ()) {
  const auto count = *rc::gen::inRange(0, 30);
  std::vector<wire::statistics> all;
  for (int i = 0; i < count; ++i)
    all.push_back(any_statistics());
  auto other = all;
  std::ranges::shuffle(other, std::mt19937(*rc::gen::arbitrary<unsigned>()));
  book a;
  book b;
  for (const auto& one : all)
    a.hear(one, start);
  for (const auto& one : other)
    b.hear(one, start);
  std::map<model::node_id, wire::statistics> latest;
  for (const auto& one : all)
    if (const auto known = latest.find(one.id); known == latest.end() || known->second.at < one.at)
      latest.insert_or_assign(one.id, one);
  std::size_t octets = 0;
  for (const auto& [id, what] : latest) {
    const auto expected = named_figures(what.json).at("load");
    RC_ASSERT(a.of(id, start).at("load").figures == expected);
    RC_ASSERT(b.of(id, start).at("load").figures == expected);
    octets += what.json.size();
  }
  RC_ASSERT(a.members() == latest.size());
  RC_ASSERT(a.octets() == octets);
  RC_ASSERT(b.octets() == octets);
  RC_ASSERT(a.expire(start + kept_max + 1s) == latest.size());
  RC_ASSERT(a.octets() == 0U);
}

} // namespace
} // namespace thor::statistics
