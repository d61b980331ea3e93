// What must hold in every history, checked all the time. README.md has each law in words.
//
// The laws judge the machines by the truth, which only the simulation knows: who runs, who is
// paused, what the network lets through. They look into machines only for what those show to
// people.
#pragma once

#include "coordinator/dns/coordinator.hpp"
#include "coordinator/membership/effect.hpp"
#include "coordinator/model/status.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace thor::sim {

class host;
class manager;
class world;

/// Thrown where it is found; ends the history.
struct violation {
  std::string law;
  std::string what;
  std::string when;
};

class laws {
 public:
  explicit laws(world& in)
      : in_(in) {}

  // ---- what happens

  void on_published(const host& manager, const model::status_event& what);
  void on_withdrawn(const host& by, const manager& judge, const membership::withdrawn& what);
  void on_view(const host& dns, const dns::coordinator& machine);
  void on_leave(const host& member, std::chrono::milliseconds hold);
  void on_cut();

  [[noreturn]] void broken(std::string law, std::string what) const;

  // ---- when everything is well again

  /// Why not every thor-dns shows exactly those that live; "" when they all do.
  [[nodiscard]] std::string disagreement() const;
  /// The SOA serials that are served, by thor-dns.
  [[nodiscard]] std::map<std::string, std::uint32_t> serials() const;

 private:
  struct process {
    std::string host;
    std::uint64_t run = 0;
    friend bool operator==(const process&, const process&) = default;
  };
  struct content {
    std::uint32_t serial = 0;
    std::uint64_t digest = 0;
    friend bool operator==(const content&, const content&) = default;
  };
  /// One thor-dns as it was last seen.
  struct consumer {
    std::uint64_t run = 0;
    model::position where;
    std::uint32_t serial = 0;
    model::member_map shown;
    model::position checked; ///< its contents were compared up to here
  };
  struct farewell {
    std::uint64_t run = 0;
    model::time_point at{};
    model::time_point held_until{};
    std::set<std::string> told; ///< event servers that heard it
  };
  [[nodiscard]] model::time_point sees_since(const host& manager, const host& server) const;
  [[nodiscard]] model::time_point heard_since(const host& server, const host& member) const;
  [[nodiscard]] bool is_calm(const host& member) const;

  void check_not_heard(const host& by, const host& member) const;
  void check_not_too_soon(const host& by, const host& member, model::withdrawal reason) const;
  void check_mass(const host& by, const manager& judge, const host& member);
  [[nodiscard]] model::time_point more_than_half_in_trouble_since(const std::string& role,
                                                                  std::size_t all) const;
  void check_hold(const host& by, const host& member) const;
  void check_left(const host& member, const farewell& said) const;
  void check_content(const host& dns, const model::view& view);
  void check_dropped(const host& dns, const consumer& before, const model::member_map& after) const;
  void restart(const host& dns, const dns::coordinator& machine, consumer& seen) const;

  world& in_;
  std::map<model::epoch, process> publishers_;
  std::map<model::position, content> contents_; ///< as consumers accepted them
  std::map<std::string, consumer> consumers_;
  std::map<std::string, farewell> farewells_;
  /// By manager and role: who was withdrawn for silence within the last lease, and when.
  std::map<std::pair<std::string, std::string>, std::map<model::node_id, model::time_point>>
      silences_;
  model::time_point last_cut_{};
};

} // namespace thor::sim
