// One writer, many name servers: performs what dns::replica decides.
//
// Serves followers over mutual TLS (only OU thor_dnsmanager), keeps the connection to the writer,
// and lets the disk thread read and write the copies. Everything here belongs to the io_context's
// thread; the service, the disk and the callbacks must outlive it.
#pragma once

#include "coordinator/client/connection.hpp"
#include "coordinator/daemon/dns/disk.hpp"
#include "coordinator/daemon/dns/settings.hpp"
#include "coordinator/dns/replica.hpp"
#include "coordinator/runtime/log.hpp"
#include "coordinator/runtime/loop.hpp"
#include "coordinator/runtime/service.hpp"
#include "coordinator/runtime/ws_server.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thor::dns {

/// How often the members are searched for other name servers and what they say of the writer.
inline constexpr std::chrono::milliseconds peer_look_interval{500};
/// How often connected peers' certificates are judged anew; also at once when a file changed.
inline constexpr std::chrono::seconds copy_recheck_interval{10};

class replica_service final : private runtime::ws_server::observer,
                              private client::connection_owner {
 public:
  struct callbacks {
    std::function<const model::member_map&()> members;
    std::function<void()> claim_changed; ///< announce again
    std::function<void()> data_changed;  ///< tell the figures again
    std::function<void(const std::string& kind, const std::string& text)> alarm;
  };

  /// Settles with the database who writes, before anything else is done with it, and listens.
  /// Throws std::runtime_error with a sentence for the operator.
  replica_service(runtime::service& host, const replica_settings& how, disk& databases,
                  callbacks told);
  replica_service(const replica_service&) = delete;
  replica_service& operator=(const replica_service&) = delete;
  ~replica_service();

  /// The disk thread runs.
  void start();
  /// Ends all connections and calls `done`, at most runtime::close_grace later.
  void stop(std::function<void()> done);

  void on_data(const model::data_state& state);
  /// Connected peers whose certificate is no longer good are cut off.
  void recheck();
  std::expected<boost::json::object, std::string> promote();

  [[nodiscard]] const replica& machine() const { return machine_; }
  /// Where followers connect; 0 = nowhere.
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] boost::json::object describe() const;

 private:
  using frame = runtime::ws_server::frame;

  void on_session(runtime::ws_server::session_id which, const identity::peer& who,
                  const model::ip_address& from) override;
  void on_frame(runtime::ws_server::session_id which, std::string text) override;
  void on_closed(runtime::ws_server::session_id which,
                 const runtime::ws_server::outcome& why) override;
  void on_refused(const model::ip_address& from, const runtime::ws_server::outcome& why) override;
  void on_waiting(bool /*members_wait*/) override {}
  void on_accept_error(const std::string& what) override;

  void on_opened(std::uint64_t number, const identity::peer& server,
                 const model::ip_address& local) override;
  void on_frame(std::uint64_t number, std::string_view text) override;
  void on_closed(std::uint64_t number, std::uint16_t code, const std::string& why) override;

  /// One step of the machine.
  template <class Step>
  void feed(Step step);
  template <class Work, class Done>
  void on_disk(Work work, Done done);
  void perform(replica::effects& effects);
  void act(replica::connect& e);
  void act(replica::disconnect& e);
  void act(replica::ask& e);
  void act(replica::answer& e);
  void act(replica::send_copy& e);
  void act(replica::end_session& e);
  void act(replica::read_copy& e);
  void act(replica::take_copy& e);
  void act(replica::become_follower& e);
  void act(replica::become_writer& e);
  void act(replica::tell_claim& e);
  void act(note& e);

  void look_at_peers(model::time_point now);
  void refuse(const std::string& from, const std::string& reason, const std::string& detail);
  void show();

  runtime::service& host_;
  disk& disk_;
  callbacks told_;
  replica machine_;
  std::optional<runtime::ws_server> server_;
  std::map<replica::link, std::shared_ptr<client::connection>> connections_;
  std::vector<frame> copy_; ///< as read last, while it is handed out
  std::optional<model::data_state> told_state_;
  bool stopping_ = false;
  runtime::log_limiter lines_;
  runtime::deadline_timer deadline_;
  runtime::deadline_timer look_;
  runtime::deadline_timer recheck_;
};

} // namespace thor::dns
