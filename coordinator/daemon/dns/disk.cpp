#include "coordinator/daemon/dns/disk.hpp"

#include "coordinator/daemon/dns/zone_rules.hpp"
#include "zone/text/digest.hpp"

#include <boost/asio/post.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace thor::dns {

namespace {

template <typename T>
T value_or_throw(std::expected<T, store::error> got) {
  if (!got)
    throw std::runtime_error(got.error().detail);
  if constexpr (!std::is_void_v<T>)
    return std::move(*got);
}

/// Who waits for the disk can wait for a processor, too: PowerDNS and the serving threads cannot.
/// Only a matter of speed, so a failure is none.
void give_way() {
  constexpr int niceness = 10;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
}

} // namespace

disk::disk(boost::asio::io_context& io, const std::filesystem::path& operator_db,
           const std::filesystem::path& zone_db, model::unix_time now)
    : io_(io)
    , operator_(value_or_throw(store::operator_store::open(operator_db)))
    , zone_(value_or_throw(store::zone_store::open(zone_db, now))) {}

disk::~disk() {
  thread_.request_stop();
  wake_.notify_all();
}

store::writer_standing disk::standing() {
  return value_or_throw(operator_.standing());
}

void disk::follow(const model::writer_claim& claim) {
  value_or_throw(operator_.follow(claim));
}

void disk::lead(const model::writer_claim& claim) {
  value_or_throw(operator_.lead(claim));
}

std::uint32_t disk::ensure_domain(const zone::name& apex) {
  return value_or_throw(operator_.ensure_domain(apex));
}

operator_news disk::read_operator_data(hosted_zones hosted) {
  operator_news news{value_or_throw(operator_.read()), {}};
  news.hosted = hosted_.emplace(std::move(hosted)).take(news.data);
  return news;
}

std::optional<store::last_publication> disk::last_published() {
  return value_or_throw(zone_.last_published());
}

void disk::start(callbacks told) {
  told_ = std::move(told);
  tell_notices();
  thread_ = std::jthread([this](const std::stop_token& ending) { work(ending); });
}

void disk::publish(store::publication what) {
  {
    const std::lock_guard lock(mutex_);
    if (!waiting_)
      write_at_ = std::chrono::steady_clock::now() + write_delay;
    waiting_ = std::move(what);
  }
  wake_.notify_one();
}

void disk::host(hosting how) {
  {
    const std::lock_guard lock(mutex_);
    next_hosting_ = std::move(how);
  }
  wake_.notify_one();
}

void disk::do_with_operator_data(std::function<void(store::operator_store&)> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void disk::apply(zone::edit wanted, std::shared_ptr<const zone_plan> plan,
                 std::function<void(edit_result)> done) {
  {
    const std::lock_guard lock(mutex_);
    edits_.push_back({std::move(wanted), std::move(plan), std::move(done)});
  }
  wake_.notify_one();
}

void disk::work(const std::stop_token& ending) {
  give_way();
  tell_state();
  auto look_at = std::chrono::steady_clock::now() + operator_poll_interval;
  std::optional<store::publication>
      unwritten; // after a failure, until it or a newer one is written
  while (!ending.stop_requested()) {
    std::optional<store::publication> job;
    std::optional<hosting> other_hosting;
    {
      std::unique_lock lock(mutex_);
      wait(lock, ending, look_at);
      if (waiting_ && std::chrono::steady_clock::now() >= write_at_)
        job.swap(waiting_);
      other_hosting.swap(next_hosting_);
    }
    if (other_hosting) {
      hosted_->use(*std::move(other_hosting));
      if (read_again())
        tell_state();
    }
    do_jobs();
    do_edits();
    if (job) {
      unwritten = std::move(job);
      if (write(*unwritten))
        unwritten.reset();
    }
    if (const auto now = std::chrono::steady_clock::now(); now >= look_at) {
      if (unwritten && write(*unwritten))
        unwritten.reset();
      look_at_operator_data();
      look_at = now + operator_poll_interval;
    }
  }
  if (waiting_)
    write(*waiting_);
}

/// Until there is something to do, at most until `look_at`.
void disk::wait(std::unique_lock<std::mutex>& lock, const std::stop_token& ending,
                std::chrono::steady_clock::time_point look_at) {
  const auto woken = [this] {
    return next_hosting_.has_value() || !jobs_.empty() || !edits_.empty();
  };
  if (!waiting_)
    wake_.wait_until(lock, ending, look_at, [&] { return waiting_.has_value() || woken(); });
  if (waiting_)
    wake_.wait_until(lock, ending, std::min(write_at_, look_at), woken);
}

bool disk::write(store::publication& what) {
  what.zones_digest = zone::digest(what.zones);
  const auto written = zone_.publish(what);
  if (!written)
    tell_failure(written.error().detail);
  tell_notices();
  return written.has_value();
}

void disk::do_jobs() {
  std::deque<std::function<void(store::operator_store&)>> jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
  }
  for (const auto& job : jobs)
    job(operator_);
  if (!jobs.empty())
    look_at_operator_data();
}

/// Those that wait are read back together.
void disk::do_edits() {
  std::deque<waiting_edit> edits;
  {
    const std::lock_guard lock(mutex_);
    edits.swap(edits_);
  }
  if (edits.empty())
    return;
  std::vector<edit_result> results;
  for (const auto& one : edits)
    results.push_back(apply(one));
  const auto changed = operator_.changed();
  if (!changed)
    tell_failure(changed.error().detail);
  const bool read = changed && (!*changed || read_again());
  for (std::size_t i = 0; i < edits.size(); ++i) {
    if (results[i].outcome.done && !read)
      results[i].outcome.notes.emplace_back("written, but not served yet: the database could not "
                                            "be read again");
    boost::asio::post(
        io_, [done = std::move(edits[i].done), result = std::move(results[i])] { done(result); });
  }
  tell_state(); // nobody waits for the digest
}

edit_result disk::apply(const waiting_edit& one) {
  zone_rules rules(*one.plan, *hosted_);
  auto applied = operator_.apply(one.wanted, rules);
  if (applied)
    return {*std::move(applied), false};
  return {{.done = false, .key_id = 0, .notes = {std::move(applied).error().detail}}, true};
}

void disk::tell_state() {
  const auto state = operator_.state();
  if (!state)
    return tell_failure(state.error().detail);
  boost::asio::post(io_, [this, is = *state] { told_.operator_state(is); });
}

void disk::look_at_operator_data() {
  const auto changed = operator_.changed();
  if (!changed)
    return tell_failure(changed.error().detail);
  if (*changed && read_again())
    tell_state();
}

/// True when the data have been told.
bool disk::read_again() {
  auto data = operator_.read();
  if (!data) {
    tell_failure(data.error().detail);
    return false;
  }
  operator_news news{*std::move(data), {}};
  news.hosted = hosted_->take(news.data);
  boost::asio::post(
      io_, [this, fresh = std::move(news)]() mutable { told_.operator_data(std::move(fresh)); });
  return true;
}

void disk::tell_notices() {
  for (auto& notice : zone_.take_notices())
    boost::asio::post(
        io_, [this, text = std::move(notice)]() mutable { told_.notice(std::move(text)); });
}

void disk::tell_failure(const std::string& what) {
  boost::asio::post(io_, [this, what] { told_.failure(what); });
}

} // namespace thor::dns
