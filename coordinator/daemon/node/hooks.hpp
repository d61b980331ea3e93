// [[node.hook]]: the operator's commands, run when the members change.
//
// When one runs is decided by hook::schedule; this is its clock, its process and its log. A hook
// never holds the node up: it runs beside it, within a time limit, one process a hook.
//
// One thread, that of the service. Owned by the node; the network must outlive it.
#pragma once

#include "coordinator/client/network.hpp"
#include "coordinator/hook/schedule.hpp"
#include "coordinator/runtime/config.hpp"
#include "coordinator/runtime/service.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thor::node {

inline constexpr std::size_t hooks_max = 16;
inline constexpr std::chrono::seconds hook_timeout_default{30};
inline constexpr std::chrono::seconds hook_timeout_max{3600};

struct hook_settings {
  std::string name;
  std::vector<std::string> command;
  std::chrono::seconds timeout = hook_timeout_default;
  hook::settings when;
  friend bool operator==(const hook_settings&, const hook_settings&) = default;
};

/// [[node.hook]] of the table [node]. What is wrong is recorded there.
std::vector<hook_settings> read_hooks(runtime::section& node);

class hooks final : public client::member_observer {
 public:
  hooks(runtime::service& on, const client::network& members,
        const std::vector<hook_settings>& how);
  ~hooks();
  hooks(const hooks&) = delete;
  hooks& operator=(const hooks&) = delete;

  /// Hooks that stay as they are go on; a changed one starts again, with the whole picture.
  void reconfigure(const std::vector<hook_settings>& how);
  /// Adds "hooks".
  void add_status(boost::json::object& into) const;

  void on_synced(const model::view& all) override;
  void on_gone(const model::member& last, std::optional<model::withdrawal> why) override;
  void on_settled(const model::view& all) override;

 private:
  class one;
  runtime::service& on_;
  const client::network& members_;
  std::vector<std::unique_ptr<one>> all_;
};

} // namespace thor::node
