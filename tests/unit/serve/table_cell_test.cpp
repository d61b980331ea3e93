#include "backend/serve/table_cell.hpp"
#include "tests/support/synthetic_zone.hpp"

#include <gtest/gtest.h>

namespace thor::backend {
namespace {

std::shared_ptr<const answer_table> some_table() {
  return answer_table::build({.zones = test::snapshot_of({build(test::synthetic_zone{})}),
                              .metadata = nullptr,
                              .server_id = "ns1",
                              .complete = true},
                             nullptr);
}

TEST(table_cell, a_reader_sees_the_latest_table) {
  table_cell cell;
  table_reader reader(cell);
  EXPECT_EQ(reader.current(), nullptr);
  const auto first = some_table();
  cell.store(first);
  EXPECT_EQ(reader.current(), first);
  const auto second = some_table();
  cell.store(second);
  EXPECT_EQ(reader.current(), second);
  cell.store(nullptr);
  EXPECT_EQ(reader.current(), nullptr);
}

TEST(table_cell, a_replaced_table_is_destroyed_by_the_storing_thread) {
  table_cell cell;
  table_reader reader(cell);
  auto first = some_table();
  const std::weak_ptr<const answer_table> watched = first;
  cell.store(std::move(first));
  EXPECT_NE(reader.current(), nullptr);
  cell.store(some_table());
  EXPECT_FALSE(watched.expired()); // the reader may be using it
  EXPECT_NE(reader.current(), nullptr);
  EXPECT_FALSE(watched.expired()); // letting go of it costs the reader nothing
  cell.store(some_table());
  EXPECT_TRUE(watched.expired());
}

} // namespace
} // namespace thor::backend
