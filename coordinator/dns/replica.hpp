// One writer, many name servers: whose operator's data this name server has, and how it comes by
// them.
//
// Exactly one thor-dns writes; it gives every other one that asks a whole copy, at the beginning
// and after each change. Who writes is the greatest claim (term, id) that was heard of: term 0 is
// the configuration, a promotion takes the next term, and every thor-dns tells its claim in its
// presence. A follower keeps one connection to the writer, and what it has when there is none. It
// holds no copy that does not have the digest of the writer's data.
//
// PURE: a state machine, one owner, one thread. Effects are performed in their order, and reported
// where they say so.
#pragma once

#include "coordinator/dns/note.hpp"
#include "coordinator/model/address.hpp"
#include "coordinator/model/node_id.hpp"
#include "coordinator/model/operator_copy.hpp"
#include "coordinator/model/status.hpp"
#include "coordinator/model/time.hpp"
#include "coordinator/wire/copy.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace thor::dns {

/// The writer tells its state this often.
inline constexpr std::chrono::seconds copy_beat_interval{1};
/// Nothing heard from the writer for this long: the connection is dead.
inline constexpr std::chrono::seconds copy_silence_max{3};
/// From opening a connection to the end of its handshakes.
inline constexpr std::chrono::seconds copy_connect_timeout{5};
/// Before the n-th try in a row: first * 2^(n-1), at most max, times a random factor of 0.5 to 1.5.
inline constexpr std::chrono::milliseconds copy_backoff_first{100};
inline constexpr std::chrono::milliseconds copy_backoff_max{5000};
/// Not in step with the writer for this long: an alarm, once.
inline constexpr std::chrono::seconds out_of_step_max{60};
/// A copy that is larger is not taken.
inline constexpr std::size_t copy_octets_max = 256U << 20;
/// Followers of one writer.
inline constexpr std::size_t followers_max = 64;
inline constexpr std::size_t peers_max = 64;

/// Another thor-dns, as its presence tells.
struct copy_peer {
  std::vector<model::ip_address> addresses;
  std::uint16_t port = 0; ///< 0: it lets nobody copy
  model::writer_claim claim;
  friend bool operator==(const copy_peer&, const copy_peer&) = default;
};
using copy_peers = std::map<model::node_id, copy_peer>;
copy_peers peers_among(const model::member_map& members, const model::node_id& self);

/// Whom a thor-dns follows when it starts: what it remembers of a promotion, else its
/// configuration.
model::writer_claim claim_at_start(const model::writer_claim& remembered,
                                   const std::string& configured);

/// How taking a copy ended.
struct copy_outcome {
  enum class kind : std::uint8_t {
    taken,
    differs, ///< it does not have the digest that the writer gave: nothing was changed
    failed,  ///< it could not be read or written: nothing was changed
  };
  kind what = kind::taken;
  model::data_state state; ///< taken: what we have now
  std::string detail;      ///< why not
  std::string set_aside;   ///< a file with our own edits that nobody has; "" = there were none
};

class replica {
 public:
  /// A connection to the writer, and one from a follower. None is used twice.
  using link = std::uint64_t;
  using session = std::uint64_t;

  // ---- effects

  struct connect {
    link to = 0;
    model::ip_address address;
    std::uint16_t port = 0;
  };
  struct disconnect {
    link from = 0;
    std::string why;
  };
  struct ask {
    link whom = 0;
    wire::copy_request what;
  };
  struct answer {
    session whom = 0;
    wire::copy_state what;
  };
  /// Sends the copy that was read last.
  struct send_copy {
    session to = 0;
  };
  struct end_session {
    session which = 0;
    std::string why;
  };
  /// Reported by on_copy_read().
  struct read_copy {};
  /// Reported by on_copy_taken().
  struct take_copy {
    model::operator_copy what;
  };
  /// To be remembered, and writes to be refused from now on.
  struct become_follower {
    model::writer_claim of;
  };
  /// To be remembered, and writes to be allowed from now on. Reported by on_writer().
  struct become_writer {
    model::writer_claim as;
  };
  /// claim() changed: tell it.
  struct tell_claim {};

  using effect = std::variant<connect, disconnect, ask, answer, send_copy, end_session, read_copy,
                              take_copy, become_follower, become_writer, tell_claim, note>;
  using effects = std::vector<effect>;

  /// `copied`: our data were in step with a writer's at some time.
  replica(model::node_id self, model::writer_claim claim, bool copied, std::uint32_t seed);

  // ---- inputs

  /// The other name servers among the members. Those that are gone stay known: the last address of
  /// a lost writer is where it comes back.
  void on_peers(model::time_point now, const copy_peers& seen, effects& out);
  /// What our database has, at the start and after each change, whoever made it.
  void on_data(model::time_point now, const model::data_state& state, effects& out);

  /// A person wants this one to write. The error says why it does not.
  std::expected<void, std::string> promote(model::time_point now, effects& out);
  /// `why` = "" when it is done.
  void on_writer(model::time_point now, const model::writer_claim& as, const std::string& why,
                 effects& out);

  void on_connected(model::time_point now, link which, const model::node_id& peer, effects& out);
  void on_disconnected(model::time_point now, link which, const std::string& why, effects& out);
  /// Any message of the writer; one that cannot be read is reported as the end of the connection.
  void on_message(model::time_point now, link which, wire::copy_message message, effects& out);
  void on_copy_taken(model::time_point now, const copy_outcome& how, effects& out);

  void on_session(model::time_point now, session which, const model::node_id& follower,
                  effects& out);
  void on_session_end(session which);
  void on_request(model::time_point now, session which, const wire::copy_request& request,
                  effects& out);
  /// Nothing when it could not be read.
  void on_copy_read(model::time_point now, const std::optional<model::data_state>& state,
                    effects& out);

  void on_deadline(model::time_point now, effects& out);
  [[nodiscard]] model::time_point next_deadline() const;

  // ---- what people see

  [[nodiscard]] const model::writer_claim& claim() const { return claim_; }
  [[nodiscard]] bool writes() const { return claim_.writer == self_.text(); }
  [[nodiscard]] const std::optional<model::data_state>& data() const { return data_; }
  /// Follower: since when our data are the writer's; nothing while they are not known to be.
  [[nodiscard]] std::optional<model::time_point> in_step_since() const { return in_step_since_; }
  /// Follower: why there is no connection to the writer; "" while there is one.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  /// The last copy, or our own data, did not have the writer's digest.
  [[nodiscard]] bool differs() const { return differs_; }
  struct follower {
    model::node_id id;
    std::optional<model::data_state> has; ///< as it told; nothing before it agreed who writes
    bool copy_under_way = false;          ///< sent, and not yet answered
  };
  [[nodiscard]] const std::map<session, follower>& followers() const { return followers_; }

 private:
  enum class phase : std::uint8_t {
    idle,    ///< we write, or the writer's address is not known
    waiting, ///< for `due_`, to try again
    opening, ///< handshakes under way, until `due_`
    up,
  };

  void consider(model::time_point now, const model::node_id& from, const model::writer_claim& claim,
                effects& out);
  void adopt(model::time_point now, const model::writer_claim& claim, effects& out);
  void end_all_sessions(const std::string& why, effects& out);

  void open(model::time_point now, effects& out);
  void forget_link();
  /// The connection is over; the next try comes after a pause, or at once.
  void lose_link(model::time_point now, const std::string& why, bool at_once);
  void drop_link(model::time_point now, const std::string& why, effects& out);
  void request(effects& out);
  void hear(model::time_point now, wire::copy_request& m, effects& out);
  void hear(model::time_point now, wire::copy_state& m, effects& out);
  void hear(model::time_point now, wire::copy_rows& m, effects& out);
  void hear(model::time_point now, wire::copy_end& m, effects& out);
  /// The writer says that another one writes, or that it writes in another term.
  void disagree(model::time_point now, const model::writer_claim& said, effects& out);
  void be_in_step(model::time_point now, effects& out);
  void be_out_of_step(model::time_point now);
  void expect_step(model::time_point now);
  model::duration backoff();

  /// Gives each follower that lacks something what it needs.
  void serve(effects& out);

  model::node_id self_;
  model::writer_claim claim_;
  bool copied_;
  std::minstd_rand random_;
  std::optional<model::data_state> data_;
  copy_peers peers_;
  std::set<model::node_id> told_of_;             ///< other writers by configuration
  std::optional<model::writer_claim> missing_;   ///< a claim of ours whose data we do not have
  std::optional<model::writer_claim> promotion_; ///< under way

  // a follower
  phase phase_ = phase::idle;
  link link_ = 0;
  model::time_point due_{};
  model::time_point heard_{};
  unsigned tries_ = 0; ///< in a row
  std::vector<model::copied_rows> parts_;
  std::size_t part_octets_ = 0;
  bool taking_ = false;  ///< a copy is being written
  bool settled_ = false; ///< was in step with this writer
  bool differs_ = false;
  std::string trouble_;
  std::optional<model::time_point> in_step_since_;
  model::time_point alarm_at_ = model::never; ///< unless in step by then
  bool alarmed_ = false;                      ///< since we were in step last

  // the writer
  std::map<session, follower> followers_;
  bool reading_ = false; ///< a copy is being read
  model::time_point beat_at_ = model::never;
};

} // namespace thor::dns
