#include "coordinator/probe/settings.hpp"

#include "coordinator/runtime/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace thor::probe {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t interval_ms_min = 10;
constexpr std::int64_t interval_ms_max = 3'600'000;
constexpr std::int64_t timeout_ms_max = 60'000;
constexpr std::int64_t row_max = 100;
constexpr std::uint16_t http_port = 80;
constexpr std::uint16_t https_port = 443;

/// Into `where`; false when the key is not there.
bool read_endpoint(runtime::section& table, runtime::endpoint& where) {
  const auto text = table.text("target", "");
  if (text.empty()) {
    return false;
  }
  if (const auto parsed = runtime::parse_endpoint(text)) {
    where = *parsed;
  } else {
    table.reject("target", "is where to connect to, \"host:port\": " + parsed.error());
  }
  return true;
}

void read_tls(runtime::section& table, bool encrypted, tls_settings& into) {
  into.server_name = table.text("server_name", "");
  into.ca = table.text("ca", "");
  for (const std::string_view key : {"server_name", "ca"}) {
    if (!encrypted && table.has(key)) {
      table.reject(key, "is for TLS, which this check does not speak");
    }
  }
}

void read_status(runtime::section& table, health::status_set& into) {
  const auto texts = table.texts("status", {});
  if (texts.empty()) {
    return;
  }
  if (const auto parsed = health::status_set::parse(texts)) {
    into = *parsed;
  } else {
    table.reject("status", parsed.error());
  }
}

described read_sip(runtime::section& table) {
  sip_target out;
  const auto transport = table.choice("transport", "udp", {"udp", "tcp", "tls"});
  out.transport = transport == "tcp"   ? sip_transport::tcp
                  : transport == "tls" ? sip_transport::tls
                                       : sip_transport::udp;
  const bool given = read_endpoint(table, out.where);
  read_tls(table, out.transport == sip_transport::tls, out.tls);
  read_status(table, out.alive);
  return {out, !given};
}

described read_tcp(runtime::section& table) {
  tcp_target out;
  const bool given = read_endpoint(table, out.where);
  return {out, !given};
}

/// What of a URL a request needs; user information and fragments are none of it.
std::expected<void, std::string> parse_url(std::string_view text, http_target& into) {
  const auto starts = [&](std::string_view scheme) {
    const bool yes = text.starts_with(scheme);
    text.remove_prefix(yes ? scheme.size() : 0);
    return yes;
  };
  into.https = starts("https://");
  if (!into.https && !starts("http://")) {
    return std::unexpected("is what to ask for, such as \"http://127.0.0.1:8080/health\"");
  }
  if (!std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; }) ||
      text.find_first_of("@#") != std::string_view::npos) {
    return std::unexpected("must have neither blanks, nor a user, nor a fragment");
  }
  const auto slash = std::min(text.find_first_of("/?"), text.size());
  const auto where =
      runtime::parse_endpoint(text.substr(0, slash), into.https ? https_port : http_port);
  if (!where) {
    return std::unexpected("is wrong: " + where.error());
  }
  into.where = *where;
  into.path = text.substr(slash);
  if (!into.path.starts_with('/')) {
    into.path.insert(0, "/");
  }
  return {};
}

described read_http(runtime::section& table) {
  http_target out;
  if (const auto parsed = parse_url(table.text("url", ""), out); !parsed) {
    table.reject("url", parsed.error());
  }
  read_tls(table, out.https, out.tls);
  read_status(table, out.alive);
  return {out, false};
}

described read_unit(runtime::section& table) {
  unit_target out{table.text("unit", "")};
  constexpr std::size_t unit_name_octets_max = 255;
  const auto dot = out.unit.rfind('.');
  const bool good = dot != std::string::npos && dot > 0 && dot + 1 < out.unit.size() &&
                    out.unit.size() <= unit_name_octets_max &&
                    std::ranges::all_of(out.unit, [](char c) {
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                             (c >= 'A' && c <= 'Z') || std::string_view(":-_.\\@").contains(c);
                    });
  if (!good) {
    table.reject("unit", "is the full name of a systemd unit, such as \"kamailio.service\"");
  }
  return {out, false};
}

described read_command(runtime::section& table) {
  command_target out{table.texts("command", {})};
  if (const auto good = runtime::check_argv(out.argv); !good) {
    table.reject("command", good.error());
    out.argv = {"/bin/false"};
  }
  return {out, false};
}

} // namespace

health::check_settings read_timing(runtime::section& table,
                                   const health::check_settings& defaults) {
  auto out = defaults;
  const auto read = [&](std::string_view key, milliseconds otherwise, std::int64_t min,
                        std::int64_t max) {
    return milliseconds(table.integer(key, otherwise.count(), min, max));
  };
  out.interval = read("interval_ms", defaults.interval, interval_ms_min, interval_ms_max);
  out.timeout =
      read("timeout_ms", std::min(defaults.timeout, out.interval), interval_ms_min, timeout_ms_max);
  if (out.timeout > out.interval) {
    table.reject("timeout_ms", "must not be above interval_ms: there is one probe at a time");
  }
  // Who confirms after an interval by default does so after the one that is configured.
  const auto confirm = defaults.confirm == defaults.interval
                           ? out.interval
                           : std::min(defaults.confirm, out.interval);
  out.confirm = read("confirm_ms", confirm, 0, interval_ms_max);
  if (out.confirm > out.interval) {
    table.reject("confirm_ms", "must not be above interval_ms, when the next probe begins anyway");
  }
  out.fall = static_cast<unsigned>(table.integer("fall", defaults.fall, 1, row_max));
  out.rise = static_cast<unsigned>(table.integer("rise", defaults.rise, 1, row_max));
  return out;
}

described read_target(runtime::section& table) {
  const auto type = table.choice("type", "", {"sip", "tcp", "http", "systemd", "command"});
  if (type == "sip") {
    return read_sip(table);
  }
  if (type == "tcp") {
    return read_tcp(table);
  }
  if (type == "http") {
    return read_http(table);
  }
  if (type == "systemd") {
    return read_unit(table);
  }
  if (type == "command") {
    return read_command(table);
  }
  if (!table.has("type")) {
    table.reject("", "needs a type: sip, tcp, http, systemd or command");
  }
  return {};
}

} // namespace thor::probe
