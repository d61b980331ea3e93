#include "coordinator/health/verdict.hpp"
#include "coordinator/model/presence.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace thor::health {
namespace {

const finding good{"tcp 192.0.2.1:80", health_state::up, ""};
const finding guess{"sip udp 192.0.2.1:5060", health_state::unseen, "no response: refused"};
const finding starting{"unit a.service", health_state::unknown, ""};
const finding bad{"command /bin/false", health_state::down, "exit code 1"};

verdict of(std::vector<finding> findings) {
  return judge(findings);
}

TEST(HealthVerdict, OffersARoleWithoutChecksAndOneWhoseChecksAreAllUp) {
  EXPECT_EQ((verdict{true, "up"}), of({}));
  EXPECT_EQ((verdict{true, "up"}), of({good, good}));
}

TEST(HealthVerdict, OffersWhatIsOnlyGuessedNotToBeThere) {
  EXPECT_EQ((verdict{true, "not seen yet: sip udp 192.0.2.1:5060: no response: refused"}),
            of({good, guess}));
}

TEST(HealthVerdict, DoesNotOfferWhatHasACheckThatIsDownOrStarting) {
  EXPECT_EQ((verdict{false, "starting: unit a.service"}), of({guess, starting, good}));
  EXPECT_EQ((verdict{false, "down: command /bin/false: exit code 1"}),
            of({good, starting, bad, guess}));
}

TEST(HealthVerdict, FitsIntoAnAttribute) {
  auto long_one = bad;
  long_one.what = std::string(1000, 'x');
  EXPECT_EQ(model::attribute_value_octets_max, of({long_one}).text.size());
}

TEST(HealthReason, IsTheFirstLineOfWhatWasSaidAsVisibleText) {
  EXPECT_EQ("", reason_of(""));
  EXPECT_EQ("", reason_of(" \n\t\n"));
  EXPECT_EQ("disk full", reason_of("\r\n  disk full \nmore"));
  EXPECT_EQ("a?[31m?b", reason_of("a\x1b[31m\xff"
                                  "b"));
  EXPECT_EQ(std::string(reason_octets_max, 'x'), reason_of(std::string(5000, 'x')));
}

} // namespace
} // namespace thor::health
