#include "coordinator/runtime/loop.hpp"

#include "coordinator/runtime/clock.hpp"

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace thor::runtime {

using boost::system::error_code;

struct deadline_timer::state {
  boost::asio::steady_timer timer;
  std::function<void(model::time_point)> due;
  model::time_point wanted = model::never;
  /// When the pending wait ends; at or before `wanted`, so that pushing a deadline back, which
  /// machines do with nearly every event, costs nothing.
  model::time_point armed = model::never;

  state(boost::asio::io_context& io, std::function<void(model::time_point)> callback)
      : timer(io)
      , due(std::move(callback)) {}

  static void arm(const std::shared_ptr<state>& self, model::time_point when) {
    self->wanted = when;
    if (when == model::never) {
      self->armed = model::never;
      self->timer.cancel();
      return;
    }
    if (when >= self->armed) {
      return;
    }
    self->armed = when;
    self->timer.expires_after(std::max(when - monotonic_now(), model::duration::zero()));
    self->timer.async_wait([weak = std::weak_ptr(self)](error_code failure) {
      if (const auto alive = weak.lock(); alive && !failure) {
        fire(alive);
      }
    });
  }

  static void fire(const std::shared_ptr<state>& self) {
    self->armed = model::never;
    const auto now = monotonic_now();
    if (now < self->wanted) {
      arm(self, self->wanted);
      return;
    }
    self->wanted = model::never;
    self->due(now);
  }
};

deadline_timer::deadline_timer(boost::asio::io_context& io,
                               std::function<void(model::time_point now)> due)
    : state_(std::make_shared<state>(io, std::move(due))) {}
deadline_timer::~deadline_timer() = default;

void deadline_timer::arm(model::time_point when) {
  state::arm(state_, when);
}

struct signal_watch::state {
  boost::asio::signal_set ending;
  boost::asio::signal_set reloading;
  std::function<void()> stop;
  std::function<void()> reload;
  bool stopping = false;

  state(boost::asio::io_context& io, std::function<void()> on_stop, std::function<void()> on_reload)
      : ending(io, SIGTERM, SIGINT)
      , reloading(io, SIGHUP)
      , stop(std::move(on_stop))
      , reload(std::move(on_reload)) {}

  static void await_end(const std::shared_ptr<state>& self) {
    self->ending.async_wait([weak = std::weak_ptr(self)](error_code failure, int) {
      const auto alive = weak.lock();
      if (!alive || failure) {
        return;
      }
      if (alive->stopping) {
        spdlog::warn("told to stop a second time: ending at once");
        ::_exit(1);
      }
      alive->stopping = true;
      await_end(alive);
      alive->stop();
    });
  }

  static void await_reload(const std::shared_ptr<state>& self) {
    self->reloading.async_wait([weak = std::weak_ptr(self)](error_code failure, int) {
      if (const auto alive = weak.lock(); alive && !failure) {
        await_reload(alive);
        alive->reload();
      }
    });
  }
};

signal_watch::signal_watch(boost::asio::io_context& io, std::function<void()> stop,
                           std::function<void()> reload)
    : state_(std::make_shared<state>(io, std::move(stop), std::move(reload))) {
  std::signal(SIGPIPE, SIG_IGN);
  state::await_end(state_);
  state::await_reload(state_);
}
signal_watch::~signal_watch() = default;

} // namespace thor::runtime
