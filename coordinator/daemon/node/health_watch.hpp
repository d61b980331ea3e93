// The health of the roles of this node: carries out their checks, and says which roles are offered
// and why.
//
// A role is offered while all its checks are up. Where nothing is known yet, at the start, it is
// not; but a default check counts only once it was seen to succeed, in this process or an earlier
// one (state_dir/thor-node.seen), so that a wrong guess withdraws nothing.
//
// One thread, that of the service, which must outlive it.
#pragma once

#include "coordinator/daemon/node/checks.hpp"
#include "coordinator/health/verdict.hpp"
#include "coordinator/runtime/loop.hpp"
#include "coordinator/runtime/resolver.hpp"
#include "coordinator/runtime/service.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <memory>
#include <set>

namespace thor::node {

/// Checks that were seen to succeed, by role and description. Survives restarts.
class seen_checks {
 public:
  explicit seen_checks(std::filesystem::path file);
  [[nodiscard]] bool has(const std::string& role, const std::string& what) const;
  /// Stores it; the error says why it could not, and it holds for this process all the same.
  std::expected<void, std::string> add(const std::string& role, const std::string& what);
  /// What was wrong with the file at the start; "" = nothing.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  std::filesystem::path file_;
  std::set<std::string> lines_;
  std::string problem_;
};

class health_watch {
 public:
  /// `on_change` is called when apply() would do something else than before.
  health_watch(runtime::service& on, runtime::resolver& names, std::function<void()> on_change);
  ~health_watch();
  health_watch(const health_watch&) = delete;
  health_watch& operator=(const health_watch&) = delete;

  /// Carries out these checks from now on; those that were there before go on as they are.
  void follow(const role_checks& wanted);
  /// Every check has had a result.
  [[nodiscard]] bool judged() const;
  /// Takes out the roles that are down, and adds what people are told about those with checks.
  void apply(model::presence& to) const;
  [[nodiscard]] boost::json::object describe() const;

 private:
  class watched_check;
  struct watched_role;

  void on_change_of(const std::string& role);
  void on_first_success(const std::string& role, const std::string& what);

  runtime::service& on_;
  runtime::resolver& names_;
  std::function<void()> on_change_;
  seen_checks seen_;
  std::map<std::string, watched_role> roles_;
};

} // namespace thor::node
