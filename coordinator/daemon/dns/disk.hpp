// The SQLite thread of thor-dns: both databases, opened at the start, written and watched on a
// thread of their own.
//
// The overlay thread hands publications over and never waits for them: while one is being written,
// a newer one replaces the one that waits (zone_store catches up with what was skipped). Operator
// data that changed is read here and posted to the io_context. Failures are posted, too; what could
// not be written is tried again with each look at the operator's data.
#pragma once

#include "schema/store/operator_store.hpp"
#include "schema/store/zone_store.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace thor::dns {

/// How often the operator's database is asked whether somebody wrote to it.
inline constexpr std::chrono::milliseconds operator_poll_interval{250};

class disk {
 public:
  struct callbacks {
    std::function<void(store::operator_data)> operator_data;
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

  std::uint32_t ensure_domain(const zone::name& apex);
  store::operator_data read_operator_data();
  std::optional<store::last_publication> last_published();

  // ---- from start() on; the digest of a publication is filled in

  /// Callbacks run on the io_context's thread.
  void start(callbacks told);
  void publish(store::publication what);

 private:
  void work(const std::stop_token& ending);
  bool write(store::publication& what);
  void look_at_operator_data();
  void tell_notices();
  void tell_failure(const std::string& what);

  boost::asio::io_context& io_;
  store::operator_store operator_;
  store::zone_store zone_;
  callbacks told_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<store::publication> waiting_; ///< guarded by mutex_
  std::jthread thread_;
};

} // namespace thor::dns
