// zone.sqlite3: the published zones as a database, for people, for the restart, and for a PowerDNS
// with the gsqlite3 backend.
//
// Derived: everything in it can be made again, so a damaged file is set aside and a fresh one
// takes its place. It holds no secrets; mode 0640. The tables that PowerDNS knows have exactly the
// layout of its gsqlite3 backend, see schema/README.md.
//
// One connection with one owner, the only writer, on one thread. Blocking. Nothing is thrown past
// these functions.
#pragma once

#include "coordinator/model/status.hpp"
#include "coordinator/model/time.hpp"
#include "schema/store/error.hpp"
#include "zone/model/contents.hpp"

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thor::store {

/// Rows of the table history; the oldest go first.
inline constexpr std::int64_t history_rows_max = 100'000;
/// Rows of the table member_change.
inline constexpr std::int64_t member_changes_max = 100'000;

/// The overlay's status that the zones show.
struct overlay_status {
  model::position where;
  std::uint32_t serial = 0;
  model::unix_time heard_at{}; ///< when a manager, or without one the facts, last confirmed it
  bool own_members = false; ///< the members are the publisher's own judgement, not those at `where`
  bool divergent = false;   ///< the serial is one that no manager has caught up with
  model::member_map members;
};

/// What is served from now on.
struct publication {
  zone::snapshot zones; ///< of the overlay
  /// Hosted ones, nullptr: none. The same object as in the publication before costs nothing.
  std::shared_ptr<const zone::snapshot> hosted{};
  overlay_status status;
  std::string cause;     ///< for the history: "status 17.gw1/42", "operator data"
  model::unix_time at{}; ///< now
  /// Of the zones, as the publisher defines it; opaque here.
  std::uint64_t zones_digest = 0;
};

/// What a restart finds.
struct last_publication {
  overlay_status status;
  model::unix_time at{};
  std::uint64_t zones_digest = 0;
};

class zone_store {
 public:
  /// Opens the database, makes it when it is missing and brings its schema up to date. One that is
  /// damaged or of a newer schema is renamed `<file>.corrupt-<unix time>` and replaced. `now` names
  /// that file.
  static std::expected<zone_store, error> open(const std::filesystem::path& file,
                                               model::unix_time now);

  zone_store(zone_store&&) noexcept;
  zone_store& operator=(zone_store&&) noexcept;
  ~zone_store();

  /// The last publication, or nothing in a fresh database. Members that cannot be read are left out
  /// with a notice.
  std::expected<std::optional<last_publication>, error> last_published();

  /// Makes the database show `p`, in one transaction. Writes only what differs: the cost grows with
  /// the RRsets that changed since the last call. After an error the database shows what it showed
  /// before, and the next call catches up; calls may skip publications.
  std::expected<void, error> publish(const publication& p);

  /// What happened that the operator should know, each once; for the log.
  std::vector<std::string> take_notices();

 private:
  struct impl;
  explicit zone_store(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

} // namespace thor::store
