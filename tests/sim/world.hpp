// The simulated world: one clock, one queue of events, machines with a daemon on each, and the
// network between them. Nothing in it asks a real clock or a random device, so a seed is a history.
//
// A `host` is a machine: a name, a wall clock that may be wrong, a disk, and at most one running
// daemon. The daemon may be paused (its kernel still takes what arrives), crash (the kernel closes
// its connections) or lose power (nobody is told anything).
#pragma once

#include "coordinator/dns/coordinator.hpp"
#include "coordinator/membership/effect.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/network.hpp"
#include "tests/sim/planted.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace thor::sim {

using namespace std::chrono_literals;

class laws;
class world;

/// A member with which nothing was wrong for this long has to be in DNS, whatever happens to
/// others.
inline constexpr std::chrono::seconds calm_min{30};

/// A program on a host: a machine of the project and the wiring that the real daemon gives it.
/// Called by the network and the clock, never from within its own calls.
class daemon {
 public:
  virtual ~daemon() = default;
  [[nodiscard]] virtual model::time_point next_deadline() const = 0;
  virtual void on_deadline() = 0;

  /// `peer` has connected to us.
  virtual void on_accepted(connection_id which, host& peer);
  /// Our connection stands.
  virtual void on_opened(connection_id which);
  virtual void on_frame(connection_id which, const broker::frame& text) = 0;
  /// It could not be opened, or ended.
  virtual void on_ended(connection_id which, std::uint16_t code, const std::string& why) = 0;
};

/// What survives the end of a process, each daemon's own.
struct disk {
  std::uint64_t incarnation = 0;
  membership::persist manager;
  std::optional<dns::restored> zone;
};

enum class kind : std::uint8_t { event_server, manager, dns, node };

class host {
 public:
  using boot = std::function<std::unique_ptr<daemon>(host&)>;
  host(world& in, kind what, std::string name, std::size_t index, boot how)
      : in_(in)
      , what_(what)
      , name_(std::move(name))
      , index_(index)
      , boot_(std::move(how)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] kind what() const { return what_; }
  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] model::unix_time wall() const;

  // ---- the process

  void start();
  /// The process ends; its kernel closes its connections with `code`, 0 = without a word.
  void end(std::uint16_t code = 0);
  /// The machine loses power: nobody is told.
  void lose_power();
  void pause();
  void resume();

  [[nodiscard]] bool runs() const { return daemon_ != nullptr; }
  [[nodiscard]] bool paused() const { return paused_; }
  /// False: not even its kernel answers.
  [[nodiscard]] bool powered() const { return powered_; }
  /// Number of its process, counted from 1.
  [[nodiscard]] std::uint64_t run() const { return run_; }
  /// It runs without a pause since then.
  [[nodiscard]] model::time_point steady_since() const { return steady_since_; }
  template <class Daemon>
  [[nodiscard]] Daemon* as() const {
    return dynamic_cast<Daemon*>(daemon_.get());
  }

  /// Calls the process of that number, now or when it is resumed.
  void call(std::uint64_t run, std::function<void(daemon&)> what);
  /// Its next deadline may have changed by a call that did not come through call().
  void rearm();

  // ---- how it fares, for the laws

  /// Something that may make others lose sight of it begins, or ends. They nest.
  void trouble_begins();
  void trouble_ends();
  void troubled_for_a_moment();
  /// Nothing has been wrong with it since then; never when something is.
  [[nodiscard]] model::time_point calm_since() const {
    return troubles_ == 0 ? calm_since_ : model::never;
  }
  /// When the trouble began that it is in, or was in last; troubles with less than calm_min between
  /// them are one.
  [[nodiscard]] model::time_point troubled_since() const { return troubled_since_; }

  disk kept;
  model::duration clock_error{};   ///< of the wall clock
  model::duration extra_latency{}; ///< of whatever it sends or gets

 private:
  void read();
  void wake(std::uint64_t number);
  void drop();

  world& in_;
  kind what_;
  std::string name_;
  std::size_t index_;
  boot boot_;
  std::unique_ptr<daemon> daemon_;
  std::uint64_t run_ = 0;
  bool powered_ = true;
  bool paused_ = false;
  std::deque<std::function<void(daemon&)>> inbox_; ///< what it has yet to read
  bool reading_ = false;
  model::time_point steady_since_{};
  model::time_point wake_at_ = model::never;
  std::uint64_t wakes_ = 0;
  int troubles_ = 0;
  model::time_point calm_since_{};
  model::time_point troubled_since_{};
  bool down_ = false; ///< ended, or without power
};

class world {
 public:
  world(std::uint64_t seed, fault planted, bool tracing);
  ~world();
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  // ---- time

  [[nodiscard]] model::time_point now() const { return now_; }
  void at(model::time_point when, std::function<void()> what);
  void after(model::duration delay, std::function<void()> what) {
    at(now_ + delay, std::move(what));
  }
  void run_until(model::time_point end);
  void run_for(model::duration time) { run_until(now_ + time); }

  // ---- what is in it

  host& add(kind what, std::string name, host::boot how);
  [[nodiscard]] const std::vector<std::unique_ptr<host>>& hosts() const { return hosts_; }
  [[nodiscard]] std::vector<host*> all(kind what) const;
  [[nodiscard]] host& named(const std::string& name) const;
  network& net() { return net_; }
  laws& law() { return *laws_; }
  planted& sabotage() { return planted_; }

  /// A line of the trace. Tracing changes nothing else.
  template <class... Args>
  void tell(fmt::format_string<Args...> text, Args&&... args) const {
    if (tracing_)
      print(fmt::format(text, std::forward<Args>(args)...));
  }
  [[nodiscard]] std::string clock_text() const;
  /// Its deadline has come.
  void note_woken(const host& who) { last_woken_ = who.name(); }

 private:
  void print(const std::string& line) const;

  model::time_point now_{1h};
  std::uint64_t order_ = 0;
  std::map<std::pair<model::time_point, std::uint64_t>, std::function<void()>> queue_;
  bool tracing_;
  std::string last_woken_;
  planted planted_;
  dice dice_;
  network net_;
  std::vector<std::unique_ptr<host>> hosts_;
  std::unique_ptr<laws> laws_;
};

} // namespace thor::sim
