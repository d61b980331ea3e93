#include "coordinator/health/status_set.hpp"

#include <gtest/gtest.h>

namespace thor::health {
namespace {

TEST(StatusSet, HasTheCodesAndClassesThatItIsToldOf) {
  const auto set = status_set::parse({"200", "4xx"});
  ASSERT_TRUE(set);
  for (const unsigned yes : {200U, 400U, 486U, 499U})
    EXPECT_TRUE(set->has(yes)) << yes;
  for (const unsigned no : {0U, 100U, 199U, 201U, 399U, 500U, 699U, 700U, 100000U})
    EXPECT_FALSE(set->has(no)) << no;
}

TEST(StatusSet, TakesAnyFinalSipResponseForLifeButServerFailures) {
  const auto sip = status_set::of_sip();
  for (const unsigned alive : {200U, 302U, 401U, 404U, 483U, 486U, 501U, 603U})
    EXPECT_TRUE(sip.has(alive)) << alive;
  for (const unsigned dead : {100U, 180U, 500U, 502U, 503U, 504U})
    EXPECT_FALSE(sip.has(dead)) << dead;
}

TEST(StatusSet, TakesSuccessAndRedirectionOfHttpForLife) {
  const auto http = status_set::of_http();
  for (const unsigned alive : {200U, 204U, 301U, 399U})
    EXPECT_TRUE(http.has(alive)) << alive;
  for (const unsigned dead : {100U, 400U, 401U, 500U, 503U})
    EXPECT_FALSE(http.has(dead)) << dead;
}

TEST(StatusSet, RefusesWhatIsNoStatus) {
  for (const auto* wrong :
       {"", "ok", "20", "2000", "099", "700", "7xx", "2x", "2XX", "20x", "-20"}) {
    const auto set = status_set::parse({wrong});
    ASSERT_FALSE(set) << wrong;
    EXPECT_NE(std::string::npos, set.error().find("\"" + std::string(wrong) + "\""));
  }
}

} // namespace
} // namespace thor::health
