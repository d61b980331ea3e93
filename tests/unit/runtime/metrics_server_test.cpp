#include "coordinator/runtime/metrics_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>

#include <future>
#include <optional>
#include <thread>

namespace thor::runtime {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

/// A server on a thread of its own, because the clients here block.
class MetricsServer : public testing::Test {
 protected:
  void SetUp() override {
    server_.emplace(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0), counters_,
                    [] { return std::string("thor_x 1\n"); });
    thread_ = std::thread([this] { io_.run(); });
  }
  void TearDown() override {
    io_.stop();
    thread_.join();
  }

  tcp::socket connect() {
    tcp::socket peer(io_clients_);
    peer.connect(server_->listening());
    return peer;
  }

  static std::string read_to_end(tcp::socket& peer) {
    std::string answer;
    boost::system::error_code end;
    asio::read(peer, asio::dynamic_buffer(answer), end);
    return answer;
  }

  std::string exchange(const std::string& octets) {
    auto peer = connect();
    boost::system::error_code cut; // of a request that is refused half way
    asio::write(peer, asio::buffer(octets), cut);
    return read_to_end(peer);
  }

  /// From the server's thread, which alone may count.
  double counted(const std::string& result) {
    std::promise<double> value;
    asio::post(io_, [&] {
      value.set_value(
          counters_.counter("thor_metrics_requests_total", "", {{"result", result}}).Value());
    });
    return value.get_future().get();
  }

  asio::io_context io_clients_{1};
  asio::io_context io_{1};
  metrics counters_;
  std::optional<metrics_server> server_;
  std::thread thread_;
};

TEST_F(MetricsServer, AnswersInPrometheusFormatAndCloses) {
  const auto answer = exchange("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nthor_x 1\n"));
  EXPECT_EQ(counted("ok"), 1);
}

TEST_F(MetricsServer, IgnoresParameters) {
  EXPECT_THAT(exchange("GET /metrics?collect=all HTTP/1.0\r\n\r\n"), EndsWith("thor_x 1\n"));
}

TEST_F(MetricsServer, HasNothingElse) {
  for (const auto* target : {"/", "/metrics/", "/metricsx", "/../etc/passwd", "http://x/metrics"}) {
    EXPECT_THAT(exchange("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n"),
                StartsWith("HTTP/1.1 404 "))
        << target;
  }
}

TEST_F(MetricsServer, AnswersGetOnly) {
  for (const auto* method : {"POST", "HEAD", "PUT", "DELETE"}) {
    const auto answer = exchange(std::string(method) +
                                 " /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 ")) << method;
    EXPECT_THAT(answer, HasSubstr("Allow: GET\r\n")) << method;
  }
}

TEST_F(MetricsServer, RefusesWhatIsNoRequest) {
  EXPECT_THAT(exchange("\x16\x03\x01 hello\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(counted("malformed"), 1);
}

TEST_F(MetricsServer, ReadsNoEndlessRequest) {
  exchange("GET /metrics HTTP/1.1\r\nX: " + std::string(2 * metrics_request_octets_max, 'x'));
  EXPECT_EQ(counted("malformed"), 1);
}

TEST_F(MetricsServer, CutsOffWhoIsTooMany) {
  std::vector<tcp::socket> idle;
  for (std::size_t i = 0; i < metrics_connections_max; ++i) {
    idle.push_back(connect());
  }
  EXPECT_EQ(exchange("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), "");
  EXPECT_EQ(counted("too_many"), 1);
}

TEST_F(MetricsServer, CutsOffWhoIsSlow) {
  auto idle = connect();
  asio::write(idle, asio::buffer(std::string("GET /metrics HT")));
  EXPECT_EQ(read_to_end(idle), "");
  // The deadline closes the connection first, and then whoever counts hears of it.
  while (counted("too_slow") == 0) {
    std::this_thread::yield();
  }
  EXPECT_EQ(counted("too_slow"), 1);
}

TEST_F(MetricsServer, SaysWhereItCannotListen) {
  try {
    const metrics_server second(io_clients_, server_->listening(), counters_, [] { return ""; });
    FAIL() << "two servers at one place";
  } catch (const std::runtime_error& failure) {
    EXPECT_THAT(failure.what(), HasSubstr("cannot listen at 127.0.0.1:"));
  }
}

} // namespace
} // namespace thor::runtime
