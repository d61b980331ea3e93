// Every answer of every zone, written out once and looked up many times.
//
// An answer_table is made from zone snapshots by the thread that publishes zones and is shared,
// read-only, with the threads that serve: nothing in it ever changes. A table made after another
// shares the written answers of all zones and nodes whose pointers in the snapshot are the same,
// so its cost grows with the change and, by about 0.1 us a name, with the zone that changed. The
// zones stand in two groups, because a group whose snapshot is the same object costs nothing at
// all: a member's change does not walk ten thousand hosted zones.
//
// Answering is a hash lookup and a copy into the caller's buffer: no lock, no clock, no system
// call, and no allocation once the buffer has grown to the size of the answers.
#pragma once

#include "backend/answer/networks.hpp"
#include "backend/protocol/request.hpp"
#include "zone/edit/edit.hpp"
#include "zone/model/contents.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thor::backend {

/// Domain metadata of one zone: kind ("ALLOW-AXFR-FROM") to values.
using zone_metadata = std::map<std::string, std::vector<std::string>, std::less<>>;

/// The keys of the zones and of those who may transfer and update them. Never logged.
struct secrets {
  std::map<zone::name, std::vector<zone::dnssec_key>> keys; ///< by apex
  std::map<zone::name, zone::tsig_key> tsig_keys;           ///< by the key's name
};

class answer_table;

struct table_input {
  /// Those that follow the overlay: few, and one of them changes with every table.
  std::shared_ptr<const zone::snapshot> zones;
  /// The others: many, which change seldom. May be nullptr: none.
  std::shared_ptr<const zone::snapshot> hosted{};
  /// A table of the same name server that was made of the same `hosted`, maybe by another thread:
  /// its answers are taken over, and so are the orders of denial if metadata and secrets are the
  /// same objects, too. May be nullptr.
  std::shared_ptr<const answer_table> written{};
  /// By apex. May be nullptr: no metadata at all.
  std::shared_ptr<const std::map<zone::name, zone_metadata>> metadata;
  /// May be nullptr: no keys at all.
  std::shared_ptr<const backend::secrets> secrets{};
  /// Which name server this is. Name servers with different ids hand out different slices of a
  /// large RRset at the same moment.
  std::string server_id;
  /// Which clients see through which view. May be nullptr: all see the plain one.
  std::shared_ptr<const backend::networks> networks{};
  /// Both hold every zone that configuration and operator data ask for. Until then PowerDNS is
  /// not told which zones there are, and a name in no zone is "not ready" instead of unknown:
  /// PowerDNS would refuse a zone that is missing here for minutes.
  bool complete = false;
  /// When it is published, since the epoch; see settling_time.
  std::chrono::milliseconds unix_time{};
};

/// Where the records that deny names of a signed zone changed they are not told for this long: an
/// answer that PowerDNS began before, or makes of what it remembers, would hold parts that
/// contradict each other. By then it has forgotten (purge), and those answers are finished.
inline constexpr std::chrono::milliseconds settling_time{50};

/// The two connectors differ in how long an answer PowerDNS can read before it times out.
enum class connector : std::uint8_t { http, unix_socket };

/// The most records of a `list` over the Unix connector: PowerDNS parses such a reply again after
/// every 1,500 octets and reaches its 2 s timeout at about 10,000 records.
inline constexpr std::size_t unix_list_records_max = 4000;
/// The same for the zones of getAllDomains.
inline constexpr std::size_t unix_domains_max = 5000;

/// The most records of a search, over either connector.
inline constexpr std::size_t search_records_max = 4000;

/// What became of a request. `answered` and `declined` are JSON objects with a `result`; the others
/// have only an `error`, which PowerDNS takes as a failure of the backend (SERVFAIL) and never as
/// the absence of the name.
enum class outcome : std::uint8_t {
  answered,
  declined,  ///< {"result":false,"log":[...]}: this backend does not do that
  not_ready, ///< nobody knows the answer now
  too_large, ///< longer than PowerDNS can read over this connector
};

class zone_answers;

/// The rest of a long answer: `list` and getAllDomains of any size are written in pieces. Valid as
/// long as the table it came from.
class remainder {
 public:
  /// Nothing is left.
  remainder() = default;
  /// All records of `zone`.
  explicit remainder(const zone_answers& zone)
      : zone_(&zone) {}
  /// All zones of `table`.
  explicit remainder(const answer_table& table)
      : table_(&table) {}

  [[nodiscard]] bool empty() const { return zone_ == nullptr && table_ == nullptr; }

  /// Appends whole rows until at least `octets` more are in `out` or the answer is complete.
  void append_to(std::string& out, std::size_t octets);

 private:
  [[nodiscard]] std::size_t row_count() const;
  void append_row(std::string& out) const;

  const zone_answers* zone_ = nullptr;
  const answer_table* table_ = nullptr;
  std::size_t next_ = 0;
  bool opened_ = false; ///< the bracket before the first row is written
};

class answer_table {
 public:
  /// Precondition: input.zones is not nullptr, and zone ids and apexes are unique in both groups
  /// together.
  /// `previous` may be nullptr; it is only read.
  static std::shared_ptr<const answer_table> build(const table_input& input,
                                                   const answer_table* previous);

  answer_table(const answer_table&) = delete;
  answer_table& operator=(const answer_table&) = delete;
  ~answer_table();

  // Which zone is meant; nullptr if there is none.

  [[nodiscard]] const zone::contents* zone_of(std::uint32_t id) const;
  [[nodiscard]] const zone::contents* zone_of(const zone::name& apex) const;
  /// The zone with the longest apex at or above the name.
  [[nodiscard]] const zone::contents* zone_above(const zone::name& name) const;

 private:
  friend class answerer;
  friend class remainder;
  struct parts;
  explicit answer_table(std::unique_ptr<const parts> made);

  std::unique_ptr<const parts> parts_;
};

struct reply {
  outcome what = outcome::answered;
  /// What is still to be written. Empty for all but `list` and getAllDomains.
  remainder rest{};
  /// For the log, why it is not answered.
  std::string why{};
};

/// Answers `asked` at `unix_time`, which turns the slices of large RRsets: within one second the
/// answers of all lookups agree. Appends to `out`. `table` is nullptr before the first zone is
/// published: everything but initialize is not ready then. `pending` is what the connection that
/// asks has written in a transaction and not yet committed, or nullptr: its lookups of names in
/// there find what it wrote. Writes are declined here; decide() of writing.hpp is what takes them.
reply answer(const answer_table* table, const request& asked, std::chrono::milliseconds unix_time,
             connector via, std::string& out, const zone::zone_edit* pending = nullptr);

/// Appends {"error":"<detail>"}: a reply without a result.
void append_error(std::string& out, std::string_view detail);

} // namespace thor::backend
