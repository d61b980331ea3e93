// Counters and gauges of one process, in Prometheus' text format.
//
// Over prometheus-cpp's registry; no server, no thread of its own: the text is read through the
// control socket and metrics_server. The same name and labels give the same metric again, so
// callers keep the reference (valid as long as the registry). Metrics may be changed from any
// thread. Label values must come from a bounded set.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include <map>
#include <memory>
#include <string>

namespace prometheus {
class Registry;
}

namespace thor::runtime {

class metrics {
 public:
  using labels = std::map<std::string, std::string>;

  metrics();
  ~metrics();
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;

  prometheus::Counter& counter(const std::string& name, const std::string& help,
                               const labels& with = {});
  prometheus::Gauge& gauge(const std::string& name, const std::string& help,
                           const labels& with = {});

  /// By name, but thor_role_active first: the one figure that an operator watches.
  [[nodiscard]] std::string text() const;

 private:
  std::unique_ptr<prometheus::Registry> registry_;
};

} // namespace thor::runtime
