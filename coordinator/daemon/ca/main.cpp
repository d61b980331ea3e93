// thor-ca: the operator's certificate authority on the command line. The command line is read and
// judged here; commands.hpp does the work.
#include "coordinator/daemon/ca/commands.hpp"
#include "coordinator/daemon/ca/roles.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <iostream>
#include <map>

namespace {

namespace ca = thor::ca;
namespace x509 = thor::identity::x509;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

constexpr int days_max = 36500;

constexpr auto examples = R"(Examples:
  thor-ca init --domain sip.example.com
  thor-ca issue es1 --role thor_eventserver --address 192.0.2.10
  thor-ca issue gw1 --role sip_proxy media_relay --out /root/gw1
  thor-ca list
  thor-ca renew gw1 --out /root/gw1
  thor-ca revoke gw1 --reason keyCompromise
  thor-ca crl --days 7

Files in the CA's directory: ca.crt and crl.pem go to every node, ca.key stays there.
Exit codes: 0 done, 1 failed, 2 wrong usage. See thor-ca(8).)";

// A validator that refuses what `read` refuses, with its reason.
template <class Read>
CLI::Validator readable_by(Read read) {
  return {[read](std::string& text) {
            const auto value = read(text);
            return value ? std::string() : value.error().detail;
          },
          ""};
}

std::expected<thor::model::node_id, thor::model::error> read_id(const std::string& text) {
  auto id = thor::model::node_id::parse(text);
  if (!id)
    id.error().detail = thor::model::printable(text) + " is no node id, it " + id.error().detail;
  return id;
}

std::string refuse_unknown_role(const std::string& role) {
  if (std::ranges::find(ca::known_roles, role) != ca::known_roles.end())
    return {};
  std::string known;
  for (const std::string_view name : ca::known_roles)
    known.append(known.empty() ? "" : ", ").append(name);
  return thor::model::printable(role) + " is not one of the roles " + known +
         "; --custom-role takes a role of your own";
}

std::string refuse_bad_role_name(const std::string& role) {
  if (thor::model::is_role_name(role))
    return {};
  return thor::model::printable(role) +
         " is no role name (a lower-case letter, then lower-case letters, digits and underscores)";
}

std::string reason_names() {
  std::string names;
  for (const x509::revocation_reason reason : x509::revocation_reasons)
    names.append(names.empty() ? "" : ", ").append(to_string(reason));
  return names;
}

std::string refuse_unknown_reason(const std::string& name) {
  if (x509::parse_revocation_reason(name))
    return {};
  return thor::model::printable(name) + " is not one of the reasons " + reason_names();
}

// Options as the command line gives them, before they are what a command wants.
struct words {
  std::string directory = "/etc/thor/ca";
  std::string id;
  std::string domain;
  std::vector<std::string> roles;
  std::vector<std::string> custom_roles;
  std::vector<std::string> addresses;
  x509::key_type key_type = x509::key_type::p256;
  bool new_key = false;
  int days = 0;
  std::string reason;
  std::string out = ".";
  std::string file;

  [[nodiscard]] std::set<std::string> all_roles() const {
    std::set<std::string> all(roles.begin(), roles.end());
    all.insert(custom_roles.begin(), custom_roles.end());
    return all;
  }
  [[nodiscard]] std::vector<thor::model::ip_address> all_addresses() const {
    std::vector<thor::model::ip_address> all;
    all.reserve(addresses.size());
    for (const std::string& address : addresses)
      all.push_back(*thor::model::ip_address::parse(address));
    return all;
  }
};

void add_id(CLI::App& command, words& w) {
  command.add_option("ID", w.id, "node id: one DNS label of a-z, 0-9 and hyphens, at most 63")
      ->type_name("")
      ->required()
      ->check(readable_by(read_id));
}

void add_roles(CLI::App& command, words& w, const std::string& otherwise) {
  command.add_option("--role", w.roles, "roles the node may take" + otherwise)
      ->type_name("ROLE")
      ->check(refuse_unknown_role);
  command.add_option("--custom-role", w.custom_roles, "the same for roles of your own")
      ->type_name("ROLE")
      ->check(refuse_bad_role_name);
}

void add_addresses(CLI::App& command, words& w, const std::string& otherwise) {
  command.add_option("--address", w.addresses, "addresses it may publish" + otherwise)
      ->type_name("IP")
      ->check(readable_by(thor::model::ip_address::parse));
}

CLI::Option* add_key_type(CLI::App& command, words& w) {
  static const std::map<std::string, x509::key_type> types{{"p256", x509::key_type::p256},
                                                           {"ed25519", x509::key_type::ed25519}};
  return command.add_option("--key-type", w.key_type, "p256 (default) or ed25519")
      ->type_name("TYPE")
      ->transform(CLI::CheckedTransformer(types).description(""));
}

CLI::Option* add_days(CLI::App& command, words& w, const std::string& what) {
  return command.add_option("--days", w.days, what)
      ->type_name("N")
      ->check(CLI::Range(1, days_max).description(""));
}

void add_out(CLI::App& command, words& w) {
  command.add_option("--out", w.out, "where to write (default: the current directory)")
      ->type_name("DIR");
}

// A subcommand and what it does.
using action = std::function<ca::result<void>(const ca::context&)>;
using actions = std::map<const CLI::App*, action>;

void add_init(CLI::App& app, words& w, actions& all) {
  CLI::App* command = app.add_subcommand("init", "make a CA");
  command->add_option("--domain", w.domain, "the overlay's domain")
      ->type_name("DOMAIN")
      ->required()
      ->check(readable_by(thor::identity::parse_domain));
  add_key_type(*command, w);
  CLI::Option* days = add_days(*command, w, "how long it is valid (default: 3650)");
  all[command] = [&w, days](const ca::context& c) {
    return ca::init(c, {.domain = w.domain,
                        .type = w.key_type,
                        .valid = *days ? ca::days(w.days) : ca::ca_days_default});
  };
}

void add_issue(CLI::App& app, words& w, actions& all) {
  CLI::App* command =
      app.add_subcommand("issue", "make a key and a certificate for a node: ID.key and ID.crt");
  add_id(*command, w);
  add_roles(*command, w, "");
  add_addresses(*command, w, " (default: the one it connects from)");
  CLI::Option* days = add_days(*command, w, "how long it is valid (default: 365)");
  add_key_type(*command, w);
  add_out(*command, w);
  command->final_callback([&w] {
    if (w.all_roles().empty())
      throw CLI::RequiredError("--role");
  });
  all[command] = [&w, days](const ca::context& c) {
    return ca::issue(c, {.id = w.id,
                         .roles = w.all_roles(),
                         .addresses = w.all_addresses(),
                         .type = w.key_type,
                         .valid = *days ? ca::days(w.days) : ca::node_days_default,
                         .out = w.out});
  };
}

void add_renew(CLI::App& app, words& w, actions& all) {
  CLI::App* command = app.add_subcommand(
      "renew",
      "make a new certificate for a node: ID.crt (the old one stays good until it expires)");
  add_id(*command, w);
  add_roles(*command, w, " (default: as before)");
  add_addresses(*command, w, " (default: as before)");
  CLI::Option* days = add_days(*command, w, "how long it is valid (default: 365)");
  CLI::Option* new_key = command->add_flag("--new-key", w.new_key, "make a new key, too: ID.key");
  add_key_type(*command, w)->needs(new_key);
  add_out(*command, w);
  all[command] = [&w, days](const ca::context& c) {
    return ca::renew(c, {.id = w.id,
                         .roles = w.all_roles(),
                         .addresses = w.all_addresses(),
                         .new_key = w.new_key ? std::optional(w.key_type) : std::nullopt,
                         .valid = *days ? ca::days(w.days) : ca::node_days_default,
                         .out = w.out});
  };
}

void add_revoke(CLI::App& app, words& w, actions& all) {
  CLI::App* command = app.add_subcommand(
      "revoke", "revoke all certificates of a node, or one by its serial number; writes crl.pem");
  command->add_option("ID|SERIAL", w.id, "as `thor-ca list` shows them")->type_name("")->required();
  command->add_option("--reason", w.reason, "for the record: " + reason_names())
      ->type_name("REASON")
      ->check(refuse_unknown_reason);
  all[command] = [&w](const ca::context& c) {
    return ca::revoke(c, {.id_or_serial = w.id,
                          .reason = x509::parse_revocation_reason(w.reason).value_or(
                              x509::revocation_reason::unspecified)});
  };
}

void add_crl(CLI::App& app, words& w, actions& all) {
  CLI::App* command =
      app.add_subcommand("crl", "write crl.pem anew, before the time it is due by has come");
  CLI::Option* days = add_days(
      *command, w, "when the next one is due (default: as with the last one; at first 30)");
  all[command] = [&w, days](const ca::context& c) {
    return ca::crl(c, {.valid = *days ? std::optional(ca::days(w.days)) : std::nullopt});
  };
}

void add_list_and_show(CLI::App& app, words& w, actions& all) {
  all[app.add_subcommand("list", "list all certificates that were issued")] = ca::list;
  CLI::App* command = app.add_subcommand("show", "show what the certificates in a file say");
  command->add_option("FILE", w.file, "certificates, PEM")->type_name("")->required();
  all[command] = [&w](const ca::context& c) { return ca::show(c, w.file); };
}

int run(const action& what, const words& w) {
  using namespace std::chrono;
  const auto now = floor<seconds>(system_clock::now());
  const auto done = what({.directory = w.directory, .now = now, .out = std::cout});
  if (done)
    return 0;
  std::cerr << "thor-ca: " << done.error() << '\n';
  return exit_failed;
}

} // namespace

int main(int argc, char** argv) try {
  CLI::App app("The certificate authority of a Thor overlay.", "thor-ca");
  words w;
  actions all;
  app.add_option("--dir", w.directory, "the CA's directory (default: /etc/thor/ca)")
      ->type_name("DIR");
  app.set_version_flag("--version", "thor-ca " THOR_VERSION);
  app.require_subcommand(0, 1);
  app.fallthrough();
  app.footer(examples);
  add_init(app, w, all);
  add_issue(app, w, all);
  add_list_and_show(app, w, all);
  add_renew(app, w, all);
  add_revoke(app, w, all);
  add_crl(app, w, all);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : exit_usage;
  }
  if (app.get_subcommands().empty()) {
    std::cerr << app.help();
    return exit_usage;
  }
  return run(all.at(app.get_subcommands().front()), w);
} catch (const std::exception& e) {
  std::cerr << "thor-ca: " << e.what() << '\n';
  return exit_failed;
}
