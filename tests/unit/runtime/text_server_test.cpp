#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/text_server.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <list>
#include <optional>

namespace thor::runtime {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using testing::HasSubstr;
using namespace std::chrono_literals;

/// A tool that asks: what it got so far, and whether its connection ended.
class tool {
 public:
  tool(asio::io_context& io, const tcp::endpoint& where)
      : socket_(io) {
    socket_.connect(where);
    read();
  }
  /// The other side may be gone already.
  void say(const std::string& text) {
    boost::system::error_code gone;
    asio::write(socket_, asio::buffer(text), gone);
  }
  void close() { socket_.close(); }

  std::string got;
  bool ended = false;

 private:
  void read() {
    socket_.async_read_some(asio::buffer(buffer_), [this](auto failure, std::size_t octets) {
      got.append(buffer_.data(), octets);
      ended = static_cast<bool>(failure);
      if (!failure) {
        read();
      }
    });
  }

  tcp::socket socket_;
  std::array<char, 4096> buffer_{};
};

class TextServer : public testing::Test {
 protected:
  void open(const text_limits& limits = {},
            tcp::endpoint where = {asio::ip::address_v4::loopback(), 0}) {
    server.emplace(
        io, where, std::vector<model::ip_network>{}, counters,
        [this](std::string_view question) { return answer_of(question); }, limits);
  }
  std::string answer_of(std::string_view question) {
    questions.emplace_back(question);
    return question == "much" ? std::string(much_octets, 'x') : "<" + std::string(question) + ">";
  }
  tool& connect() { return tools.emplace_back(io, server->listening()); }

  template <class Predicate>
  void until(Predicate so) {
    const auto limit = monotonic_now() + 60s;
    while (!so()) {
      io.restart();
      io.run_one_for(100ms);
      ASSERT_LT(monotonic_now(), limit) << counters.text();
    }
  }
  [[nodiscard]] std::string counted(const std::string& result) const {
    return "thor_text_port_total{result=\"" + result + "\"} ";
  }

  /// More than the kernel's buffers of a loopback connection take.
  static constexpr std::size_t much_octets = 64U << 20;
  asio::io_context io{1};
  metrics counters;
  std::vector<std::string> questions;
  std::optional<text_server> server;
  std::list<tool> tools;
};

TEST_F(TextServer, AnswersLineByLine) {
  open();
  auto& one = connect();
  one.say("first\r\nsecond\nthi");
  until([&] { return one.got == "<first>\r\n<second>\r\n"; });
  one.say("rd\r\n\r\n");
  until([&] { return one.got.ends_with("<third>\r\n<>\r\n"); });
  EXPECT_FALSE(one.ended);
  EXPECT_THAT(counters.text(), HasSubstr(counted("answered") + "4"));
}

TEST_F(TextServer, TakesTheLongestQuestionAndRefusesALongerOne) {
  open({.question_octets_max = 20});
  auto& good = connect();
  good.say(std::string(20, 'a') + "\r\n");
  until([&] { return good.got == "<" + std::string(20, 'a') + ">\r\n"; });
  for (const auto* end : {"\n", "\r\n", ""}) {
    auto& bad = connect();
    bad.say(std::string(*end == '\0' ? 5000 : 21, 'a') + end);
    until([&] { return bad.ended; });
    EXPECT_EQ("error: a question has at most 20 octets\r\n", bad.got);
  }
  EXPECT_EQ(1U, questions.size());
  EXPECT_THAT(counters.text(), HasSubstr(counted("too_long") + "3"));
}

TEST_F(TextServer, EndsAnIdleConnectionAlsoOneThatDripsOctets) {
  open({.idle_max = 150ms});
  auto& idle = connect();
  auto& drips = connect();
  const auto begin = monotonic_now();
  auto next = begin;
  until([&] {
    if (!drips.ended && monotonic_now() >= next) {
      next += 20ms;
      drips.say("a");
    }
    return idle.ended && drips.ended;
  });
  EXPECT_GE(monotonic_now() - begin, 150ms);
  EXPECT_THAT(counters.text(), HasSubstr(counted("idle") + "2"));
}

TEST_F(TextServer, AQuestionBeginsTheIdleTimeAnew) {
  open({.idle_max = 400ms});
  auto& one = connect();
  const auto begin = monotonic_now();
  for (std::size_t asked = 1; asked <= 6; ++asked) {
    one.say("a\n");
    until([&] { return one.got.size() == asked * 5; });
    until([&] { return monotonic_now() >= begin + asked * 100ms; });
  }
  EXPECT_FALSE(one.ended) << "after 600 ms, of which it was idle for 100 at a time";
}

TEST_F(TextServer, DropsATooSlowReaderAndServesTheOthersMeanwhile) {
  open({.send_max = 300ms});
  tcp::socket slow(io);
  slow.connect(server->listening());
  asio::write(slow, asio::buffer("much\n", 5));
  until([&] { return questions.size() == 1; });
  auto& other = connect();
  other.say("a\n");
  until([&] { return other.got == "<a>\r\n"; });
  until([&] { return counters.text().contains(counted("too_slow") + "1"); });
}

TEST_F(TextServer, LimitsConnectionsInTotalAndOfOneAddress) {
  for (const auto& limits :
       {text_limits{.connections_max = 2}, text_limits{.connections_per_address_max = 2}}) {
    open(limits);
    connect();
    auto& second = connect();
    auto& third = connect();
    until([&] { return third.ended; });
    EXPECT_EQ("error: too many connections\r\n", third.got);
    second.say("a\n");
    until([&] { return second.got == "<a>\r\n"; });
    second.close();
    until([&] { return second.ended; });
    until([&] { // there is room again
      auto& next = connect();
      next.say("b\n");
      until([&] { return !next.got.empty(); });
      return next.got == "<b>\r\n";
    });
  }
}

TEST(WhoMayAsk, LoopbackAndThoseOnTheList) {
  const auto may = [](std::string_view from) {
    return may_ask(*model::ip_address::parse(from), {*model::ip_network::parse("192.0.2.0/24"),
                                                     *model::ip_network::parse("2001:db8::/32")});
  };
  for (const auto* good : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "192.0.2.7",
                           "::ffff:192.0.2.7", "2001:db8::7"}) {
    EXPECT_TRUE(may(good)) << good;
  }
  for (const auto* bad : {"192.0.3.7", "2001:db9::7", "0.0.0.0", "::", "10.0.0.1"}) {
    EXPECT_FALSE(may(bad)) << bad;
  }
}

TEST_F(TextServer, AnswersOnlyThoseOnTheListBesidesLoopback) {
  // Another address of this machine, where it has one: its packets come from there.
  tcp::socket probe(io);
  asio::ip::udp::socket route(io);
  boost::system::error_code none;
  route.connect({asio::ip::make_address("192.0.2.1"), 9}, none);
  if (none || route.local_endpoint().address().is_loopback()) {
    SUCCEED() << "this machine has loopback only";
    return;
  }
  const auto own = route.local_endpoint().address();
  open({}, {own, 0});
  auto& stranger = connect();
  until([&] { return stranger.ended; });
  EXPECT_EQ("", stranger.got);
  EXPECT_THAT(counters.text(), HasSubstr(counted("not_allowed") + "1"));
  server->allow({*model::ip_network::parse(own.to_string())});
  auto& friendly = connect();
  friendly.say("a\n");
  until([&] { return friendly.got == "<a>\r\n"; });
}

TEST_F(TextServer, ClosesItsConnectionsWhenItGoes) {
  open();
  auto& one = connect();
  one.say("a\n");
  until([&] { return one.got == "<a>\r\n"; });
  server.reset();
  until([&] { return one.ended; });
}

} // namespace
} // namespace thor::runtime
