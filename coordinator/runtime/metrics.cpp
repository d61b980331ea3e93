#include "coordinator/runtime/metrics.hpp"

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <string_view>
#include <utility>

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
  auto families = registry_->Collect();
  std::ranges::sort(families, {}, [](const prometheus::MetricFamily& family) {
    return std::pair(family.name != "thor_role_active", std::string_view(family.name));
  });
  return prometheus::TextSerializer().Serialize(families);
}

} // namespace thor::runtime
