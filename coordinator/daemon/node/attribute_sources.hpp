// Attributes that commands or files say: capacity, load, or whatever the operator's people look at.
//
// A source that fails keeps its last value. How often a value gets into the presence is
// health::reading's business.
//
// One thread, that of the service, which must outlive it.
#pragma once

#include "coordinator/health/check.hpp"
#include "coordinator/health/reading.hpp"
#include "coordinator/model/presence.hpp"
#include "coordinator/probe/probe.hpp"
#include "coordinator/runtime/resolver.hpp"
#include "coordinator/runtime/service.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace thor::node {

/// [node.attribute_source.NAME]
struct attribute_source {
  probe::target what; ///< a command or a file
  health::check_settings when;
  health::reading_settings how;
  friend bool operator==(const attribute_source&, const attribute_source&) = default;
};
using source_table = std::map<std::string, attribute_source>;

/// Reads the table [node.attribute_source].
source_table read_sources(runtime::section table);

/// What a source said as the value of attribute `name`: one line of visible ASCII and, for
/// capacity, a whole number. The error completes "it says".
std::expected<std::string, std::string> value_of(const std::string& name, std::string_view said);

class attribute_sources {
 public:
  /// `on_change` is called when apply() would do something else than before.
  attribute_sources(runtime::service& on, runtime::resolver& names,
                    std::function<void()> on_change);
  ~attribute_sources();
  attribute_sources(const attribute_sources&) = delete;
  attribute_sources& operator=(const attribute_sources&) = delete;

  /// Reads these from now on; those that were there before go on as they are.
  void follow(const source_table& wanted);
  /// Every source has said something, or failed to.
  [[nodiscard]] bool judged() const;
  /// Adds what is known; it replaces what is configured.
  void apply(model::presence& to) const;
  [[nodiscard]] boost::json::object describe() const;

 private:
  class watched_source;
  runtime::service& on_;
  runtime::resolver& names_;
  std::function<void()> on_change_;
  std::map<std::string, std::unique_ptr<watched_source>> sources_;
};

} // namespace thor::node
