#include "backend/serve/listener.hpp"

#include "backend/serve/limits.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <utility>

namespace thor::backend {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using local = asio::local::stream_protocol;

auto report_to(journal& log) {
  return [&log](const std::exception_ptr& thrown) { log.report(thrown); };
}

[[noreturn]] void fail(const std::string& what, const std::string& why) {
  throw std::runtime_error("cannot listen on " + what + ": " + why);
}

void check(error_code failure, const std::string& what) {
  if (failure) {
    fail(what, failure.message());
  }
}

std::string last_error() {
  return error_code(errno, boost::system::system_category()).message();
}

std::optional<tcp::endpoint> read_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, bad_port] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
  }
  error_code bad_address;
  const auto address = asio::ip::make_address(host, bad_address);
  if (bad_port != std::errc() || end != digits.data() + digits.size() || bad_address ||
      address.is_v6() != bracketed) {
    return std::nullopt;
  }
  return tcp::endpoint(address, port);
}

local::endpoint local_endpoint(const std::string& path) {
  try {
    return {path};
  } catch (const boost::system::system_error& e) { // longer than a socket's path can be
    fail(path, e.code().message());
  }
}

/// Takes a socket out of the way that a process left behind when it crashed.
void remove_stale(asio::io_context& context, const local::endpoint& endpoint) {
  const std::string path = endpoint.path();
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    return;
  }
  if (!S_ISSOCK(found.st_mode)) {
    fail(path, "there is something that is not a socket; remove it or choose another path");
  }
  local::socket probe(context, local());
  probe.non_blocking(true);
  error_code failure;
  probe.connect(endpoint, failure);
  if (!failure || failure == asio::error::try_again) { // the latter from one that hangs
    fail(path, "another process serves there; stop it or choose another path");
  }
  if (failure != asio::error::connection_refused) {
    fail(path, "there is a socket, and to connect to it failed: " + failure.message());
  }
  ::unlink(path.c_str());
}

/// Leaves the socket to our user and one group; returns its inode.
ino_t restrict(const std::string& path, std::optional<gid_t> group) {
  constexpr mode_t owner_and_group = 0660;
  constexpr auto same_owner = static_cast<uid_t>(-1);
  if (group && ::chown(path.c_str(), same_owner, *group) != 0) {
    fail(path, "cannot give it to group " + std::to_string(*group) + ": " + last_error() +
                   "; make our user a member of that group");
  }
  struct stat made{};
  if (::chmod(path.c_str(), owner_and_group) != 0 || ::lstat(path.c_str(), &made) != 0) {
    fail(path, last_error());
  }
  return made.st_ino;
}

/// The user at the other end.
std::optional<uid_t> user_of(unix_socket& socket) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
    return std::nullopt;
  }
  return peer.uid;
}

/// Says why and lets the connection go. One attempt to write: a peer that does not read learns
/// nothing.
void turn_away(unix_socket& socket) {
  constexpr std::string_view words =
      "{\"error\":\"this local user may not use the backend; see unix_users\"}\n";
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(words), ignored);
}

} // namespace

listener::listener(std::vector<serving_loop*> loops)
    : loops_(std::move(loops))
    , http_(context())
    , unix_(context()) {}

listener::~listener() {
  struct stat found{};
  if (!unix_path_.empty() && ::lstat(unix_path_.c_str(), &found) == 0 &&
      found.st_ino == unix_inode_) {
    ::unlink(unix_path_.c_str());
  }
}

void listener::listen_http(const std::string& address) {
  const auto endpoint = read_endpoint(address);
  if (!endpoint) {
    fail("\"" + address + "\"", "this is not address:port, as 127.0.0.1:8053 or [::1]:8053");
  }
  error_code failure;
  http_.open(endpoint->protocol(), failure);
  check(failure, address);
  http_.set_option(tcp::acceptor::reuse_address(true), failure);
  check(failure, address);
  http_.bind(*endpoint, failure);
  check(failure, address);
  http_.listen(asio::socket_base::max_listen_connections, failure);
  check(failure, address);
  const std::string port = std::to_string(http_.local_endpoint().port());
  endpoints_.push_back(address.substr(0, address.rfind(':') + 1) + port);
  asio::co_spawn(context(), accept_http(), report_to(loops_.front()->log()));
}

void listener::listen_unix(const std::string& path, std::vector<uid_t> users,
                           std::optional<gid_t> group) {
  error_code failure;
  const local::endpoint endpoint = local_endpoint(path);
  remove_stale(context(), endpoint);
  unix_.open(local(), failure);
  check(failure, path);
  unix_.bind(endpoint, failure);
  check(failure, path);
  unix_path_ = path;
  // Nobody can connect before listen(), so the permissions are right from the first moment.
  unix_inode_ = restrict(path, group);
  unix_.listen(asio::socket_base::max_listen_connections, failure);
  check(failure, path);
  users_ = std::move(users);
  users_.push_back(0);
  users_.push_back(::geteuid());
  endpoints_.push_back(path);
  asio::co_spawn(context(), accept_unix(), report_to(loops_.front()->log()));
}

void listener::close() {
  error_code ignored;
  http_.close(ignored);
  unix_.close(ignored);
}

serving_loop& listener::next_loop() {
  serving_loop& chosen = *loops_[next_];
  next_ = (next_ + 1) % loops_.size();
  return chosen;
}

/// After a failed accept: false when the acceptor is closed, else true, after a while. An error
/// such as "too many open files" passes, and must neither end the loop nor make it spin.
template <typename Acceptor>
awaitable<bool> listener::recover(Acceptor& acceptor, error_code failure) {
  if (!acceptor.is_open()) {
    co_return false;
  }
  journal& log = loops_.front()->log();
  ++log.counters().accept_errors;
  log.say(log_level::error, "cannot accept a connection: " + failure.message());
  asio::steady_timer pause(context(), accept_retry_delay);
  co_await pause.async_wait(awaiting);
  co_return acceptor.is_open();
}

awaitable<void> listener::accept_http() {
  while (true) {
    serving_loop& loop = next_loop();
    tcp_socket socket(loop.context());
    const auto [failure] = co_await http_.async_accept(socket, awaiting);
    if (!failure) {
      asio::dispatch(loop.context(), [&loop, accepted = std::move(socket)]() mutable {
        loop.adopt_http(std::move(accepted));
      });
    } else if (!co_await recover(http_, failure)) {
      co_return;
    }
  }
}

awaitable<void> listener::accept_unix() {
  while (true) {
    serving_loop& loop = next_loop();
    unix_socket socket(loop.context());
    const auto [failure] = co_await unix_.async_accept(socket, awaiting);
    if (failure) {
      if (!co_await recover(unix_, failure)) {
        co_return;
      }
      continue;
    }
    const std::optional<uid_t> user = user_of(socket);
    if (!user || std::ranges::find(users_, *user) == users_.end()) {
      loops_.front()->log().refuse(refusal::peer,
                                   "local user " + (user ? std::to_string(*user) : "unknown"),
                                   "it is not among unix_users");
      turn_away(socket);
      continue;
    }
    asio::dispatch(loop.context(), [&loop, user = *user, accepted = std::move(socket)]() mutable {
      loop.adopt_unix(std::move(accepted), user);
    });
  }
}

} // namespace thor::backend
