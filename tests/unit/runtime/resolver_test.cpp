// Look-ups that need no name server. Those that do are in the integration tests, against a real
// one.
#include "coordinator/runtime/resolver.hpp"

#include <boost/asio/ip/udp.hpp>
#include <gmock/gmock.h>

namespace thor::runtime {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using testing::ElementsAre;
using testing::HasSubstr;

/// A server that is there and never answers.
class silent_server {
 public:
  explicit silent_server(asio::io_context& io)
      : socket_(io, asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0)) {}
  [[nodiscard]] std::string text() const {
    return "127.0.0.1:" + std::to_string(socket_.local_endpoint().port());
  }
  void close() { socket_.close(); }

 private:
  asio::ip::udp::socket socket_;
};

TEST(Resolver, AnAddressAnswersItselfFromTheLoop) {
  asio::io_context io;
  resolver r(io, {"127.0.0.1:1"});
  resolver::result found;
  r.find({"2001:db8::1", 8000}, [&](auto what) { found = std::move(what); });
  EXPECT_TRUE(found->empty()) << "not from within";
  io.run();
  EXPECT_THAT(*found, ElementsAre(tcp::endpoint(asio::ip::make_address("2001:db8::1"), 8000)));
}

TEST(Resolver, KnowsLocalhost) {
  asio::io_context io;
  resolver r(io, {});
  resolver::result found;
  r.find({"localhost", 8000}, [&](auto what) { found = std::move(what); });
  io.run();
  ASSERT_TRUE(found.has_value()) << found.error();
  EXPECT_THAT(*found, testing::Contains(tcp::endpoint(asio::ip::address_v4::loopback(), 8000)));
}

TEST(Resolver, SaysWhatWasAskedWhenNobodyAnswers) {
  asio::io_context io;
  silent_server gone(io);
  resolver r(io, {gone.text()});
  gone.close();
  resolver::result found;
  r.find_event_servers("sip.example", [&](auto what) { found = std::move(what); });
  io.run();
  ASSERT_FALSE(found.has_value());
  EXPECT_THAT(found.error(), HasSubstr("SRV _eventserver._tcp.sip.example: "));
}

TEST(Resolver, LookUpsUnderWayAreBounded) {
  asio::io_context io;
  const silent_server silent(io);
  resolver r(io, {silent.text()});
  std::vector<std::string> failures;
  for (std::size_t i = 0; i <= resolver_lookups_max; ++i) {
    r.find_event_servers("sip.example", [&](auto what) { failures.push_back(what.error()); });
  }
  io.run_one();
  EXPECT_THAT(failures, ElementsAre(HasSubstr("too many")));
}

TEST(Resolver, DroppedWithWhatIsUnderWayItCallsNobody) {
  asio::io_context io;
  const silent_server silent(io);
  auto r = std::make_unique<resolver>(io, std::vector{silent.text()});
  r->find_event_servers("sip.example", [](auto) { FAIL(); });
  r->find({"192.0.2.1", 1}, [](auto) { FAIL(); });
  r.reset();
  io.run();
}

TEST(Resolver, ServersMustBeAddresses) {
  asio::io_context io;
  EXPECT_THROW(resolver(io, {"ns.example.net"}), std::runtime_error);
}

} // namespace
} // namespace thor::runtime
