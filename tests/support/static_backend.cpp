// Serves a synthetic zone as thor-dns would serve a real one: for tests of the protocol against a
// real PowerDNS, without an overlay. With --domain it serves the zone of a platform of that name
// instead, whose members hold all roles; with --sites, clients in 10.S.0.0/16 are of site S.
//
// Prints {"listen":[...]} when it serves, then obeys lines on its standard input, each answered by
// one line:
//
//   members N    the zone now has N members            unknown   nobody knows the members
//   nothing      as before the first table             counters  what was counted, as JSON
//
// Ends with its input.
#include "backend/serve/server.hpp"
#include "tests/support/platform_zone.hpp"
#include "tests/support/synthetic_zone.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>

namespace {

using namespace thor;

struct options {
  backend::server_options serve;
  test::synthetic_zone zone;
  test::platform platform{.domain = ""};
  std::uint32_t further_zones = 0;
};

options read_options(int argc, char** argv) {
  options out;
  CLI::App app("Serves a synthetic zone to PowerDNS.");
  app.add_option("--http", out.serve.http, "address:port");
  app.add_option("--token", out.serve.http_token, "first segment of the URL");
  app.add_option("--unix", out.serve.unix_path, "path of the Unix socket");
  app.add_option("--unix-user", out.serve.unix_users, "user id that may connect to it");
  app.add_option("--unix-group", out.serve.unix_group, "group id of the Unix socket");
  app.add_option("--threads", out.serve.threads, "serving threads");
  app.add_option("--members", out.zone.members, "members of the role");
  app.add_option("--slice", out.zone.slice, "records of the role in one answer, 0 = all");
  app.add_option("--sites", out.zone.sites, "sites that the members are at in turn");
  app.add_option("--domain", out.platform.domain, "serve a platform of this name");
  app.add_option("--node", out.platform.node, "what its members are called, before the number");
  app.add_option("--zones", out.further_zones, "further zones, each with a SOA alone");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::exit(app.exit(e));
  }
  return out;
}

/// What the overlay thread of thor-dns does: makes zones and publishes their tables.
class publisher {
 public:
  publisher(backend::server& server, const options& given)
      : server_(server)
      , shape_(given.zone)
      , platform_(given.platform) {
    std::vector<backend::viewing_network> clients;
    for (std::uint16_t site = 1; site <= shape_.sites; ++site) {
      const std::string network = "10." + std::to_string(site) + ".0.0/16";
      clients.push_back({.where = backend::ip_prefix::parse(network).value(), .view = site});
    }
    networks_ = std::make_shared<const backend::networks>(std::move(clients));
    for (std::uint32_t id = 2; id < 2 + given.further_zones; ++id) {
      further_.push_back(zone::build({.apex = test::name_of("z" + std::to_string(id) + ".example."),
                                      .id = id,
                                      .soa = {},
                                      .soa_ttl_s = 300,
                                      .rrsets = {},
                                      .promised = {},
                                      .dynamic_known = true},
                                     nullptr)
                             .zone);
    }
  }

  void publish(bool known) {
    shape_.known = known;
    ++shape_.serial;
    zone_ = zone::build(describe_now(), zone_.get()).zone;
    auto zones = further_;
    zones.push_back(zone_);
    table_ = backend::answer_table::build({.zones = test::snapshot_of(std::move(zones)),
                                           .metadata = nullptr,
                                           .server_id = "static",
                                           .networks = networks_,
                                           .complete = true},
                                          table_.get());
    server_.publish(table_);
  }

  void publish_members(unsigned members) {
    shape_.members = members;
    publish(true);
  }

  void publish_nothing() { server_.publish(nullptr); }

 private:
  [[nodiscard]] zone::zone_input describe_now() const {
    if (platform_.domain.empty()) {
      return test::describe(shape_);
    }
    test::platform now = platform_;
    now.members = shape_.members;
    now.slice = shape_.slice;
    now.serial = shape_.serial;
    return test::describe(now);
  }

  backend::server& server_;
  test::synthetic_zone shape_;
  test::platform platform_;
  std::shared_ptr<const backend::networks> networks_;
  std::vector<std::shared_ptr<const zone::contents>> further_;
  std::shared_ptr<const zone::contents> zone_;
  std::shared_ptr<const backend::answer_table> table_;
};

template <typename Label, std::size_t count>
void write_by_label(std::ostream& out, std::string_view name,
                    const std::array<std::atomic<std::uint64_t>, count>& counters) {
  out << "\"" << name << "\":{";
  for (std::size_t i = 0; i < count; ++i) {
    out << (i == 0 ? "" : ",") << "\"" << backend::to_string(static_cast<Label>(i))
        << "\":" << counters[i];
  }
  out << "},";
}

std::string json_of(const backend::serve_counters& counters) {
  std::ostringstream out;
  out << "{";
  write_by_label<backend::method>(out, "requests", counters.requests);
  write_by_label<backend::refusal>(out, "refusals", counters.refusals);
  out << "\"not_ready\":" << counters.not_ready << ",\"http_accepted\":" << counters.http_accepted
      << ",\"unix_accepted\":" << counters.unix_accepted
      << ",\"accept_errors\":" << counters.accept_errors << ",\"http_open\":" << counters.http_open
      << ",\"unix_open\":" << counters.unix_open << "}";
  return out.str();
}

std::string obey(const std::string& line, publisher& zones, const backend::server& server) {
  std::istringstream words(line);
  std::string verb;
  unsigned members = 0;
  words >> verb;
  if (verb == "counters") {
    return json_of(server.counters());
  }
  if (verb == "members" && words >> members) {
    zones.publish_members(members);
  } else if (verb == "unknown") {
    zones.publish(false);
  } else if (verb == "nothing") {
    zones.publish_nothing();
  } else {
    return "{\"error\":\"not a command\"}";
  }
  return "{}";
}

std::string listen_line(const backend::server& server) {
  std::string out = "{\"listen\":[";
  for (const std::string& endpoint : server.endpoints()) {
    out += (out.ends_with('[') ? "\"" : ",\"") + endpoint + "\"";
  }
  return out + "]}";
}

} // namespace

int main(int argc, char** argv) {
  const options given = read_options(argc, argv);
  std::mutex log_mutex;
  const auto log = [&](backend::log_level, const std::string& text) {
    const std::lock_guard lock(log_mutex);
    std::cerr << text << std::endl;
  };
  try {
    backend::server server(given.serve, log);
    publisher zones(server, given);
    zones.publish(true);
    std::cout << listen_line(server) << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
      std::cout << obey(line, zones, server) << std::endl;
    }
    return EXIT_SUCCESS;
  } catch (const std::exception& e) {
    std::cerr << "static_backend: " << e.what() << std::endl;
    return EXIT_FAILURE;
  }
}
