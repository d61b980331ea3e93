#include "tests/bench/propagation/members.hpp"

#include "coordinator/client/client.hpp"
#include "coordinator/identity/x509/credentials.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <istream>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace thor::bench {
namespace {

namespace asio = boost::asio;
using clock = std::chrono::steady_clock;

void report(clock::time_point began, const std::string& what, const std::string& id) {
  std::printf("%lld %s %s\n", static_cast<long long>(began.time_since_epoch().count()),
              what.c_str(), id.c_str());
  std::fflush(stdout);
}

identity::x509::credentials load(const std::filesystem::path& certificates, const std::string& id) {
  auto loaded = identity::x509::credentials::load({.certificate = certificates / (id + ".crt"),
                                                   .key = certificates / (id + ".key"),
                                                   .ca = certificates / "ca.crt",
                                                   .crl = {},
                                                   .crl_required = false});
  if (!loaded) {
    throw std::runtime_error(id + ": " + loaded.error().detail);
  }
  return std::move(*loaded);
}

/// One member of the overlay.
class member final : public client::observer {
 public:
  member(asio::io_context& io, std::vector<std::string> event_servers,
         const std::filesystem::path& certificates, const std::string& id, std::string address)
      : id_(id)
      , address_(std::move(address))
      , credentials_(load(certificates, id))
      , client_(io,
                {.event_servers = std::move(event_servers),
                 .resolvers = {},
                 .topics = {},
                 .software = "bench",
                 .incarnation_file = certificates / (id + ".incarnation")},
                credentials_, *this) {}
  virtual ~member() = default;
  member(const member&) = delete;
  member& operator=(const member&) = delete;

  void connect() {
    connecting_since_ = clock::now();
    start();
  }

  void announce(const std::string& role) {
    const auto began = clock::now();
    start();
    const auto address = model::ip_address::parse(address_);
    if (!address) {
      throw std::runtime_error(address.error().detail);
    }
    client_.announce({.id = credentials_.self().id,
                      .at = {},
                      .addresses = {*address},
                      .roles = {{role, {}}},
                      .site = {},
                      .software = "bench",
                      .attributes = {}});
    report(began, "announce", id_);
  }

  void leave(std::function<void()> gone) {
    const auto began = clock::now();
    client_.stop(std::chrono::milliseconds{0}, std::move(gone));
    report(began, "leave", id_);
  }

  void on_server_up(const std::string& /*server*/, const wire::welcome& /*hello*/) override {
    if (connecting_since_ != clock::time_point{}) {
      report(std::exchange(connecting_since_, {}), "connect", id_);
    }
  }
  void on_server_down(const std::string& server, const std::string& why) override {
    std::fprintf(stderr, "%s: lost %s: %s\n", id_.c_str(), server.c_str(), why.c_str());
  }
  void on_message(const std::string& /*server*/, const wire::server_message& message,
                  const identity::peer* /*author*/) override {
    if (const auto* refused = std::get_if<wire::refused>(&message)) {
      std::fprintf(stderr, "%s: refused: %s\n", id_.c_str(), refused->detail.c_str());
    }
  }
  void on_replaced(const std::string& server) override {
    std::fprintf(stderr, "%s: replaced at %s\n", id_.c_str(), server.c_str());
  }

 private:
  void start() {
    if (!std::exchange(started_, true)) {
      client_.start();
    }
  }

  std::string id_;
  std::string address_;
  identity::x509::credentials credentials_;
  client::client client_;
  clock::time_point connecting_since_{};
  bool started_ = false;
};

/// All members of this process, and the commands to them.
class crowd {
 public:
  crowd(std::vector<std::string> event_servers, std::string role,
        std::filesystem::path certificates)
      : event_servers_(std::move(event_servers))
      , role_(std::move(role))
      , certificates_(std::move(certificates))
      , commands_(io_, ::dup(STDIN_FILENO)) {}

  void run() {
    read_command();
    io_.run();
  }

 private:
  void read_command() {
    asio::async_read_until(commands_, input_, '\n',
                           [this](const boost::system::error_code& ec, std::size_t /*size*/) {
                             if (ec) {
                               io_.stop();
                               return;
                             }
                             std::string line;
                             std::istream in(&input_);
                             std::getline(in, line);
                             perform(line);
                             read_command();
                           });
  }

  void perform(const std::string& line) {
    std::istringstream words(line);
    std::string what;
    words >> what;
    if (what == "row") {
      std::int64_t gap_us = 0;
      words >> gap_us >> what;
      return perform_row(what, {std::istream_iterator<std::string>(words), {}},
                         std::chrono::microseconds(gap_us), clock::now());
    }
    std::string id;
    words >> id;
    if (what == "prepare") {
      std::string address;
      words >> address;
      members_[id] = std::make_unique<member>(io_, event_servers_, certificates_, id, address);
      report(clock::now(), what, id);
      return;
    }
    perform(what, id);
  }

  /// The same with one member after the other, the first at `when`, `gap` apart.
  void perform_row(const std::string& what, std::deque<std::string> ids,
                   std::chrono::microseconds gap, clock::time_point when) {
    perform(what, ids.front());
    ids.pop_front();
    if (ids.empty()) {
      return;
    }
    next_.expires_at(when + gap);
    next_.async_wait(
        [this, what, ids = std::move(ids), gap, when](const boost::system::error_code& ec) mutable {
          if (!ec) {
            perform_row(what, std::move(ids), gap, when + gap);
          }
        });
  }

  void perform(const std::string& what, const std::string& id) {
    if (what == "connect") {
      members_.at(id)->connect();
    } else if (what == "announce") {
      members_.at(id)->announce(role_);
    } else if (what == "leave") {
      members_.at(id)->leave([this, id] { asio::post(io_, [this, id] { members_.erase(id); }); });
    } else {
      throw std::runtime_error("no such command: " + what);
    }
  }

  asio::io_context io_;
  std::vector<std::string> event_servers_;
  std::string role_;
  std::filesystem::path certificates_;
  std::map<std::string, std::unique_ptr<member>> members_;
  asio::posix::stream_descriptor commands_;
  asio::streambuf input_;
  asio::steady_timer next_{io_}; ///< of a row
};

} // namespace

int members(const std::vector<std::string>& event_servers, const std::string& role,
            const std::filesystem::path& certificates) {
  crowd(event_servers, role, certificates).run();
  return 0;
}

} // namespace thor::bench
