#include "tests/unit/serve/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

namespace thor::backend {
namespace {

using testing::HasSubstr;

TEST_F(serving, answers_the_same_over_both_connectors) {
  start();
  http_client over_http(http_endpoint());
  unix_client over_unix(unix_endpoint());
  const auto response = over_http.ask(soa_question);
  EXPECT_EQ(response.result_int(), 200U);
  EXPECT_EQ(response[http::field::content_type], "application/json");
  EXPECT_THAT(response.body(), HasSubstr(R"("qtype":"SOA")"));
  EXPECT_EQ(over_unix.ask(soa_question), response.body());
  EXPECT_EQ(asked(method::lookup), 2U);
}

TEST_F(serving, a_connection_serves_one_request_after_the_other) {
  start();
  http_client client(http_endpoint());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.ask(soa_question).result_int(), 200U);
  }
  client.send("POST /0123456789abcdef0123456789abcdef HTTP/1.1\r\nContent-Length: 26\r\n\r\n"
              R"({"method":"getAllDomains"})"
              "POST /0123456789abcdef0123456789abcdef HTTP/1.1\r\nContent-Length: 26\r\n\r\n"
              R"({"method":"getAllDomains"})");
  EXPECT_EQ(client.read().result_int(), 200U);
  EXPECT_EQ(client.read().result_int(), 200U);
  EXPECT_EQ(server_->counters().http_accepted, 1U);
}

TEST_F(serving, closes_when_the_client_says_so) {
  start();
  http_client client(http_endpoint());
  auto request = http_client::post(soa_question);
  request.keep_alive(false);
  const auto response = client.ask(request);
  EXPECT_EQ(response.result_int(), 200U);
  EXPECT_FALSE(response.keep_alive());
  EXPECT_TRUE(client.at_end());
}

TEST_F(serving, an_old_client_is_kept_when_it_asks_for_that) {
  start();
  auto request = http_client::post(soa_question);
  request.version(10);
  http_client once(http_endpoint());
  const auto last = once.ask(request);
  EXPECT_EQ(last.result_int(), 200U);
  EXPECT_FALSE(last.keep_alive());
  EXPECT_TRUE(once.at_end());

  request.set(http::field::connection, "Keep-Alive"); // as PowerDNS writes it
  http_client client(http_endpoint());
  for (int i = 0; i < 2; ++i) {
    const auto response = client.ask(request);
    EXPECT_EQ(response.result_int(), 200U);
    EXPECT_TRUE(response.keep_alive());
  }
  request.version(11);
  EXPECT_TRUE(client.ask(request).keep_alive());
  EXPECT_EQ(server_->counters().http_accepted, 2U);
}

TEST_F(serving, requests_that_come_together_are_answered_in_their_order_up_to_the_last) {
  start();
  http_client client(http_endpoint());
  const auto request = [](std::string_view body, std::string_view connection) {
    return "POST /" + std::string(token) + " HTTP/1.1\r\nConnection: " + std::string(connection) +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  };
  constexpr int requests = 200;
  std::string all;
  for (int i = 0; i < requests; ++i) {
    all += request(i % 2 == 0 ? soa_question : list_question, "Keep-Alive");
  }
  all += request(soa_question, "close");
  all += request(soa_question, "Keep-Alive"); // after the end
  client.send(all);
  for (int i = 0; i <= requests; ++i) {
    const auto response = client.read();
    const auto rows = boost::json::parse(response.body()).at("result").as_array().size();
    EXPECT_EQ(rows, i % 2 == 0 ? 1U : 89U) << i;
    EXPECT_EQ(response.keep_alive(), i < requests);
  }
  EXPECT_TRUE(client.at_end());
}

TEST_F(serving, a_reply_that_has_begun_when_the_server_stops_is_written_to_its_end) {
  start();
  server_->publish(table_of({.members = 20'000}));
  http_client client(http_endpoint());
  unix_client waiting(unix_endpoint());
  client.send("POST /0123456789abcdef0123456789abcdef HTTP/1.1\r\nContent-Length: " +
              std::to_string(list_question.size()) + "\r\n\r\n" + std::string(list_question));
  http_client other(http_endpoint());
  while (asked(method::list) == 0) {
    EXPECT_EQ(other.ask(soa_question).result_int(), 200U);
  }
  // The reply is longer than the socket's buffers: the server is in the middle of it.
  std::thread stopping([this] { server_->stop(); });
  EXPECT_EQ(boost::json::parse(client.read().body()).at("result").as_array().size(),
            9U + 8U * 20'000U);
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(waiting.read(), std::nullopt);
  stopping.join();
}

TEST_F(serving, reads_all_three_http_forms) {
  start();
  http_client client(http_endpoint());
  const std::string url = "/" + std::string(token);
  const std::string wanted = client.ask(soa_question).body();
  EXPECT_EQ(client
                .ask(http_client::post("parameters=%7B%22qname%22%3A%22sip%2Eexample%2Ecom%2E%22%2C"
                                       "%22qtype%22%3A%22SOA%22%7D",
                                       url + "/lookup"))
                .body(),
            wanted);
  http::request<http::string_body> get{http::verb::get, url + "/lookup/sip%2eexample%2ecom%2e/SOA",
                                       11};
  EXPECT_EQ(client.ask(get).body(), wanted);
  get.set("X-Remotebackend-Zone-Id", "1");
  EXPECT_EQ(client.ask(get).body(), wanted);
  get.set("X-Remotebackend-Zone-Id", "2");
  EXPECT_EQ(client.ask(get).body(), R"({"result":[]})");
}

TEST_F(serving, is_not_ready_before_the_first_table) {
  server_.emplace(options(), log_.sink());
  http_client over_http(http_endpoint());
  unix_client over_unix(unix_endpoint());
  const auto response = over_http.ask(soa_question);
  EXPECT_EQ(response.result_int(), 503U);
  EXPECT_TRUE(response.keep_alive());
  EXPECT_FALSE(boost::json::parse(response.body()).as_object().contains("result"));
  EXPECT_EQ(over_unix.ask(R"({"method":"initialize","parameters":{}})"), R"({"result":true})");
  EXPECT_EQ(over_unix.ask(soa_question), response.body());
  EXPECT_EQ(server_->counters().not_ready, 2U);

  server_->publish(table_of({}));
  EXPECT_EQ(over_http.ask(soa_question).result_int(), 200U);
  EXPECT_THAT(*over_unix.ask(soa_question), HasSubstr("result"));
}

TEST_F(serving, a_new_table_is_answered_from_at_once) {
  start();
  http_client client(http_endpoint());
  for (std::uint32_t serial = 1; serial <= 50; ++serial) {
    server_->publish(table_of({.serial = serial, .members = 1}));
    EXPECT_THAT(client.ask(soa_question).body(),
                HasSubstr(" " + std::to_string(serial) + " 3600 "));
  }
}

TEST_F(serving, a_wrong_token_is_refused_and_its_connection_closed) {
  start();
  const std::string other(token.size(), 'f');
  for (const std::string& path :
       {std::string("/"), "/" + other + "/", std::string("/lookup/a/A"),
        "/" + std::string(token) + "0/", "/" + std::string(token.substr(1)) + "/"}) {
    http_client client(http_endpoint());
    const auto response = client.ask(http_client::post(soa_question, path));
    EXPECT_EQ(response.result_int(), 404U) << path;
    EXPECT_FALSE(boost::json::parse(response.body()).as_object().contains("result"));
    EXPECT_TRUE(client.at_end());
  }
  EXPECT_EQ(refused(refusal::wrong_token), 5U);
  EXPECT_EQ(asked(method::lookup), 0U);
  EXPECT_THAT(log_.text(), HasSubstr("(wrong_token)"));
  EXPECT_THAT(log_.text(), testing::Not(HasSubstr(other)));
}

TEST_F(serving, a_bad_request_costs_its_sender_nothing_but_the_answer) {
  start();
  http_client client(http_endpoint());
  EXPECT_EQ(client.ask("{\"method\":").result_int(), 400U);
  EXPECT_EQ(client.ask(R"({"method":"lookup","parameters":{"qname":1}})").result_int(), 400U);
  EXPECT_EQ(client.ask(http_client::post("", "/" + std::string(token) + "/lookup")).result_int(),
            400U);
  http::request<http::string_body> trace{http::verb::trace, "/" + std::string(token), 11};
  EXPECT_EQ(client.ask(trace).result_int(), 400U);
  const auto declined = client.ask(R"({"method":"createSlaveDomain","parameters":{"id":1}})");
  EXPECT_EQ(declined.result_int(), 200U);
  EXPECT_THAT(declined.body(),
              HasSubstr(R"({"result":false,"log":["createSlaveDomain: incoming zones)"));
  EXPECT_EQ(client.ask(soa_question).result_int(), 200U);
  EXPECT_EQ(refused(refusal::bad_json), 1U);
  EXPECT_EQ(refused(refusal::bad_request), 2U);
  EXPECT_EQ(refused(refusal::bad_target), 1U);
  EXPECT_EQ(refused(refusal::unsupported), 1U);
  EXPECT_EQ(asked(method::create_slave_domain), 1U);
}

TEST_F(serving, what_is_not_http_is_told_so) {
  start();
  http_client client(http_endpoint());
  client.send("\x16\x03\x01\x02 this is not HTTP\r\n\r\n");
  EXPECT_EQ(client.read().result_int(), 400U);
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(refused(refusal::bad_http), 1U);
}

TEST_F(serving, long_urls_headers_and_bodies_are_refused) {
  start();
  const std::string url = "/" + std::string(token) + "/";
  {
    http_client client(http_endpoint());
    const std::string path = url + std::string(http_header_octets_max, 'a');
    EXPECT_EQ(client.ask(http_client::post("", path)).result_int(), 431U);
    EXPECT_TRUE(client.at_end());
  }
  {
    http_client client(http_endpoint());
    auto request = http_client::post(soa_question);
    request.set("X-Long", std::string(http_header_octets_max, 'a'));
    EXPECT_EQ(client.ask(request).result_int(), 431U);
  }
  {
    http_client client(http_endpoint());
    EXPECT_EQ(client.ask(std::string(http_body_octets_max + 1, ' ')).result_int(), 413U);
    EXPECT_TRUE(client.at_end());
  }
  {
    http_client stranger(http_endpoint());
    const std::string body(stranger_body_octets_max + 1, ' ');
    EXPECT_EQ(stranger.ask(http_client::post(body, "/wrong")).result_int(), 413U);
    EXPECT_TRUE(stranger.at_end());
  }
  {
    http_client client(http_endpoint());
    std::string padded(soa_question);
    padded.resize(http_body_octets_max, ' ');
    EXPECT_EQ(client.ask(padded).result_int(), 200U);
  }
  EXPECT_EQ(refused(refusal::header_too_long), 2U);
  EXPECT_EQ(refused(refusal::body_too_long), 2U);
}

TEST_F(serving, a_long_list_comes_in_chunks) {
  start();
  server_->publish(table_of({.members = 2000}));
  http_client client(http_endpoint());
  const auto response = client.ask(list_question);
  EXPECT_TRUE(response.chunked());
  EXPECT_EQ(boost::json::parse(response.body()).at("result").as_array().size(), 9U + 8U * 2000U);
  EXPECT_EQ(client.ask(soa_question).result_int(), 200U);

  auto old = http_client::post(list_question);
  old.version(10);
  const auto whole = client.ask(old);
  EXPECT_FALSE(whole.chunked());
  EXPECT_EQ(whole.body(), response.body());
}

TEST_F(serving, a_set_that_is_too_long_for_one_piece_comes_in_chunks) {
  start();
  server_->publish(table_of({.members = 12'000, .slice = 0}));
  http_client client(http_endpoint());
  const auto response = client.ask(
      R"({"method":"lookup","parameters":{"qname":"_sip._udp.sip.example.com.","qtype":"SRV"}})");
  EXPECT_TRUE(response.chunked());
  EXPECT_GT(response.body().size(), whole_body_octets_max);
  EXPECT_EQ(boost::json::parse(response.body()).at("result").as_array().size(), 12'000U);
  EXPECT_EQ(client.ask(soa_question).result_int(), 200U);
}

TEST_F(serving, a_list_goes_on_from_the_table_it_began_with) {
  start();
  server_->publish(table_of({.serial = 1, .members = 5000}));
  http_client client(http_endpoint());
  client.send("POST /0123456789abcdef0123456789abcdef HTTP/1.1\r\nContent-Length: " +
              std::to_string(list_question.size()) + "\r\n\r\n" + std::string(list_question));
  // The reply is longer than the socket's buffers, so the server waits for us with half of it.
  http_client other(http_endpoint());
  EXPECT_EQ(other.ask(soa_question).result_int(), 200U);
  server_->publish(table_of({.serial = 2, .members = 1}));
  server_->publish(table_of({.serial = 3, .members = 1}));
  EXPECT_EQ(boost::json::parse(client.read().body()).at("result").as_array().size(),
            9U + 8U * 5000U);
}

TEST_F(serving, unix_answers_each_line_also_when_they_come_together) {
  start();
  unix_client client(unix_endpoint());
  client.send(R"({"method":"initialize","parameters":{}})"
              "\n"
              R"({"method":"getAllDomains"})"
              "\nnonsense\n");
  EXPECT_EQ(client.read(), R"({"result":true})");
  EXPECT_THAT(*client.read(), HasSubstr("sip.example.com."));
  EXPECT_THAT(*client.read(), HasSubstr("error"));
  EXPECT_THAT(*client.ask(soa_question), HasSubstr("SOA"));
  EXPECT_EQ(refused(refusal::bad_json), 1U);
}

TEST_F(serving, unix_refuses_a_line_that_is_too_long_and_lists_that_are) {
  start();
  server_->publish(table_of({.members = 600}));
  unix_client client(unix_endpoint());
  EXPECT_THAT(*client.ask(list_question), HasSubstr("more than PowerDNS reads"));
  EXPECT_EQ(refused(refusal::too_large), 1U);
  EXPECT_THAT(*client.ask(std::string(unix_line_octets_max, 'x')), HasSubstr("longer than"));
  EXPECT_THAT(*client.ask(std::string(5 * unix_line_octets_max, 'x')), HasSubstr("longer than"));
  EXPECT_EQ(refused(refusal::line_too_long), 2U);
  EXPECT_THAT(*client.ask(soa_question), HasSubstr("SOA"));
  EXPECT_THAT(log_.text(), HasSubstr("(too_large): list of sip.example.com. has 4809 records"));
}

TEST_F(serving, several_threads_share_the_connections) {
  server_options given = options();
  given.threads = 3;
  start(given);
  std::vector<std::unique_ptr<http_client>> clients;
  for (int i = 0; i < 9; ++i) {
    clients.push_back(std::make_unique<http_client>(http_endpoint()));
  }
  for (const auto& client : clients) {
    EXPECT_EQ(client->ask(soa_question).result_int(), 200U);
  }
  unix_client over_unix(unix_endpoint());
  EXPECT_THAT(*over_unix.ask(soa_question), HasSubstr("SOA"));
  EXPECT_EQ(server_->counters().http_open, 9U);
}

TEST_F(serving, the_unix_socket_is_for_owner_and_group_and_goes_with_the_server) {
  start();
  struct stat found{};
  ASSERT_EQ(::stat(unix_endpoint().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777U, 0660U);
  const std::string path = unix_endpoint();
  server_.reset();
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(serving, a_socket_that_a_crash_left_is_replaced) {
  const std::string path = options().unix_path;
  {
    asio::io_context context;
    asio::local::stream_protocol::acceptor crashed(context,
                                                   asio::local::stream_protocol::endpoint(path));
  }
  ASSERT_TRUE(fs::exists(path));
  start();
  EXPECT_THAT(*unix_client(path).ask(soa_question), HasSubstr("SOA"));
}

std::string failure_of(const server_options& given) {
  try {
    const server made(given, [](log_level, const std::string&) {});
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "no failure";
}

TEST_F(serving, a_socket_whose_process_hangs_is_left_alone) {
  const std::string path = options().unix_path;
  asio::io_context context;
  asio::local::stream_protocol::acceptor hanging(context);
  hanging.open();
  hanging.bind(path);
  constexpr int nobody_waits = 0;
  hanging.listen(nobody_waits);
  const unix_client first_in_the_queue(path);
  EXPECT_THAT(failure_of(options()), HasSubstr("another process serves there"));
}

TEST_F(serving, a_socket_that_somebody_serves_is_left_alone) {
  start();
  server_options second = options();
  EXPECT_THAT(failure_of(second), HasSubstr("another process serves there"));
  EXPECT_THAT(*unix_client(unix_endpoint()).ask(soa_question), HasSubstr("SOA"));
  second.unix_path.clear();
  second.http = http_endpoint();
  EXPECT_EQ(failure_of(second), "cannot listen on " + http_endpoint() + ": Address already in use");
}

TEST_F(serving, options_that_cannot_be_served_say_why) {
  server_options given = options();
  given.unix_path = directory_ / "file";
  std::ofstream(given.unix_path) << "precious";
  EXPECT_THAT(failure_of(given), HasSubstr("something that is not a socket"));
  EXPECT_TRUE(fs::exists(given.unix_path));

  given.unix_path = directory_ / std::string(200, 'x');
  EXPECT_THAT(failure_of(given), HasSubstr("cannot listen on " + given.unix_path));

  given.unix_path = directory_ / "no/such/directory";
  EXPECT_THAT(failure_of(given), HasSubstr("No such file or directory"));

  given = options();
  given.http_token = "short";
  EXPECT_THAT(failure_of(given), HasSubstr("at least 16"));
  given.http_token = "0123456789abcdef/0123456789abcde";
  EXPECT_THAT(failure_of(given), HasSubstr("at least 16"));

  for (const char* const address : {"localhost:8053", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999",
                                    "::1:8053", "[127.0.0.1]:1", ":8053"}) {
    given = options();
    given.http = address;
    EXPECT_THAT(failure_of(given), HasSubstr("this is not address:port")) << address;
  }
  given = options();
  given.threads = 0;
  EXPECT_THAT(failure_of(given), HasSubstr("at least one serving thread"));
}

TEST_F(serving, stops_with_idle_connections_open_and_starts_again_at_the_same_place) {
  start();
  server_options again = options();
  again.http = http_endpoint();
  http_client idle(http_endpoint());
  EXPECT_EQ(idle.ask(soa_question).result_int(), 200U);
  http_client silent(http_endpoint());
  unix_client idle_too(unix_endpoint());
  EXPECT_TRUE(idle_too.ask(soa_question));
  server_->stop();
  server_->stop();
  EXPECT_TRUE(idle.at_end());
  EXPECT_TRUE(silent.at_end());
  EXPECT_EQ(idle_too.read(), std::nullopt);
  start(again);
  EXPECT_EQ(http_client(again.http).ask(soa_question).result_int(), 200U);
}

TEST_F(serving, stops_also_when_a_client_does_not_take_its_reply) {
  start();
  server_->publish(table_of({.members = 10'000}));
  http_client client(http_endpoint());
  client.send("POST /0123456789abcdef0123456789abcdef HTTP/1.1\r\nContent-Length: " +
              std::to_string(list_question.size()) + "\r\n\r\n" + std::string(list_question));
  http_client other(http_endpoint());
  EXPECT_EQ(other.ask(soa_question).result_int(), 200U);
  server_.reset();
  SUCCEED();
}

} // namespace
} // namespace thor::backend
