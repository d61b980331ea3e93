// Until when this node takes no new work. Survives restarts of the process and of the machine, and
// ends by itself: nobody has to remember a drained node.
#pragma once

#include "coordinator/model/time.hpp"

#include <chrono>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>

namespace thor::node {

inline constexpr std::chrono::seconds drain_default{3600};
inline constexpr std::chrono::seconds drain_max{7 * 24 * 3600};

class drain_state {
 public:
  /// Reads what an earlier process left in `file`; a drain that is over by `now` is forgotten. A
  /// file that cannot be read is no drain, with `problem` set.
  drain_state(std::filesystem::path file, model::unix_time now);

  /// The end of the drain in force; nothing when there is none.
  [[nodiscard]] const std::optional<model::unix_time>& until() const { return until_; }
  /// What was wrong with the file at the start; "" = nothing.
  [[nodiscard]] const std::string& problem() const { return problem_; }

  /// Take effect only when they were stored; the error says why they were not.
  std::expected<void, std::string> begin(model::unix_time until);
  std::expected<void, std::string> end();
  /// Ends the drain whose time has come; true when there was one.
  bool expire(model::unix_time now);

 private:
  std::filesystem::path file_;
  std::optional<model::unix_time> until_;
  std::string problem_;
};

} // namespace thor::node
