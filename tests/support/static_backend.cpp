// Serves a synthetic zone as thor-dns would serve a real one: for tests of the protocol against a
// real PowerDNS, without an overlay. With --domain it serves the zone of a platform of that name
// instead, whose members hold all roles; with --sites, clients in 10.S.0.0/16 are of site S.
// With --records the synthetic zone holds those of a file, too: a line each, "OWNER TTL TYPE
// CONTENT".
//
// Prints {"listen":[...]} when it serves, then obeys lines on its standard input, each answered by
// one line:
//
//   members N    the zone now has N members            unknown   nobody knows the members
//   nothing      as before the first table             counters  what was counted, as JSON
//   sign FILE    the zone has the keys and the metadata of a file from now on:
//                {"keys":[{"id":1,"flags":257,"active":true,"published":true,"content":"..."}],
//                 "metadata":{"NSEC3PARAM":["1 0 0 -"]}}
//   edits        what was written since the last time, as JSON
//   keys         the DNSSEC and TSIG keys that were written are there from now on
//   no keys      they are gone
//
// With --edits everything that PowerDNS writes is taken, and only remembered.
//
// Ends with its input.
#include "backend/serve/clock.hpp"
#include "backend/serve/server.hpp"
#include "tests/support/platform_zone.hpp"
#include "tests/support/synthetic_zone.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <mutex>
#include <sstream>
#include <string>
#include <utility>

namespace {

using namespace thor;

struct options {
  backend::server_options serve;
  test::synthetic_zone zone;
  test::platform platform{.domain = ""};
  std::uint32_t further_zones = 0;
  bool takes_edits = false;
  std::string records;
};

namespace json = boost::json;

json::value json_of(const zone::edit& edit) {
  struct visitor {
    json::object operator()(const zone::zone_edit& e) const {
      json::array steps;
      for (const zone::rrset_edit& step : e.steps) {
        json::array records;
        for (const zone::written_record& r : step.records) {
          records.push_back({r.type, r.ttl_s, r.content});
        }
        const bool adds = step.how == zone::rrset_edit::kind::add;
        steps.push_back({adds ? "add" : "replace", step.owner.text(), step.type, records});
      }
      return {{"zone", e.apex.text()}, {"whole", e.whole_zone}, {"steps", steps}};
    }
    json::object operator()(const zone::metadata_edit& e) const {
      return {
          {"metadata", e.kind}, {"zone", e.apex.text()}, {"values", json::value_from(e.values)}};
    }
    json::object operator()(const zone::key_addition& e) const {
      return {{"key", e.key.content},
              {"zone", e.apex.text()},
              {"flags", e.key.flags},
              {"active", e.key.active},
              {"published", e.key.published}};
    }
    json::object operator()(const zone::key_edit& e) const {
      return {{"key_edit", static_cast<int>(e.what)}, {"zone", e.apex.text()}, {"id", e.id}};
    }
    json::object operator()(const zone::tsig_edit& e) const {
      return {{"tsig", e.owner.text()},
              {"algorithm", e.algorithm},
              {"secret", e.secret ? json::value(*e.secret) : json::value(nullptr)}};
    }
  };
  return std::visit(visitor{}, edit);
}

/// Takes every edit and remembers it.
class remembered_edits final : public zone::edit_sink {
 public:
  void submit(zone::edit wanted, std::function<void(zone::edit_outcome)> told) override {
    {
      const std::lock_guard lock(mutex_);
      edits_.push_back(json_of(wanted));
      if (const auto* const key = std::get_if<zone::key_addition>(&wanted)) {
        keys_.keys[key->apex] = {key->key};
        keys_.keys[key->apex].front().id = key_id;
      } else if (const auto* const tsig = std::get_if<zone::tsig_edit>(&wanted);
                 tsig != nullptr && tsig->secret) {
        keys_.tsig_keys[tsig->owner] = {tsig->owner, tsig->algorithm, *tsig->secret};
      }
    }
    told({.done = true, .key_id = key_id, .notes = {"static_backend remembers it"}});
  }

  backend::secrets keys() {
    const std::lock_guard lock(mutex_);
    return keys_;
  }

  std::string take() {
    const std::lock_guard lock(mutex_);
    return json::serialize(json::object{{"edits", std::exchange(edits_, {})}});
  }

 private:
  static constexpr std::uint32_t key_id = 12;

  std::mutex mutex_;
  json::array edits_;     ///< guarded by mutex_
  backend::secrets keys_; ///< the latest of each zone and name; guarded by mutex_
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
  app.add_flag("--edits", out.takes_edits, "take what PowerDNS writes");
  app.add_option("--records", out.records, "file of further records of the synthetic zone");
  app.add_option("--zones", out.further_zones, "further zones, each with a SOA alone");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::exit(app.exit(e));
  }
  return out;
}

std::vector<zone::rrset> read_records(const std::string& path) {
  std::vector<zone::rrset> out;
  if (path.empty()) {
    return out;
  }
  std::ifstream file(path);
  std::string owner;
  std::uint32_t ttl_s = 0;
  std::string type;
  std::string content;
  while (file >> owner >> ttl_s >> type && std::getline(file >> std::ws, content)) {
    out.push_back(test::rrset_of(owner, zone::parse_type(type).value(), ttl_s, {content}));
  }
  if (!file.eof()) {
    throw std::invalid_argument(path + " cannot be read");
  }
  return out;
}

using metadata_by_apex = std::map<zone::name, backend::zone_metadata>;

struct signing {
  std::shared_ptr<const backend::secrets> secrets;
  std::shared_ptr<const metadata_by_apex> metadata;
};

signing read_signing(const std::string& path, const zone::name& apex) {
  std::ifstream file(path);
  const auto given =
      boost::json::parse(std::string(std::istreambuf_iterator<char>(file), {})).as_object();
  std::vector<zone::dnssec_key> keys;
  for (const auto& key : given.at("keys").as_array()) {
    keys.push_back({.id = key.at("id").to_number<std::uint32_t>(),
                    .flags = key.at("flags").to_number<std::uint16_t>(),
                    .active = key.at("active").as_bool(),
                    .published = key.at("published").as_bool(),
                    .content = std::string(key.at("content").as_string())});
  }
  backend::zone_metadata metadata;
  for (const auto& [kind, values] : given.at("metadata").as_object()) {
    for (const auto& value : values.as_array()) {
      metadata[std::string(kind)].emplace_back(value.as_string());
    }
  }
  return {.secrets = std::make_shared<const backend::secrets>(
              backend::secrets{.keys = {{apex, std::move(keys)}}, .tsig_keys = {}}),
          .metadata = std::make_shared<const metadata_by_apex>(
              metadata_by_apex{{apex, std::move(metadata)}})};
}

/// What the overlay thread of thor-dns does: makes zones and publishes their tables.
class publisher {
 public:
  publisher(backend::server& server, const options& given)
      : server_(server)
      , shape_(given.zone)
      , platform_(given.platform)
      , records_(read_records(given.records)) {
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
                                           .metadata = signing_.metadata,
                                           .secrets = signing_.secrets,
                                           .server_id = "static",
                                           .networks = networks_,
                                           .complete = true,
                                           .unix_time = backend::unix_time()},
                                          table_.get());
    server_.publish(table_);
  }

  void publish_members(unsigned members) {
    shape_.members = members;
    publish(true);
  }

  void publish_keys(backend::secrets keys) {
    signing_.secrets = std::make_shared<const backend::secrets>(std::move(keys));
    publish(true);
  }

  void publish_signed(const std::string& path) {
    signing_ = read_signing(path, test::name_of(shape_.apex));
    publish(true);
  }

  void publish_nothing() { server_.publish(nullptr); }

 private:
  [[nodiscard]] zone::zone_input describe_now() const {
    if (platform_.domain.empty()) {
      auto input = test::describe(shape_);
      input.rrsets.insert(input.rrsets.end(), records_.begin(), records_.end());
      return input;
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
  std::vector<zone::rrset> records_;
  signing signing_;
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

std::string obey(const std::string& line, publisher& zones, const backend::server& server,
                 remembered_edits& edits) {
  std::istringstream words(line);
  std::string verb;
  unsigned members = 0;
  std::string path;
  words >> verb;
  if (verb == "counters") {
    return json_of(server.counters());
  }
  if (verb == "edits") {
    return edits.take();
  }
  if (verb == "members" && words >> members) {
    zones.publish_members(members);
  } else if (line == "keys") {
    zones.publish_keys(edits.keys());
  } else if (line == "no keys") {
    zones.publish_keys({});
  } else if (verb == "sign" && words >> path) {
    zones.publish_signed(path);
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
  options given = read_options(argc, argv);
  remembered_edits edits;
  given.serve.edits = given.takes_edits ? &edits : nullptr;
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
      std::cout << obey(line, zones, server, edits) << std::endl;
    }
    return EXIT_SUCCESS;
  } catch (const std::exception& e) {
    std::cerr << "static_backend: " << e.what() << std::endl;
    return EXIT_FAILURE;
  }
}
