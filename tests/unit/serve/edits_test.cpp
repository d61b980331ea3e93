// Writes on their way to the sink and back.
#include "tests/unit/serve/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace thor::backend {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view accepted = R"({"result":true})";

/// Keeps what is submitted until the test says what became of it.
class held_edits final : public zone::edit_sink {
 public:
  void submit(zone::edit wanted, std::function<void(zone::edit_outcome)> told) override {
    {
      const std::lock_guard lock(mutex_);
      held_.emplace_back(std::move(wanted), std::move(told));
    }
    arrived_.notify_all();
  }

  /// The next edit, and how to tell of it. Waits for it.
  std::pair<zone::edit, std::function<void(zone::edit_outcome)>> next() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !held_.empty(); });
    auto out = std::move(held_.front());
    held_.erase(held_.begin());
    return out;
  }

  [[nodiscard]] bool is_empty() {
    const std::lock_guard lock(mutex_);
    return held_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::pair<zone::edit, std::function<void(zone::edit_outcome)>>> held_;
};

/// Applies nothing and says at once that it did, on the thread that submits.
class quick_edits final : public zone::edit_sink {
 public:
  void submit(zone::edit, std::function<void(zone::edit_outcome)> told) override {
    told({.done = true, .key_id = 12, .notes = {}});
  }
};

std::string call(std::string_view method, std::string_view parameters) {
  return "{\"method\":\"" + std::string(method) + "\",\"parameters\":" + std::string(parameters) +
         "}";
}

const std::string begin =
    call("startTransaction", R"({"domain":"sip.example.com.","domain_id":-1,"trxid":7})");
const std::string commit = call("commitTransaction", R"({"trxid":7})");
const std::string set_metadata =
    call("setDomainMetadata", R"({"name":"sip.example.com.","kind":"X","value":["v"]})");

std::string feed(std::string_view owner) {
  return call("feedRecord",
              R"({"trxid":7,"rr":{"qtype":"A","qname":")" + std::string(owner) +
                  R"(.sip.example.com.","content":"192.0.2.1","ttl":60,"auth":true}})");
}

class edits : public serving {
 protected:
  void start_with(zone::edit_sink& sink) {
    server_options given = options();
    given.edits = &sink;
    start(given);
  }
  void send(http_client& client, std::string_view question) {
    client.send("POST /" + std::string(token) + "/ HTTP/1.1\r\nContent-Length: " +
                std::to_string(question.size()) + "\r\n\r\n" + std::string(question));
  }
};

TEST_F(edits, a_write_waits_for_its_outcome_and_nobody_else_does) {
  held_edits sink;
  start_with(sink);
  http_client writer(http_endpoint());
  http_client reader(http_endpoint());
  unix_client unix_writer(unix_endpoint());
  unix_client unix_reader(unix_endpoint());
  send(writer, set_metadata);
  auto [wanted, tell] = sink.next();
  EXPECT_EQ(wanted, zone::edit(zone::metadata_edit{test::name_of("sip.example.com."), "X", {"v"}}));
  unix_writer.send(set_metadata + "\n");
  auto [again, tell_again] = sink.next();
  // One thread serves all of them.
  EXPECT_EQ(reader.ask(soa_question).result_int(), 200U);
  EXPECT_THAT(*unix_reader.ask(soa_question), HasSubstr("SOA"));

  tell({.done = true, .key_id = 0, .notes = {"left out: a"}});
  const auto response = writer.read();
  EXPECT_EQ(response.result_int(), 200U);
  EXPECT_EQ(response.body(), R"({"result":true,"log":["left out: a"]})");
  EXPECT_EQ(writer.ask(soa_question).result_int(), 200U);
  EXPECT_THAT(log_.text(),
              HasSubstr("PowerDNS wrote by setDomainMetadata, metadata \"X\" of sip.example.com.: "
                        "left out: a"));

  tell_again({.done = false, .key_id = 0, .notes = {"we follow another"}});
  EXPECT_EQ(unix_writer.read(), R"({"result":false,"log":["we follow another"]})");
  EXPECT_EQ(refused(refusal::write), 1U);
  EXPECT_THAT(log_.text(), HasSubstr("(write): setDomainMetadata, metadata \"X\" of "
                                     "sip.example.com.: we follow another"));
  EXPECT_EQ(asked(method::set_domain_metadata), 2U);
}

TEST_F(edits, an_outcome_may_come_before_anybody_waits_for_it) {
  quick_edits sink;
  start_with(sink);
  http_client over_http(http_endpoint());
  unix_client over_unix(unix_endpoint());
  const std::string add_key =
      call("addDomainKey", R"({"name":"sip.example.com.","key":{"flags":257,"active":true,)"
                           R"("published":true,"content":"very secret"}})");
  EXPECT_EQ(over_http.ask(add_key).body(), R"({"result":12})");
  EXPECT_EQ(over_unix.ask(add_key), R"({"result":12})");
  const std::string set_tsig =
      call("setTSIGKey", R"({"name":"k.","algorithm":"hmac-sha256.","content":"very secret"})");
  EXPECT_EQ(over_unix.ask(set_tsig), accepted);
  EXPECT_THAT(log_.text(), HasSubstr("a new key of sip.example.com."));
  EXPECT_THAT(log_.text(), Not(HasSubstr("very secret")));
}

TEST_F(edits, transactions_of_the_same_second_do_not_mix) {
  held_edits sink;
  start_with(sink);
  http_client one(http_endpoint());
  unix_client other(unix_endpoint());
  EXPECT_EQ(one.ask(begin).body(), accepted);
  EXPECT_EQ(other.ask(begin), accepted);
  EXPECT_EQ(one.ask(feed("a")).body(), accepted);
  EXPECT_EQ(other.ask(feed("b")), accepted);
  EXPECT_TRUE(sink.is_empty());
  // Each sees its own record only.
  const std::string look =
      call("lookup", R"({"qname":"b.sip.example.com.","qtype":"ANY","zone-id":1})");
  EXPECT_EQ(one.ask(look).body(), R"({"result":[]})");
  EXPECT_THAT(*other.ask(look), HasSubstr("192.0.2.1"));

  const auto owner_of = [](const zone::edit& edit) {
    const auto& steps = std::get<zone::zone_edit>(edit).steps;
    return steps.size() == 1 ? steps.front().owner.text() : std::to_string(steps.size());
  };
  send(one, commit);
  auto [first, tell_first] = sink.next();
  EXPECT_EQ(owner_of(first), "a.sip.example.com.");
  other.send(commit + "\n");
  auto [second, tell_second] = sink.next();
  EXPECT_EQ(owner_of(second), "b.sip.example.com.");
  tell_second({.done = true, .key_id = 0, .notes = {}});
  EXPECT_EQ(other.read(), accepted);
  tell_first({.done = true, .key_id = 0, .notes = {}});
  EXPECT_EQ(one.read().body(), accepted);
}

TEST_F(edits, a_connection_that_goes_takes_its_transaction_along) {
  held_edits sink;
  start_with(sink);
  {
    unix_client gone(unix_endpoint());
    EXPECT_EQ(gone.ask(begin), accepted);
    EXPECT_EQ(gone.ask(feed("a")), accepted);
  }
  unix_client next(unix_endpoint());
  do {
    EXPECT_THAT(*next.ask(soa_question), HasSubstr("SOA"));
  } while (server_->counters().unix_open > 1);
  EXPECT_THAT(log_.text(), HasSubstr("ended with a transaction of sip.example.com. that was not"));
  EXPECT_THAT(*next.ask(commit), HasSubstr("no transaction 7 was begun on this connection"));
  EXPECT_TRUE(sink.is_empty());
}

TEST_F(edits, a_step_that_cannot_be_read_spoils_its_transaction) {
  held_edits sink;
  start_with(sink);
  unix_client client(unix_endpoint());
  EXPECT_EQ(client.ask(begin), accepted);
  EXPECT_EQ(client.ask(feed("a")), accepted);
  EXPECT_THAT(*client.ask(feed("b..c")), HasSubstr("error"));
  EXPECT_THAT(*client.ask(commit), HasSubstr("a request could not be read: feedRecord"));

  EXPECT_EQ(client.ask(begin), accepted);
  EXPECT_THAT(*client.ask(std::string(unix_line_octets_max, 'x')), HasSubstr("error"));
  EXPECT_THAT(*client.ask(commit), HasSubstr("longer than 1 MiB"));
  EXPECT_TRUE(sink.is_empty());
}

TEST_F(edits, a_large_set_is_one_request) {
  held_edits sink;
  start_with(sink);
  http_client client(http_endpoint());
  std::string rows;
  constexpr int records = 4000;
  for (int i = 0; i < records; ++i) {
    rows += std::string(i == 0 ? "" : ",") +
            R"({"qtype":"A","qname":"a.sip.example.com.","qclass":1,"content":"10.0.)" +
            std::to_string(i / 250) + "." + std::to_string(i % 250) + R"(","ttl":60,"auth":true})";
  }
  send(client, call("replaceRRSet", R"({"domain_id":1,"qname":"a.sip.example.com.","qtype":"A",)"
                                    R"("trxid":-1,"rrset":[)" +
                                        rows + "]}"));
  auto [wanted, tell] = sink.next();
  EXPECT_EQ(std::get<zone::zone_edit>(wanted).steps.front().records.size(), std::size_t{records});
  tell({.done = true, .key_id = 0, .notes = {}});
  EXPECT_EQ(client.read().body(), accepted);
}

TEST_F(edits, a_server_that_stops_waits_a_moment_and_an_outcome_may_come_later) {
  held_edits sink;
  start_with(sink);
  http_client http_writer(http_endpoint());
  unix_client unix_writer(unix_endpoint());
  send(http_writer, set_metadata);
  auto [first, tell_first] = sink.next();
  unix_writer.send(set_metadata + "\n");
  auto [second, tell_second] = sink.next();
  server_.reset();
  EXPECT_TRUE(http_writer.at_end());
  EXPECT_EQ(unix_writer.read(), std::nullopt);
  tell_first({.done = true, .key_id = 0, .notes = {}});
  tell_second({.done = true, .key_id = 0, .notes = {}});
}

TEST_F(edits, a_server_that_stops_tells_what_became_of_an_edit_in_time) {
  held_edits sink;
  start_with(sink);
  unix_client writer(unix_endpoint());
  writer.send(set_metadata + "\n");
  auto [wanted, tell] = sink.next();
  std::thread stopping([this] { server_->stop(); });
  tell({.done = true, .key_id = 0, .notes = {}});
  EXPECT_EQ(writer.read(), accepted);
  stopping.join();
}

TEST_F(edits, nothing_is_written_without_a_sink) {
  start();
  unix_client client(unix_endpoint());
  for (const std::string& question : {begin, commit, set_metadata, feed("a")}) {
    EXPECT_THAT(*client.ask(question), HasSubstr("this backend is read-only"));
  }
  EXPECT_EQ(refused(refusal::unsupported), 4U);
}

} // namespace
} // namespace thor::backend
