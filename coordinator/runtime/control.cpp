#include "coordinator/runtime/control.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace thor::runtime {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace asio::experimental::awaitable_operators;
using boost::system::error_code;
using local = asio::local::stream_protocol;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

constexpr mode_t socket_mode = 0660;
/// After an accept that failed, for instance for want of descriptors.
constexpr std::chrono::milliseconds accept_pause{200};

json::object refusal(std::string_view why) {
  return {{"error", why}};
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<std::string>(in), std::istream_iterator<std::string>()};
}

/// Requests do not throw: what escapes is a bug, and ends the program.
void let_escape(const std::exception_ptr& thrown) {
  if (thrown) {
    std::rethrow_exception(thrown);
  }
}

[[noreturn]] void fail(const std::filesystem::path& socket, std::string_view why) {
  throw std::runtime_error(fmt::format("control socket {}: {}", socket.string(), why));
}

/// Makes room for a new socket: removes one that nobody answers at, and nothing else.
void clear_path(asio::io_context& io, const std::filesystem::path& path) {
  std::error_code failure;
  const auto status = std::filesystem::symlink_status(path, failure);
  if (!std::filesystem::exists(status)) {
    return;
  }
  if (!std::filesystem::is_socket(status)) {
    fail(path, "there is something else than a socket; remove it, or set another run_dir");
  }
  local::socket probe(io);
  error_code refused;
  probe.connect(local::endpoint(path.string()), refused);
  if (refused != asio::error::connection_refused) {
    fail(path, refused ? refused.message()
                       : "another process answers there; stop it, or set another run_dir");
  }
  std::filesystem::remove(path);
}

local::acceptor listen_at(asio::io_context& io, const std::filesystem::path& path) {
  if (path.string().size() >= sizeof(sockaddr_un::sun_path)) {
    fail(path, fmt::format("the path is longer than {} octets; set a shorter run_dir",
                           sizeof(sockaddr_un::sun_path) - 1));
  }
  clear_path(io, path);
  local::acceptor acceptor(io);
  error_code failure;
  acceptor.open(local(), failure);
  // The mode is set before the name exists, so that there is no moment at which others may enter.
  if (!failure && ::fchmod(acceptor.native_handle(), socket_mode) == 0) {
    acceptor.bind(local::endpoint(path.string()), failure);
  }
  if (failure || ::chmod(path.c_str(), socket_mode) != 0) {
    fail(path, failure ? failure.message() : std::generic_category().message(errno));
  }
  acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure) {
    fail(path, failure.message());
  }
  return acceptor;
}

} // namespace

class control_server::impl {
 public:
  impl(asio::io_context& io, std::filesystem::path path)
      : path_(std::move(path))
      , acceptor_(listen_at(io, path_)) {}

  static void start(const std::shared_ptr<impl>& self) {
    const auto executor = self->acceptor_.get_executor();
    asio::co_spawn(executor, accept(self), let_escape);
  }

  void add(std::string command, control_handler handler) {
    handlers_.insert_or_assign(std::move(command), std::move(handler));
  }

  /// Handlers refer to what the server's owner owns: none is called afterwards.
  void close() {
    handlers_.clear();
    error_code ignored;
    acceptor_.close(ignored);
    ::unlink(path_.c_str());
  }

 private:
  static asio::awaitable<void> accept(std::shared_ptr<impl> self) {
    asio::steady_timer pause(self->acceptor_.get_executor());
    while (self->acceptor_.is_open()) {
      auto [failure, peer] = co_await self->acceptor_.async_accept(as_result);
      if (!self->acceptor_.is_open()) {
        co_return;
      }
      if (failure) {
        spdlog::warn("control socket: cannot accept: {}", failure.message());
        pause.expires_after(accept_pause);
        co_await pause.async_wait(as_result);
      } else if (self->connections_ < control_connections_max) {
        const auto executor = peer.get_executor();
        asio::co_spawn(executor, serve(self, std::move(peer)), let_escape);
      }
    }
  }

  static asio::awaitable<void> serve(std::shared_ptr<impl> self, local::socket peer) {
    ++self->connections_;
    asio::steady_timer deadline(peer.get_executor(), control_deadline);
    co_await (exchange(*self, peer) || deadline.async_wait(as_result));
    --self->connections_;
  }

  static asio::awaitable<void> exchange(impl& self, local::socket& peer) {
    std::string line;
    const auto [failure, octets] = co_await asio::async_read_until(
        peer, asio::dynamic_buffer(line, control_line_octets_max), '\n', as_result);
    json::object answer;
    if (failure == asio::error::not_found) {
      answer = refusal("the request is too long");
    } else if (failure) {
      co_return;
    } else {
      line.resize(octets);
      answer = self.answer_to(words_of(line));
    }
    const auto text = json::serialize(answer) + "\n";
    co_await asio::async_write(peer, asio::buffer(text), as_result);
  }

  json::object answer_to(std::vector<std::string> words) {
    const auto handler = words.empty() ? handlers_.end() : handlers_.find(words.front());
    if (handler == handlers_.end()) {
      return refusal(fmt::format("unknown command \"{}\"; there are: {}", fmt::join(words, " "),
                                 fmt::join(handlers_ | std::views::keys, ", ")));
    }
    words.erase(words.begin());
    auto answer = handler->second(words);
    return answer ? std::move(*answer) : refusal(answer.error());
  }

  std::filesystem::path path_;
  local::acceptor acceptor_;
  std::map<std::string, control_handler> handlers_;
  std::size_t connections_ = 0;
};

control_server::control_server(asio::io_context& io, std::filesystem::path socket)
    : impl_(std::make_shared<impl>(io, std::move(socket))) {
  impl::start(impl_);
}

control_server::~control_server() {
  impl_->close();
}

void control_server::on(std::string command, control_handler handler) {
  impl_->add(std::move(command), std::move(handler));
}

// ---- client

namespace {

struct exchange_result {
  error_code failure;
  std::string answer;
};

asio::awaitable<void> exchange(local::socket& peer, std::filesystem::path path, std::string request,
                               exchange_result& out) {
  std::tie(out.failure) = co_await peer.async_connect(local::endpoint(path.string()), as_result);
  if (out.failure) {
    co_return;
  }
  request += '\n';
  std::size_t octets = 0;
  std::tie(out.failure, octets) =
      co_await asio::async_write(peer, asio::buffer(request), as_result);
  if (out.failure) {
    co_return;
  }
  std::tie(out.failure, octets) = co_await asio::async_read(
      peer, asio::dynamic_buffer(out.answer, control_answer_octets_max), as_result);
  if (out.failure == asio::error::eof) {
    out.failure = {};
  }
}

} // namespace

std::expected<json::object, std::string> ask(const std::filesystem::path& socket,
                                             std::string_view request) {
  asio::io_context io(1);
  local::socket peer(io);
  exchange_result result{asio::error::timed_out, {}};
  asio::co_spawn(io, exchange(peer, socket, std::string(request), result), let_escape);
  io.run_for(control_deadline);
  if (!io.stopped()) {
    return std::unexpected(
        fmt::format("{} does not answer within {} s", socket.string(), control_deadline.count()));
  }
  if (result.failure) {
    return std::unexpected(fmt::format("cannot ask {}: {}; is the daemon running?", socket.string(),
                                       result.failure.message()));
  }
  error_code failure;
  const auto answer = json::parse(result.answer, failure);
  if (failure || !answer.is_object()) {
    return std::unexpected(fmt::format("{} answered no JSON object", socket.string()));
  }
  if (const auto* error = answer.as_object().if_contains("error"); error && error->is_string()) {
    return std::unexpected(std::string(error->get_string()));
  }
  return answer.as_object();
}

} // namespace thor::runtime
