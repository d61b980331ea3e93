// [[node.statistics]]: figures of this machine and its software, published as Thor.Statistics.
//
// What counts and when it is published is decided by statistics::collector; this runs the commands,
// reads the files and /proc, and takes what programs hand in through the control socket.
//
// One thread, that of the service. Owned by the node; the client must outlive it.
#pragma once

#include "coordinator/client/client.hpp"
#include "coordinator/runtime/command.hpp"
#include "coordinator/runtime/config.hpp"
#include "coordinator/runtime/log.hpp"
#include "coordinator/runtime/loop.hpp"
#include "coordinator/runtime/service.hpp"
#include "coordinator/statistics/collector.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace thor::node {

inline constexpr std::size_t figure_sources_max = 16;
inline constexpr std::chrono::seconds figures_timeout_default{10};

/// Where figures come from: a command, a file, or, when both are empty, this machine's load.
struct figure_source {
  statistics::source what;
  std::vector<std::string> command; ///< prints a JSON object
  std::chrono::seconds timeout = figures_timeout_default;
  std::filesystem::path file; ///< holds a JSON object
  friend bool operator==(const figure_source&, const figure_source&) = default;
};

/// [[node.statistics]] and load_statistics of the table [node]. What is wrong is recorded there.
std::vector<figure_source> read_figure_sources(runtime::section& node);

class figures {
 public:
  figures(runtime::service& on, client::client& link, const std::vector<figure_source>& from);
  ~figures();
  figures(const figures&) = delete;
  figures& operator=(const figures&) = delete;

  void reconfigure(const std::vector<figure_source>& from);
  /// The node has said what it is: from now on there are figures, which no event server takes from
  /// a stranger.
  void on_announced();
  /// An event server has to hear what the others heard.
  void on_server_up(const std::string& server);
  /// Nothing is published any more.
  void stop() { stopped_ = true; }

 private:
  using answer = std::expected<boost::json::object, std::string>;

  void look();
  void ask(std::size_t which);
  void ask_command(std::size_t which);
  void take(std::size_t which, const std::expected<std::string, std::string>& text);
  void publish();
  [[nodiscard]] bool speaks() const;
  answer hand_in(const std::vector<std::string>& words);
  void count(const std::string& name, const std::string& result);

  runtime::service& on_;
  client::client& link_;
  std::vector<figure_source> from_;
  statistics::collector collector_;
  std::map<std::size_t, std::unique_ptr<runtime::command>> running_; ///< by source
  runtime::log_limiter limiter_;
  runtime::deadline_timer timer_;
  bool announced_ = false;
  bool stopped_ = false;
};

} // namespace thor::node
