// Very many members in one process: libthor clients, each with its own certificate and its own
// connections, that do what they are told on stdin. tests/support/herd.py is the other end.
//
//     member_herd DIRECTORY ROLE COUNT EVENT-SERVER...
//
// DIRECTORY has ca.crt, herd.key (the key of all) and h0.crt, h1.crt, ...: members h0, h1, ... with
// the addresses of their certificates. Commands, one a line, each for the members from FIRST up to,
// not including, LAST:
//
//     start FIRST LAST   connect everywhere and announce the role
//     drain FIRST LAST   announce the role as draining
//     undrain FIRST LAST announce it as active
//     leave FIRST LAST   say Thor.Leave and disconnect
//
// On stdout, with the time in nanoseconds of CLOCK_MONOTONIC: `<time> up <member> <event server>`
// and `<time> down <member> <event server>`. Ends with stdin, as a crash of all.
#include "coordinator/client/client.hpp"
#include "coordinator/identity/x509/credentials.hpp"
#include "coordinator/runtime/log.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <istream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace thor;

struct terms {
  std::filesystem::path directory;
  std::string role;
  std::vector<std::string> event_servers;
};

identity::x509::credentials load(const std::filesystem::path& directory, const std::string& id) {
  auto loaded = identity::x509::credentials::load({.certificate = directory / (id + ".crt"),
                                                   .key = directory / "herd.key",
                                                   .ca = directory / "ca.crt",
                                                   .crl = {},
                                                   .crl_required = false});
  if (!loaded)
    throw std::runtime_error(loaded.error().detail);
  return std::move(*loaded);
}

class member final : public client::observer {
 public:
  member(asio::io_context& io, const terms& how, const std::string& id)
      : role_(how.role)
      , credentials_(load(how.directory, id))
      , client_(io,
                {.event_servers = how.event_servers,
                 .resolvers = {},
                 .topics = {},
                 .software = "herd",
                 .incarnation_file = how.directory / (id + ".incarnation")},
                credentials_, *this) {}
  virtual ~member() = default;
  member(const member&) = delete;
  member& operator=(const member&) = delete;

  void start() {
    client_.start();
    announce(model::role_state::active);
  }

  void announce(model::role_state state) {
    model::presence what{.id = credentials_.self().id,
                         .at = {},
                         .addresses = {},
                         .roles = {},
                         .site = {},
                         .software = {},
                         .attributes = {}};
    what.addresses.assign(credentials_.self().addresses.begin(),
                          credentials_.self().addresses.end());
    what.roles[role_].state = state;
    client_.announce(std::move(what));
  }

  void leave() {
    client_.stop(std::chrono::milliseconds{0}, [] {});
  }

  void on_server_up(const std::string& server, const wire::welcome&) override {
    tell("up", server);
  }
  void on_server_down(const std::string& server, const std::string&) override {
    tell("down", server);
  }
  void on_message(const std::string&, const wire::server_message& message,
                  const identity::peer*) override {
    if (const auto* refused = std::get_if<wire::refused>(&message))
      std::cerr << credentials_.self().id.text() << ": refused: " << refused->detail << '\n';
  }
  void on_replaced(const std::string& server) override { tell("replaced", server); }

 private:
  void tell(const char* what, const std::string& server) const {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    std::printf("%lld %s %s %s\n", static_cast<long long>(std::chrono::nanoseconds(now).count()),
                what, credentials_.self().id.text().c_str(), server.c_str());
    std::fflush(stdout);
  }

  std::string role_;
  identity::x509::credentials credentials_;
  client::client client_;
};

class herd {
 public:
  herd(const terms& how, std::size_t count)
      : commands_(io_, ::dup(STDIN_FILENO)) {
    for (std::size_t number = 0; number < count; ++number)
      members_.push_back(std::make_unique<member>(io_, how, "h" + std::to_string(number)));
  }

  void run() {
    read_command();
    io_.run();
  }

 private:
  void read_command() {
    asio::async_read_until(commands_, input_, '\n',
                           [this](const boost::system::error_code& ended, std::size_t) {
                             if (ended)
                               return io_.stop();
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
    std::size_t first = 0;
    std::size_t last = 0;
    words >> what >> first >> last;
    for (std::size_t number = first; number < last; ++number) {
      auto& who = *members_.at(number);
      if (what == "start")
        who.start();
      else if (what == "drain")
        who.announce(model::role_state::draining);
      else if (what == "undrain")
        who.announce(model::role_state::active);
      else if (what == "leave")
        who.leave();
      else
        throw std::runtime_error("no such command: " + line);
    }
  }

  asio::io_context io_;
  std::vector<std::unique_ptr<member>> members_;
  asio::posix::stream_descriptor commands_;
  asio::streambuf input_;
};

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

} // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 4) {
    std::cerr << "usage: member_herd DIRECTORY ROLE COUNT EVENT-SERVER...\n";
    return 2;
  }
  runtime::start_log(runtime::log_level::warn);
  raise_descriptor_limit();
  try {
    herd({.directory = words[0],
          .role = words[1],
          .event_servers = {words.begin() + 3, words.end()}},
         std::stoul(words[2]))
        .run();
  } catch (const std::exception& wrong) {
    std::cerr << "member_herd: " << wrong.what() << '\n';
    return 1;
  }
  return 0;
}
