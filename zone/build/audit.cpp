#include "zone/build/audit.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

namespace thor::zone {
namespace {

bool has(const node& n, rr_type type) {
  return std::ranges::any_of(n.rrsets, [&](const auto& set) { return set->type == type; });
}

class auditor {
 public:
  explicit auditor(const contents& zone)
      : zone_(zone) {}

  std::vector<finding> run() {
    for (const auto& n : zone_.nodes) {
      for (const auto& set : n->rrsets) {
        for (const rdata& record : set->records) {
          if (auto what = judge(record)) {
            found_.push_back({n->owner, set->type, *std::move(what)});
          }
        }
      }
    }
    return std::move(found_);
  }

 private:
  /// Nothing: the record is in order, or leads out of this zone.
  [[nodiscard]] std::optional<std::string> judge(const rdata& record) const {
    if (const auto* srv = std::get_if<srv_rdata>(&record)) {
      return reaches_host("target", srv->target);
    }
    if (const auto* mx = std::get_if<mx_rdata>(&record)) {
      return reaches_host("exchange", mx->exchange);
    }
    if (const auto* ns = std::get_if<ns_rdata>(&record)) {
      return reaches_host("name server", ns->target);
    }
    if (const auto* alias = std::get_if<cname_rdata>(&record)) {
      return exists("target", alias->target);
    }
    if (const auto* naptr = std::get_if<naptr_rdata>(&record)) {
      return exists("replacement", naptr->replacement);
    }
    return std::nullopt;
  }

  /// Below a zone cut nobody here knows what there is, and "." means that there is nothing.
  [[nodiscard]] bool is_ours(const name& target) const {
    if (target.is_root() || !target.is_at_or_below(zone_.apex)) {
      return false;
    }
    for (name up = target; up != zone_.apex; up = up.parent()) {
      if (const node* const n = zone_.find(up); n != nullptr && n->delegation) {
        return false;
      }
    }
    return true;
  }

  /// The node that answers for the name: its own, or a wildcard (RFC 4592).
  [[nodiscard]] const node* answering(const name& target) const {
    if (const node* const own = zone_.find(target)) {
      return own;
    }
    name up = target.parent();
    while (zone_.find(up) == nullptr) {
      up = up.parent();
    }
    const auto wildcard = up.child("*");
    return wildcard ? zone_.find(*wildcard) : nullptr;
  }

  [[nodiscard]] std::optional<std::string> exists(std::string_view role, const name& target) const {
    if (!is_ours(target) || answering(target) != nullptr) {
      return std::nullopt;
    }
    return "its " + std::string(role) + " " + target.text() + " does not exist";
  }

  [[nodiscard]] std::optional<std::string> reaches_host(std::string_view role,
                                                        const name& target) const {
    if (!is_ours(target)) {
      return std::nullopt;
    }
    const std::string subject = "its " + std::string(role) + " " + target.text();
    const node* const host = answering(target);
    if (host == nullptr) {
      return subject + " does not exist";
    }
    if (!host->available) {
      return std::nullopt; // nobody knows
    }
    if (has(*host, rr_type::cname)) {
      return subject + " is an alias";
    }
    if (!has(*host, rr_type::a) && !has(*host, rr_type::aaaa)) {
      return subject + " has no address";
    }
    return std::nullopt;
  }

  const contents& zone_;
  std::vector<finding> found_;
};

} // namespace

std::vector<finding> audit(const contents& zone) {
  return auditor(zone).run();
}

} // namespace thor::zone
