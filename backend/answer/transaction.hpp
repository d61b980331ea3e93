// The transaction of one connection: what PowerDNS has written since startTransaction.
//
// PowerDNS has one transaction at a time on a connection and names it by the second it began in, so
// that two connections may use the same name: each connection has a transaction of its own, and the
// name is only checked. Nothing is lost on the way: a step that cannot be taken spoils the whole,
// which is then refused at its commit, because PowerDNS does not always listen to what a step is
// answered. Pure; belongs to the connection, and goes with it.
#pragma once

#include "zone/edit/edit.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>

namespace thor::backend {

inline constexpr std::size_t transaction_records_max = 500'000;
/// Of names, types and contents together.
inline constexpr std::size_t transaction_octets_max = std::size_t{64} * 1024 * 1024;

class transaction {
 public:
  /// Takes the place of an unfinished one, which PowerDNS has given up: it is forgotten.
  void begin(std::int64_t id, zone::name apex, bool whole_zone);

  // These say in words why not.

  std::expected<void, std::string> add(std::int64_t id, zone::rrset_edit step);
  /// Ends it, whatever the result.
  std::expected<zone::zone_edit, std::string> commit(std::int64_t id);
  std::expected<void, std::string> abort(std::int64_t id);

  /// Its commit will be refused for the first reason given.
  void spoil(std::string why);

  /// What was written, nullptr when there is no transaction.
  [[nodiscard]] const zone::zone_edit* pending() const { return open_ ? &open_->wanted : nullptr; }

 private:
  struct unfinished {
    std::int64_t id = 0;
    zone::zone_edit wanted;
    std::size_t records = 0;
    std::size_t octets = 0;
    std::optional<std::string> spoiled{};
  };

  [[nodiscard]] std::expected<void, std::string> check(std::int64_t id) const;

  std::optional<unfinished> open_;
};

} // namespace thor::backend
