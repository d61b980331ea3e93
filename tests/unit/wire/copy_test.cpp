#include "coordinator/wire/copy.hpp"

#include <gtest/gtest.h>

namespace thor::wire {
namespace {

const model::writer_claim of{3, "dns2"};
const model::data_state have{integer_max, ~std::uint64_t{0}};

TEST(copy_message, survives_the_wire) {
  for (const copy_message& m :
       {copy_message(copy_request{of, have}), copy_message(copy_state{{0, "dns1"}, {}}),
        copy_message(copy_rows{{"records", "id, name", R"([[1,"a"],[2,null],[-3,{"hex":"ff"}]])"}}),
        copy_message(copy_rows{{"domains", "id", "[]"}}), copy_message(copy_end{of, have, {}}),
        copy_message(copy_end{of, have, {{1, "dns2", 7}, {3, "dns1", 8}}})})
    EXPECT_EQ(decode_copy(encode(m)), m) << encode(m);
}

TEST(copy_message, is_refused_when_something_is_missing_or_wrong) {
  for (
      const auto* bad :
      {"", "[]", R"({"type":"rows"})", R"({"type":"rows","table":"t","columns":"c","rows":{}})",
       R"({"type":"rows","table":"t","columns":"c","rows":[1]})",
       R"({"type":"rows","table":"t","columns":"c","rows":[[1.5]]})",
       R"({"type":"rows","table":"t","columns":"c","rows":[[-92233720368547704847]]})",
       R"({"type":"follow","term":1,"writer":"dns1","revision":2})",
       R"({"type":"follow","term":1,"writer":"Dns 1","revision":2,"digest":"0000000000000001"})",
       R"({"type":"follow","term":-1,"writer":"dns1","revision":2,"digest":"0000000000000001"})",
       R"({"type":"state","term":1,"writer":"dns1","revision":2,"digest":"1"})",
       R"({"type":"end","term":1,"writer":"dns1","revision":2,"digest":"0000000000000001"})",
       R"({"type":"end","term":1,"writer":"dns1","revision":2,"digest":"0000000000000001","takeovers":[1]})",
       R"({"type":"end","term":1,"writer":"dns1","revision":2,"digest":"0000000000000001","takeovers":[{"term":1}]})",
       R"({"type":"other","term":1,"writer":"dns1","revision":2,"digest":"0000000000000001"})"})
    EXPECT_FALSE(decode_copy(bad)) << bad;
}

TEST(copy_message, of_the_end_has_bounded_takeovers) {
  copy_end end{of, have, std::vector<model::takeover>(model::takeovers_max, {1, "dns1", 2})};
  EXPECT_TRUE(decode_copy(encode(end)));
  end.takeovers.push_back({1, "dns1", 2});
  EXPECT_FALSE(decode_copy(encode(end)));
}

} // namespace
} // namespace thor::wire
