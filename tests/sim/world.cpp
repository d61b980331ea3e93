#include "tests/sim/world.hpp"

#include "tests/sim/laws.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace thor::sim {

namespace {

constexpr model::unix_time epoch_of_the_world{std::chrono::seconds{1'750'000'000}};
/// Of one frame, by a process that has many before it.
constexpr auto reading_time = 20us;
/// More events than this in one moment, and somebody runs in circles.
constexpr std::size_t events_at_once_max = 100'000;

} // namespace

void daemon::on_accepted(connection_id, host&) {
  throw std::logic_error("nobody connects to this daemon");
}

void daemon::on_opened(connection_id) {
  throw std::logic_error("this daemon opens no connection");
}

// ---- host

model::unix_time host::wall() const {
  return epoch_of_the_world +
         std::chrono::floor<std::chrono::seconds>(in_.now().time_since_epoch() + clock_error);
}

void host::start() {
  powered_ = true;
  paused_ = false;
  if (std::exchange(down_, false))
    trouble_ends();
  ++run_;
  steady_since_ = in_.now();
  calm_since_ = in_.now();
  in_.tell("{}: starts", name_);
  daemon_ = boot_(*this);
  rearm();
}

void host::drop() {
  daemon_.reset();
  inbox_.clear();
  reading_ = false;
  if (!paused_ && !down_) // else that trouble goes on
    trouble_begins();
  paused_ = false;
  down_ = true;
  wake_at_ = model::never;
}

void host::end(std::uint16_t code) {
  if (!daemon_)
    return;
  in_.tell("{}: ends", name_);
  in_.net().hang_up(*this, code, false);
  drop();
}

void host::lose_power() {
  in_.tell("{}: loses power", name_);
  in_.net().hang_up(*this, 0, true);
  powered_ = false;
  drop();
}

void host::pause() {
  in_.tell("{}: is paused", name_);
  paused_ = true;
  trouble_begins();
}

void host::resume() {
  if (!paused_)
    return;
  in_.tell("{}: goes on", name_);
  paused_ = false;
  steady_since_ = in_.now();
  trouble_ends();
  wake_at_ = model::never; // it may have come meanwhile
  if (!reading_)
    read();
  rearm();
}

void host::call(std::uint64_t run, std::function<void(daemon&)> what) {
  if (run != run_ || !daemon_)
    return;
  inbox_.push_back(std::move(what));
  if (!paused_ && !reading_)
    read();
}

/// What has waited is read frame by frame; the timer may come in between.
void host::read() {
  reading_ = !paused_ && !inbox_.empty();
  if (!reading_)
    return;
  const auto what = std::move(inbox_.front());
  inbox_.pop_front();
  what(*daemon_);
  rearm();
  reading_ = !inbox_.empty();
  if (reading_)
    in_.after(reading_time, [this, run = run_] {
      if (run == run_)
        read();
    });
}

void host::rearm() {
  if (!daemon_ || paused_)
    return;
  const auto next = daemon_->next_deadline();
  if (next == wake_at_)
    return;
  wake_at_ = next;
  const auto number = ++wakes_;
  if (next != model::never)
    in_.at(std::max(next, in_.now()), [this, number] { wake(number); });
}

void host::wake(std::uint64_t number) {
  if (number != wakes_ || paused_ || !daemon_)
    return;
  wake_at_ = model::never;
  in_.note_woken(*this);
  daemon_->on_deadline();
  rearm();
}

void host::trouble_begins() {
  if (troubles_++ == 0 && calm_since_ + calm_min <= in_.now())
    troubled_since_ = in_.now();
}

void host::trouble_ends() {
  if (--troubles_ == 0)
    calm_since_ = in_.now();
}

void host::troubled_for_a_moment() {
  trouble_begins();
  trouble_ends();
}

// ---- world

world::world(std::uint64_t seed, fault planted_fault, bool tracing)
    : tracing_(tracing)
    , planted_(planted_fault)
    , dice_(seed)
    , net_(*this, dice_.fork())
    , laws_(std::make_unique<laws>(*this)) {
  after(1s, [this] { net_.tick(); });
}

world::~world() = default;

void world::at(model::time_point when, std::function<void()> what) {
  queue_.emplace(std::pair{when, order_++}, std::move(what));
}

void world::run_until(model::time_point end) {
  std::size_t at_once = 0;
  while (!queue_.empty() && queue_.begin()->first.first <= end) {
    const auto next = queue_.extract(queue_.begin());
    at_once = next.key().first == now_ ? at_once + 1 : 0;
    if (at_once > events_at_once_max)
      laws_->broken("time_goes_on", "the same moment again and again for " + last_woken_);
    now_ = next.key().first;
    next.mapped()();
  }
  now_ = end;
}

host& world::add(kind what, std::string name, host::boot how) {
  return *hosts_.emplace_back(
      std::make_unique<host>(*this, what, std::move(name), hosts_.size(), std::move(how)));
}

std::vector<host*> world::all(kind what) const {
  std::vector<host*> out;
  for (const auto& h : hosts_)
    if (h->what() == what)
      out.push_back(h.get());
  return out;
}

host& world::named(const std::string& name) const {
  const auto found = std::ranges::find_if(hosts_, [&](auto& h) { return h->name() == name; });
  if (found == hosts_.end())
    throw std::logic_error("there is no host " + name);
  return **found;
}

std::string world::clock_text() const {
  const auto us = (now_ - model::time_point{1h}).count();
  return fmt::format("{:>4}.{:06}", us / 1'000'000, us % 1'000'000);
}

void world::print(const std::string& line) const {
  fmt::print("{} {}\n", clock_text(), line);
  std::fflush(stdout);
}

} // namespace thor::sim
