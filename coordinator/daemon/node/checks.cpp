#include "coordinator/daemon/node/checks.hpp"

#include "coordinator/probe/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace thor::node {
namespace {

constexpr health::check_settings timing_defaults{.interval = std::chrono::milliseconds(1000),
                                                 .timeout = std::chrono::milliseconds(1000),
                                                 .fall = 2,
                                                 .rise = 2,
                                                 .confirm = probe::confirm_default};
constexpr std::int64_t start_grace_ms_max = 600'000;

/// What a service of a role speaks, and where by default. A service is a key of role_offer::ports.
struct standard {
  std::string_view role;
  std::string_view service;
  std::uint16_t port;
  std::optional<probe::sip_transport> sip; ///< otherwise it is only connected to
};
using probe::sip_transport;
constexpr std::array<standard, 9> standards{{
    {"sip_proxy", "sip.udp", 5060, sip_transport::udp},
    {"sip_proxy", "sip.tcp", 5060, sip_transport::tcp},
    {"sip_proxy", "sips.tcp", 5061, sip_transport::tls},
    {"xcap_server", "xcap.tcp", 443, {}},
    {"provisioning_server", "ngnpro.tcp", 9200, {}},
    {"voicemail_server", "voicemail.tcp", 9200, {}},
    {"msrprelay_server", "msrps.tcp", 2855, {}},
    {"webrtc_gateway", "sips.ws", 443, {}},
    {"xmpp_gateway", "xmpp-server.tcp", 5269, {}},
}};

/// The port of a service; 0: it is not offered.
std::uint16_t port_of(const model::role_offer& offer, std::string_view service,
                      std::uint16_t otherwise) {
  const auto found = offer.ports.find(std::string(service));
  return found == offer.ports.end() ? otherwise : found->second;
}

/// What a client of the role would use first.
std::optional<probe::target> standard_target(const std::string& role,
                                             const model::role_offer& offer) {
  for (const auto& one : standards) {
    const auto port = one.role == role ? port_of(offer, one.service, one.port) : std::uint16_t{0};
    if (port != 0 && one.sip) {
      return probe::sip_target{.where = {"", port}, .transport = *one.sip, .tls = {}};
    }
    if (port != 0) {
      return probe::tcp_target{{"", port}};
    }
  }
  for (const auto& [service, port] : offer.ports) {
    if (port != 0 && service.ends_with(".tcp")) {
      return probe::tcp_target{{"", port}};
    }
  }
  return std::nullopt;
}

/// The port of a check without a target; the error says that there is none.
std::expected<void, std::string> fill_port(probe::target& what, const std::string& role,
                                           const model::role_offer& offer) {
  if (auto* sip = std::get_if<probe::sip_target>(&what)) {
    const bool tls = sip->transport == sip_transport::tls;
    const auto service = fmt::format("{}.{}", tls ? "sips" : "sip",
                                     sip->transport == sip_transport::udp ? "udp" : "tcp");
    sip->where.port = port_of(offer, service, tls ? 5061 : 5060);
    return sip->where.port != 0 ? std::expected<void, std::string>()
                                : std::unexpected(fmt::format(
                                      "is needed: {} is not offered, its port is 0", service));
  }
  auto& tcp = std::get<probe::tcp_target>(what);
  if (const auto standard = standard_target(role, offer)) {
    const auto* sip = std::get_if<probe::sip_target>(&*standard);
    tcp.where.port =
        sip != nullptr ? sip->where.port : std::get<probe::tcp_target>(*standard).where.port;
    return {};
  }
  return std::unexpected(fmt::format("is needed: {} has no standard port", role));
}

configured_check read_check(runtime::section& table, const std::string& role,
                            const model::role_offer& offer) {
  auto [what, without_target] = probe::read_target(table);
  configured_check out{std::move(what), probe::read_timing(table, timing_defaults), without_target};
  out.how.start_grace = std::chrono::milliseconds(
      table.integer("start_grace_ms", out.how.start_grace.count(), 0, start_grace_ms_max));
  if (without_target) {
    if (const auto filled = fill_port(out.what, role, offer); !filled) {
      table.reject("target", filled.error());
    }
  }
  return out;
}

} // namespace

std::optional<checks> read_checks(runtime::section& table, const std::string& role,
                                  const model::role_offer& offer) {
  if (!table.has("check")) {
    return std::nullopt;
  }
  checks out;
  for (auto& each : table.tables("check")) {
    out.push_back(read_check(each, role, offer));
    if (std::ranges::count(out, out.back().what, &configured_check::what) > 1) {
      each.reject("", "is there twice");
    }
  }
  if (out.size() > checks_per_role_max) {
    table.reject("check", fmt::format("is there {} times; {} checks are the most for one role",
                                      out.size(), checks_per_role_max));
  }
  return out;
}

checks default_checks(const std::string& role, const model::role_offer& offer) {
  const auto what = standard_target(role, offer);
  if (!what) {
    return {};
  }
  auto how = timing_defaults;
  how.once_seen = true;
  return {{*what, how, true}};
}

void fill_in(checks& all, const model::ip_address& own) {
  for (auto& one : all) {
    if (!one.at_own_address) {
      continue;
    }
    if (auto* sip = std::get_if<probe::sip_target>(&one.what)) {
      sip->where.host = own.text();
    } else {
      std::get<probe::tcp_target>(one.what).where.host = own.text();
    }
  }
}

} // namespace thor::node
