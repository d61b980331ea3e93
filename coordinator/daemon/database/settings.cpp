#include "coordinator/daemon/database/settings.hpp"

#include "coordinator/probe/settings.hpp"
#include "coordinator/runtime/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace thor::database {
namespace {

std::optional<probe_settings> read_probe(runtime::section table) {
  if (!table.present()) {
    return std::nullopt;
  }
  probe_settings out;
  const auto target = runtime::parse_endpoint(table.text("tcp", ""));
  if (target) {
    out.target = *target;
  } else {
    table.reject("tcp", "is where to connect to, \"host:port\": " + target.error());
  }
  out.how = probe::read_timing(table, {});
  return out;
}

database_settings read_database(runtime::section table) {
  database_settings out;
  out.what.uri = table.text("uri", "");
  if (const auto good = model::check_database_uri(out.what.uri); !good) {
    table.reject("uri", good.error().detail);
  }
  out.what.priority = static_cast<std::uint16_t>(
      table.integer("priority", out.what.priority, 0, std::numeric_limits<std::uint16_t>::max()));
  out.probe = read_probe(table.table("probe"));
  return out;
}

std::vector<database_settings> read_databases(runtime::section& table) {
  std::vector<database_settings> out;
  for (auto& each : table.tables("uri")) {
    auto one = read_database(each);
    if (std::ranges::any_of(out, [&](const auto& o) { return o.what.uri == one.what.uri; })) {
      each.reject("uri", "is there twice");
    }
    out.push_back(std::move(one));
  }
  if (out.empty()) {
    table.reject("", "names no database: add [[database.uri]] with "
                     "uri = \"mysql://user@host/database\" and priority");
  } else if (out.size() > model::databases_per_member_max) {
    table.reject("uri", fmt::format("is there {} times; {} databases are the most for one member",
                                    out.size(), model::databases_per_member_max));
  }
  return out;
}

} // namespace

settings read_settings(runtime::config& from) {
  auto table = from.table("database");
  settings out;
  out.member = runtime::read_member(table);
  out.databases = read_databases(table);
  return out;
}

std::expected<model::presence, std::string>
make_presence(const settings& how, const identity::peer& self,
              const std::vector<model::database>& reachable) {
  if (const auto allowed = runtime::check_role(self, model::role_database); !allowed) {
    return std::unexpected(allowed.error());
  }
  auto addresses = runtime::addresses_of(how.member, self, "database");
  if (!addresses) {
    return std::unexpected(addresses.error());
  }
  model::presence out{self.id, {}, std::move(*addresses), {}, how.member.site, {}, {}};
  model::announce_databases(out, reachable);
  return out;
}

std::expected<void, std::string> check(const settings& how, const identity::peer& self) {
  if (const auto fits = make_presence(how, self, {}); !fits) {
    return std::unexpected(fits.error());
  }
  return {};
}

} // namespace thor::database
