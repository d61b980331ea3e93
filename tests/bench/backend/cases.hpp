// What the bench of the backend measures, and what it serves for wrk to measure.
#pragma once

#include "backend/answer/answer_table.hpp"
#include "tests/bench/backend/figures.hpp"
#include "tests/support/synthetic_zone.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace thor::bench {

inline constexpr std::string_view token = "0123456789abcdef0123456789abcdef";

/// A table of one zone; `previous` may be nullptr.
inline std::shared_ptr<const backend::answer_table>
table_of(std::shared_ptr<const zone::contents> zone, const backend::answer_table* previous) {
  return backend::answer_table::build({.zones = test::snapshot_of({std::move(zone)}),
                                       .metadata = nullptr,
                                       .server_id = "ns1",
                                       .complete = true},
                                      previous);
}

/// A lookup as PowerDNS writes it.
inline std::string envelope(std::string_view qname) {
  return R"({"method": "lookup", "parameters": {"local": "0.0.0.0", "qname": ")" +
         std::string(qname) + R"(", "qtype": "ANY", "real-remote": "127.0.0.1/32", )" +
         R"("remote": "127.0.0.1", "zone-id": 1}})";
}

/// Lookups and the making of tables, without a socket.
void in_process(const report& out);

/// Latency of an answer over HTTP, alone and while tables of 10,000 members are made from scratch.
void during_rebuilds(const report& out);

/// Prints where it listens and serves until its input ends: a table, or the same octets to every
/// request from the same loop.
void serve_table(unsigned members);
void serve_constant(std::size_t octets);

} // namespace thor::bench
