// thor-database: tells the overlay where the provisioning databases are, as long as they can be
// reached.
//
// One thread, that of the service.
#pragma once

#include "coordinator/client/client.hpp"
#include "coordinator/daemon/database/settings.hpp"
#include "coordinator/probe/probe.hpp"
#include "coordinator/runtime/loop.hpp"
#include "coordinator/runtime/resolver.hpp"
#include "coordinator/runtime/service.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace thor::database {

/// One configured database and how it is. The owner hears of each change of `reachable()`.
class watched_database {
 public:
  watched_database(runtime::service& on, runtime::resolver& names, database_settings how,
                   std::function<void()> on_change);
  ~watched_database();
  watched_database(const watched_database&) = delete;
  watched_database& operator=(const watched_database&) = delete;

  [[nodiscard]] const model::database& what() const { return how_.what; }
  /// False while the first probe is under way.
  [[nodiscard]] bool judged() const;
  /// Always true without a probe; with one, not before its first answer.
  [[nodiscard]] bool reachable() const;
  [[nodiscard]] boost::json::object describe() const;

 private:
  void on_deadline(model::time_point now);
  void on_end(std::uint64_t probe, const probe::outcome& result);
  void perform(const std::vector<health::effect>& effects);
  void begin(std::uint64_t probe);
  void show(std::string_view log_text);

  runtime::service& on_;
  runtime::resolver& names_;
  database_settings how_;
  std::function<void()> on_change_;
  prometheus::Gauge& gauge_;
  std::optional<health::check> check_;
  std::unique_ptr<probe::under_way> probe_;
  runtime::deadline_timer timer_;
};

class database final : private client::observer {
 public:
  /// `configured`, which fits the certificate, is read again when the service says that it changed.
  database(runtime::service& on, const settings& configured);

  /// Runs until the process is told to stop.
  void run();

 private:
  void on_replaced(const std::string& server) override;

  void watch();
  void reconfigure();
  void announce();
  void add_status(boost::json::object& into) const;

  runtime::service& on_;
  const settings& configured_;
  settings how_; ///< in force
  runtime::resolver names_;
  client::client client_;
  std::vector<std::unique_ptr<watched_database>> watched_;
  bool replaced_ = false;
};

} // namespace thor::database
