// What the tests of the monitor share: members, statuses and a network that heard them.
#pragma once

#include "coordinator/model/database.hpp"
#include "coordinator/monitor/network.hpp"
#include "coordinator/monitor/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::monitor {

using namespace std::chrono_literals;

inline constexpr model::unix_time wall{1'750'000'000s};

inline model::node_id id(std::string_view text) {
  return *model::node_id::parse(text);
}

inline model::member member(std::string_view name, std::string_view address,
                            const std::vector<std::string>& roles, std::uint16_t priority = 10) {
  model::member out{{id(name), {100, 1}, {*model::ip_address::parse(address)}, {}, {}, {}, {}},
                    wall};
  for (const auto& role : roles)
    out.what.roles[role].priority = priority;
  return out;
}

inline model::member database(std::string_view name, std::string_view address,
                              const std::vector<model::database>& all) {
  auto out = member(name, address, {});
  model::announce_databases(out.what, all);
  return out;
}

inline model::status_full full(const std::vector<model::member>& all, std::uint64_t sequence = 1,
                               model::epoch at = {1'750'000'000, "m1"}) {
  model::status_full out{{std::move(at), sequence}, 7, {}};
  for (const auto& m : all)
    out.members.emplace(m.what.id, m);
  return out;
}

inline model::status_beat beat_of(const model::view& v) {
  return {v.where, v.serial, model::digest(v.members)};
}

/// One event server, "es:1", whose words are heard on injected time.
class NetworkTest : public testing::Test {
 protected:
  std::vector<effect> hear(const input& what) {
    std::vector<effect> out;
    network_.on_event(now_, wall, what, out);
    return out;
  }
  std::vector<effect> hear_status(model::status_event what) {
    return hear(heard_status{"es:1", std::move(what)});
  }
  std::vector<effect> pass(model::duration time) {
    now_ += time;
    std::vector<effect> out;
    if (now_ >= network_.next_deadline())
      network_.on_deadline(now_, wall, out);
    return out;
  }
  void connect() {
    hear(server_up{"es:1", {"es1", "0123456789abcdef", 60'000, false, 1000, 3000}});
  }
  void sync() {
    for (const auto about : monitor_topics)
      hear(heard_synced{"es:1", about});
  }
  void beat() { hear_status(beat_of(network_.view())); }
  std::vector<effect> report_dns(std::string_view name, bool degraded = false,
                                 bool divergent = false) {
    return hear(heard_report{id(name), {7, 0xab, degraded, divergent}});
  }
  /// Connected, in sync, with these members and a manager that beats.
  void live(const std::vector<model::member>& all) {
    connect();
    hear_status(full(all));
    sync();
    beat();
  }

  model::time_point now_{1h};
  network network_;
};

/// Of a change: kind, subject, detail.
inline auto Tells(change_kind what, std::string subject, std::string detail) {
  return testing::VariantWith<change>(change{what, wall, std::move(subject), std::move(detail)});
}

/// ASCII, and three others: an accent that combines, a wide character, and nothing beyond.
inline int test_columns(char32_t c) {
  return c < 0x80 ? 1 : c == 0x301 ? 0 : c == 0x4e2d ? 2 : c == 0xe4 ? 1 : -1;
}

} // namespace thor::monitor
