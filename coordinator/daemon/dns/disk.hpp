// The SQLite thread of thor-dns: both databases, opened at the start, written and watched on a
// thread of their own.
//
// The overlay thread hands publications over and never waits for them: while one is being written,
// a newer one replaces the one that waits (zone_store catches up with what was skipped). Operator
// data that changed is read here, the hosted zones are made from it, and both are posted to the
// io_context. Edits of them are applied and copies of them read and taken here, too, as jobs.
// Failures are posted; what could not be written is tried again with each look at the operator's
// data.
#pragma once

#include "coordinator/daemon/dns/hosted_zones.hpp"
#include "coordinator/dns/zone_plan.hpp"
#include "schema/store/operator_store.hpp"
#include "schema/store/zone_store.hpp"
#include "zone/edit/edit.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

namespace thor::dns {

/// How often the operator's database is asked whether somebody wrote to it.
inline constexpr std::chrono::milliseconds operator_poll_interval{250};

/// A publication is written after this time: at once it would take a processor from PowerDNS, which
/// is busy with what was purged, and of changes that come in a row only the last is written.
inline constexpr std::chrono::milliseconds write_delay{50};

/// The operator's data as read: the hosted zones, and what is the overlay's own.
struct operator_news {
  store::operator_data data; ///< without the records of hosted zones
  hosted_zones::update hosted;
};

/// What became of an edit.
struct edit_result {
  zone::edit_outcome outcome;
  bool failed = false; ///< not for a reason in the edit, but for one in the database
};

class disk {
 public:
  struct callbacks {
    std::function<void(operator_news)> operator_data;
    /// Once at the start, and after operator_data.
    std::function<void(model::data_state)> operator_state;
    std::function<void(std::string what)> failure;
    std::function<void(std::string what)> notice;
  };

  /// Opens both. Throws std::runtime_error when one cannot be opened. Nothing runs before start().
  disk(boost::asio::io_context& io, const std::filesystem::path& operator_db,
       const std::filesystem::path& zone_db, model::unix_time now);
  /// Writes what waits, then ends the thread.
  ~disk();
  disk(const disk&) = delete;
  disk& operator=(const disk&) = delete;

  // ---- before start(), blocking; throw std::runtime_error

  store::writer_standing standing();
  void follow(const model::writer_claim& claim);
  void lead(const model::writer_claim& claim);
  std::uint32_t ensure_domain(const zone::name& apex);
  /// `hosted` makes the hosted zones, now and from start() on.
  operator_news read_operator_data(hosted_zones hosted);
  std::optional<store::last_publication> last_published();

  // ---- from start() on; the digest of a publication is filled in

  /// Callbacks run on the io_context's thread.
  void start(callbacks told);
  void publish(store::publication what);
  /// Makes the hosted zones anew, by another configuration; they are told like changed data.
  void host(hosting how);
  /// Runs `job` on the disk thread, in order, and then looks whether the operator's data changed.
  /// What becomes of it the job posts itself. Jobs that wait at the end are dropped.
  void do_with_operator_data(std::function<void(store::operator_store&)> job);
  /// Applies the edit by the rules of `plan`, in order. The data as they are then are told before
  /// its outcome is, unless they could not be read: then that is among its notes. Edits that wait
  /// at the end are dropped.
  void apply(zone::edit wanted, std::shared_ptr<const zone_plan> plan,
             std::function<void(edit_result)> done);

 private:
  struct waiting_edit {
    zone::edit wanted;
    std::shared_ptr<const zone_plan> plan;
    std::function<void(edit_result)> done;
  };

  void work(const std::stop_token& ending);
  void wait(std::unique_lock<std::mutex>& lock, const std::stop_token& ending,
            std::chrono::steady_clock::time_point look_at);
  bool write(store::publication& what);
  void do_jobs();
  void do_edits();
  edit_result apply(const waiting_edit& one);
  void look_at_operator_data();
  bool read_again();
  void tell_state();
  void tell_notices();
  void tell_failure(const std::string& what);

  boost::asio::io_context& io_;
  store::operator_store operator_;
  store::zone_store zone_;
  std::optional<hosted_zones> hosted_;
  callbacks told_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<store::publication> waiting_;                    ///< guarded by mutex_
  std::chrono::steady_clock::time_point write_at_;               ///< guarded by mutex_
  std::optional<hosting> next_hosting_;                          ///< guarded by mutex_
  std::deque<std::function<void(store::operator_store&)>> jobs_; ///< guarded by mutex_
  std::deque<waiting_edit> edits_;                               ///< guarded by mutex_
  std::jthread thread_;
};

} // namespace thor::dns
