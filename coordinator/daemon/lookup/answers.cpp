#include "coordinator/daemon/lookup/answers.hpp"

#include "coordinator/lookup/key.hpp"
#include "coordinator/monitor/status_json.hpp"
#include "coordinator/monitor/text.hpp"
#include "coordinator/runtime/program.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <iostream>

namespace thor::lookup {
namespace {

namespace json = boost::json;

/// Keys leave as they came, so that what was asked is found in the answer.
void print_line(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

void print_json(const json::object& line) {
  print_line(monitor::ascii_json(json::serialize(line)));
}

json::object describe(const model::presence& p, const std::string& role) {
  const auto& offer = p.roles.at(role);
  json::array addresses;
  for (const auto& address : p.addresses) {
    addresses.emplace_back(address.text());
  }
  json::object ports;
  for (const auto& [service, port] : offer.ports) {
    ports[service] = port;
  }
  return {{"id", p.id.text()},
          {"addresses", std::move(addresses)},
          {"state", model::to_string(offer.state)},
          {"weight", offer.weight},
          {"ports", std::move(ports)},
          {"site", p.site}};
}

/// "gw1 192.0.2.11".
std::string short_text(const model::presence& p) {
  return fmt::format("{} {}", p.id.text(), p.addresses.front().text());
}

class key_answers {
 public:
  key_answers(const options& how, const client::network& members)
      : how_(how)
      , members_(members) {}

  void print(const std::string& key) const {
    const auto nodes = members_.lookup(how_.role, key, how_.count, how_.what_for);
    if (how_.json) {
      print_as_json(key, nodes);
      return;
    }
    const bool named = how_.keys_from_input || how_.keys.size() > 1;
    for (const auto* node : nodes) {
      print_line(named ? key + '\t' + short_text(node->what) : short_text(node->what));
    }
  }

 private:
  void print_as_json(const std::string& key, const std::vector<const model::member*>& nodes) const {
    json::array described;
    for (const auto* node : nodes) {
      described.emplace_back(describe(node->what, how_.role));
    }
    print_json({{"role", how_.role},
                {"key", key},
                {"label", hash_label(key_hash(key))},
                {"nodes", std::move(described)}});
  }

  const options& how_;
  const client::network& members_;
};

int print_members(const options& how, const client::network& members) {
  bool any = false;
  for (const auto& [id, m] : members.view().members) {
    const auto offer = m.what.roles.find(how.role);
    if (offer == m.what.roles.end()) {
      continue;
    }
    any = true;
    if (how.json) {
      print_json(describe(m.what, how.role));
    } else {
      print_line(fmt::format("{} {}", short_text(m.what), model::to_string(offer->second.state)));
    }
  }
  return any ? runtime::exit_ok : exit_nobody;
}

int print_nodes(const options& how, const client::network& members) {
  if (members.rings().of(how.role).empty()) {
    return exit_nobody;
  }
  const key_answers answers(how, members);
  if (!how.keys_from_input) {
    for (const auto& key : how.keys) {
      answers.print(key);
    }
    return runtime::exit_ok;
  }
  for (std::string key; std::getline(std::cin, key);) {
    answers.print(key);
  }
  return runtime::exit_ok;
}

} // namespace

int print_answers(const options& how, const client::network& members) {
  if (how.how == mode::status) {
    print_line(monitor::status_json(members.view().members));
    return runtime::exit_ok;
  }
  const int exit_code =
      how.how == mode::members ? print_members(how, members) : print_nodes(how, members);
  if (exit_code == exit_nobody) {
    fmt::print(stderr, "thor-lookup: no member offers the role {}\n", how.role);
  }
  return exit_code;
}

} // namespace thor::lookup
