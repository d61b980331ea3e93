#include "coordinator/daemon/dns/pdns_control.hpp"

#include "coordinator/dns/notify_schedule.hpp"
#include "coordinator/dns/purge_schedule.hpp"
#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/loop.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <string_view>
#include <utility>

namespace thor::dns {

namespace asio = boost::asio;
using boost::system::error_code;

class pdns_control::impl : public std::enable_shared_from_this<impl> {
 public:
  impl(asio::io_context& io, std::filesystem::path path, outcome told)
      : path_(std::move(path))
      , told_(std::move(told))
      , socket_(io)
      , timer_(io)
      , idle_timer_(io, [this](model::time_point) { send_if_idle(); }) {}

  void purge(const std::vector<std::string>& names, const std::string& apex) {
    purge_.changed(runtime::monotonic_now(), names, apex);
    send_if_idle();
  }

  void purge_serial(const std::string& apex) {
    purge_.serial_changed(runtime::monotonic_now(), apex);
    send_if_idle();
  }

  void purge_all() {
    purge_.everything_changed(runtime::monotonic_now());
    send_if_idle();
  }

  void notify(const std::string& apex) {
    notify_.changed(runtime::monotonic_now(), apex);
    send_if_idle();
  }

  void rediscover() {
    rediscover_at_ = runtime::monotonic_now();
    send_if_idle();
  }

  void end() {
    ended_ = true;
    error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
    idle_timer_.arm(model::never);
  }

 private:
  void send_if_idle() {
    if (!busy_)
      send();
  }

  /// The next command, if there is one.
  void send() {
    busy_ = true;
    if (runtime::monotonic_now() >= rediscover_at_) {
      rediscover_at_ = model::never;
      return send_line(command::rediscover, "REDISCOVER");
    }
    if (const auto names = purge_.take(runtime::monotonic_now()); !names.empty())
      return send_purge(names);
    if (const auto apex = notify_.take(runtime::monotonic_now())) {
      notified_ = *apex;
      return send_line(command::notify, "NOTIFY " + notified_);
    }
    busy_ = false;
    idle_timer_.arm(std::min({purge_.next_due(), notify_.next_due(), rediscover_at_}));
  }

  void send_purge(const std::vector<std::string>& names) {
    std::string line = "PURGE";
    for (const auto& name : names)
      line += name.empty() ? "" : " " + name;
    send_line(command::purge, std::move(line));
  }

  void send_line(command which, std::string line) {
    under_way_ = which;
    line_ = std::move(line) + "\n";
    received_ = 0;
    timer_.expires_after(command_timeout);
    timer_.async_wait([self = shared_from_this()](error_code ec) { self->on_timeout(ec); });
    on_connected(connect());
  }

  /// A local socket connects at once or not at all, so the command goes out before anything else is
  /// done.
  error_code connect() {
    error_code ec;
    socket_.open(asio::local::stream_protocol(), ec);
    if (!ec)
      socket_.non_blocking(true, ec);
    const asio::local::stream_protocol::endpoint where(path_.string());
    if (!ec &&
        ::connect(socket_.native_handle(), where.data(), static_cast<socklen_t>(where.size())) != 0)
      ec.assign(errno, boost::system::system_category());
    return ec;
  }

  void on_timeout(error_code ec) {
    if (ec || ended_)
      return;
    error_code ignored;
    timed_out_ = true;
    socket_.close(ignored);
  }

  void on_connected(error_code ec) {
    if (ec)
      return finish(ec);
    asio::async_write(
        socket_, asio::buffer(line_),
        [self = shared_from_this()](error_code failed, std::size_t) { self->on_written(failed); });
  }

  void on_written(error_code ec) {
    if (ec)
      return finish(ec);
    asio::async_read(socket_, asio::buffer(answer_),
                     [self = shared_from_this()](error_code failed, std::size_t octets) {
                       self->received_ = octets;
                       self->finish(failed == asio::error::eof ? error_code{} : failed);
                     });
  }

  /// PowerDNS answers and closes: to a purge with the number of entries that are gone.
  [[nodiscard]] bool has_agreed() const {
    const std::string_view answer(answer_.data(), received_);
    if (under_way_ == command::rediscover)
      return answer.starts_with("Ok");
    if (under_way_ == command::notify)
      return answer.starts_with("Added to queue");
    return !answer.empty() && std::isdigit(static_cast<unsigned char>(answer.front())) != 0;
  }

  void finish(error_code ec) {
    if (ended_)
      return;
    timer_.cancel();
    error_code ignored;
    socket_.close(ignored);
    if (ec || !has_agreed())
      return fail(ec);
    retry_ = command_retry_min;
    told_(under_way_, result::agreed, "");
    if (under_way_ == command::purge)
      purge_.purged(runtime::monotonic_now());
    send();
  }

  void fail(error_code ec) {
    const bool absent = ec == asio::error::connection_refused ||
                        ec == boost::system::errc::no_such_file_or_directory;
    told_(under_way_, absent ? result::absent : result::failed,
          path_.string() + ": " +
              (timed_out_ ? "no answer in time"
               : ec       ? ec.message()
                    : "unexpected answer \"" + std::string(answer_.data(), received_) + "\""));
    timed_out_ = false;
    // A list of zones that takes too long would do so again at once, and keep purges waiting.
    const bool refused =
        under_way_ == command::rediscover ? !absent : !ec && under_way_ == command::notify;
    put_back(runtime::monotonic_now() + (refused ? refused_retry : std::chrono::seconds{0}));
    if (refused)
      return send();
    timer_.expires_after(retry_);
    retry_ = std::min(retry_ * 2, command_retry_max);
    timer_.async_wait([self = shared_from_this()](error_code cancelled) {
      if (!cancelled && !self->ended_)
        self->send();
    });
  }

  /// The command that failed is to be sent again, not before `when`; a purge as soon as possible.
  void put_back(model::time_point when) {
    switch (under_way_) {
    case command::rediscover:
      rediscover_at_ = std::min(rediscover_at_, when);
      break;
    case command::purge:
      purge_.put_back(runtime::monotonic_now());
      break;
    case command::notify:
      notify_.put_back(notified_, when);
      break;
    }
  }

  std::filesystem::path path_;
  outcome told_;
  asio::local::stream_protocol::socket socket_;
  asio::steady_timer timer_;
  purge_schedule purge_;
  notify_schedule notify_;
  runtime::deadline_timer idle_timer_; ///< runs while there is nothing to send
  command under_way_ = command::purge;
  std::string notified_; ///< apex in a notification under way
  std::string line_;
  std::array<char, 256> answer_{};
  std::size_t received_ = 0;
  std::chrono::milliseconds retry_ = command_retry_min;
  model::time_point rediscover_at_ = model::never;
  bool busy_ = false;
  bool timed_out_ = false;
  bool ended_ = false;
};

pdns_control::pdns_control(asio::io_context& io, std::filesystem::path control_socket, outcome told)
    : impl_(std::make_shared<impl>(io, std::move(control_socket), std::move(told))) {}

pdns_control::~pdns_control() {
  impl_->end();
}

void pdns_control::purge(const std::vector<std::string>& names, const std::string& apex) {
  impl_->purge(names, apex);
}

void pdns_control::purge_serial(const std::string& apex) {
  impl_->purge_serial(apex);
}

void pdns_control::purge_all() {
  impl_->purge_all();
}

void pdns_control::rediscover() {
  impl_->rediscover();
}

void pdns_control::notify(const std::string& apex) {
  impl_->notify(apex);
}

} // namespace thor::dns
