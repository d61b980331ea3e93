#include "backend/serve/listener.hpp"
#include "backend/serve/server.hpp"
#include "tests/bench/backend/cases.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <atomic>
#include <iostream>
#include <stdexcept>
#include <thread>

namespace thor::bench {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

void log_to_stderr(backend::log_level, const std::string& text) {
  std::cerr << text << '\n';
}

backend::server_options options() {
  backend::server_options out;
  out.http = "127.0.0.1:0";
  out.http_token = token;
  return out;
}

/// Answers every request with the same octets.
class constant final : public backend::request_handler {
 public:
  explicit constant(std::size_t octets)
      : body_(octets, 'x') {}

  [[nodiscard]] bool is_trusted(std::string_view) const override { return true; }
  backend::http_reply answer_http(const backend::http_request&, backend::transaction&,
                                  std::string& body) override {
    body = body_;
    return {.status = 200, .trusted = true};
  }
  std::optional<backend::wanted_edit> answer_line(std::string_view, std::string_view,
                                                  backend::transaction&,
                                                  std::string& out) override {
    out = body_;
    return std::nullopt;
  }
  void answer_edit(const backend::wanted_edit&, const zone::edit_outcome&, std::string_view,
                   std::string&) override {}

 private:
  std::string body_;
};

/// Says where, and waits for the end of the input.
void wait_for_end(const std::string& endpoint) {
  std::cout << endpoint << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
  }
}

/// Milliseconds of `rounds` requests, one after the other on one connection.
std::vector<double> latencies_ms(const std::string& endpoint, std::size_t rounds) {
  asio::io_context context;
  asio::ip::tcp::socket socket(context);
  const auto port = static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)));
  socket.connect({asio::ip::make_address("127.0.0.1"), port});
  http::request<http::string_body> request{http::verb::post, "/" + std::string(token) + "/", 11};
  request.body() = envelope("_sip._udp.sip.example.com.");
  request.prepare_payload();
  boost::beast::flat_buffer buffer;
  std::vector<double> out;
  out.reserve(rounds);
  for (std::size_t i = 0; i < rounds; ++i) {
    const auto begin = steady::now();
    http::write(socket, request);
    http::response<http::string_body> response;
    http::read(socket, buffer, response);
    out.push_back(microseconds(steady::now() - begin) / 1000);
    if (response.result_int() != 200) {
      throw std::runtime_error("an answer failed: " + response.body());
    }
  }
  return out;
}

void add_latencies(const report& out, std::string_view name, std::vector<double> ms) {
  out.add(name, {{"rounds", static_cast<double>(ms.size())},
                 {"p50_ms", quantile(ms, 0.5)},
                 {"p99_ms", quantile(ms, 0.99)},
                 {"max_ms", *std::ranges::max_element(ms)}});
}

} // namespace

void during_rebuilds(const report& out) {
  constexpr unsigned members = 10'000;
  constexpr std::size_t rounds = 200'000;
  backend::server server(options(), log_to_stderr);
  const auto zone = build(test::synthetic_zone{.members = members});
  server.publish(table_of(zone, nullptr));
  const std::string& endpoint = server.endpoints().front();

  add_latencies(out, "HTTP answer, no rebuild", latencies_ms(endpoint, rounds));
  std::atomic<bool> done = false;
  std::size_t rebuilds = 0;
  std::thread publisher([&] {
    while (!done) {
      server.publish(table_of(zone, nullptr));
      ++rebuilds;
    }
  });
  auto ms = latencies_ms(endpoint, rounds);
  done = true;
  publisher.join();
  add_latencies(out, "HTTP answer, " + std::to_string(rebuilds) + " rebuilds", std::move(ms));
}

void serve_table(unsigned members) {
  backend::server server(options(), log_to_stderr);
  server.publish(table_of(build(test::synthetic_zone{.members = members}), nullptr));
  wait_for_end(server.endpoints().front());
}

void serve_constant(std::size_t octets) {
  backend::serve_counters counters;
  const backend::log_sink sink = log_to_stderr;
  backend::journal log(counters, sink);
  constant answers(octets);
  backend::serving_loop loop(answers, nullptr, log);
  backend::listener doors({&loop});
  doors.listen_http(options().http);
  loop.start();
  wait_for_end(doors.endpoints().front());
  asio::post(loop.context(), [&] {
    doors.close();
    loop.begin_stop();
  });
  loop.join();
}

} // namespace thor::bench
