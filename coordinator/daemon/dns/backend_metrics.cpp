#include "coordinator/daemon/dns/backend_metrics.hpp"

#include "backend/protocol/request.hpp"

#include <cstdint>
#include <string>
#include <tuple>

namespace thor::dns {

namespace {

void copy(prometheus::Counter& to, std::uint64_t value) {
  to.Increment(static_cast<double>(value) - to.Value());
}

} // namespace

void show_backend(std::span<const backend::serve_counters* const> servers, runtime::metrics& into) {
  const auto sum = [&](auto of_one) {
    std::uint64_t all = 0;
    for (const auto* server : servers)
      all += of_one(*server);
    return all;
  };
  for (std::size_t i = 0; i < backend::method_count; ++i)
    copy(into.counter("thor_backend_requests_total", "Requests of PowerDNS, by method.",
                      {{"method", std::string(to_string(static_cast<backend::method>(i)))}}),
         sum([&](const auto& of) { return of.requests[i].load(); }));
  for (std::size_t i = 0; i < backend::refusal_count; ++i)
    copy(into.counter("thor_backend_refused_total",
                      "Requests and connections the backend turned away, by reason.",
                      {{"reason", std::string(to_string(static_cast<backend::refusal>(i)))}}),
         sum([&](const auto& of) { return of.refusals[i].load(); }));
  copy(into.counter("thor_backend_not_ready_total",
                    "Requests that nobody could answer at that time."),
       sum([](const auto& of) { return of.not_ready.load(); }));
  copy(into.counter("thor_backend_accept_errors_total", "Connections that could not be accepted."),
       sum([](const auto& of) { return of.accept_errors.load(); }));
  for (const auto& [connector, accepted, open] :
       {std::tuple{"http", sum([](const auto& of) { return of.http_accepted.load(); }),
                   sum([](const auto& of) { return of.http_open.load(); })},
        std::tuple{"unix", sum([](const auto& of) { return of.unix_accepted.load(); }),
                   sum([](const auto& of) { return of.unix_open.load(); })}}) {
    const runtime::metrics::labels which{{"connector", connector}};
    copy(into.counter("thor_backend_connections_total", "Connections accepted.", which), accepted);
    into.gauge("thor_backend_connections", "Connections open now.", which)
        .Set(static_cast<double>(open));
  }
}

} // namespace thor::dns
