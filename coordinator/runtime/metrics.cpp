#include "coordinator/runtime/metrics.hpp"

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace thor::runtime {

metrics::metrics()
    : registry_(std::make_unique<prometheus::Registry>()) {}
metrics::~metrics() = default;

prometheus::Counter& metrics::counter(const std::string& name, const std::string& help,
                                      const labels& with) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(*registry_).Add(with);
}

prometheus::Gauge& metrics::gauge(const std::string& name, const std::string& help,
                                  const labels& with) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry_).Add(with);
}

std::string metrics::text() const {
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

} // namespace thor::runtime
