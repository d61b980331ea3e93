#include "coordinator/runtime/config.hpp"

#include "coordinator/runtime/atomic_file.hpp"
#include "coordinator/runtime/endpoint.hpp"
#include "coordinator/runtime/resolver.hpp"
#include "coordinator/wire/message.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <optional>
#include <ranges>
#include <set>
#include <tuple>
#include <utility>

namespace thor::runtime {

struct opened_table {
  std::string path;                   ///< "dns.name_server.0": unique; "" = the root
  std::string name;                   ///< "dns.name_server": for people
  const toml::table* table = nullptr; ///< nullptr = not in the files
  toml::source_region at;             ///< where it begins
  std::set<std::string, std::less<>> asked;
};

struct config_tree {
  toml::table root;
  toml::source_region whole; ///< the first file, no line of it
  /// By path; sections point into it.
  std::map<std::string, opened_table> opened;
  config_errors errors;
};

namespace {

/// The top-level tables of all programs of the project.
constexpr std::array<std::string_view, 9> known_tables = {
    "overlay", "log", "metrics", "eventserver", "manager", "node", "dns", "database", "monitor"};
constexpr std::array<std::string_view, 5> daemons = {"thor-eventserver", "thor-manager",
                                                     "thor-node", "thor-dns", "thor-database"};
/// A misspelt key is explained by the known key that is at most this many edits away.
constexpr std::size_t suggestion_edits_max = 3;

config_error error_at(const toml::source_region& at, std::string what) {
  return {at.path ? *at.path : std::string(), at.begin.line, at.begin.column, std::move(what)};
}

std::string place(const toml::source_region& at) {
  return fmt::format("{}:{}", at.path ? *at.path : "", at.begin.line);
}

/// Levenshtein distance.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, diagonal + 1, row[j] + 1});
    }
  }
  return row[b.size()];
}

template <class Names>
std::string did_you_mean(std::string_view wrong, const Names& known) {
  constexpr std::size_t compared_octets_max = 64; // bounds the work for absurd keys
  std::string_view best;
  // Letters that changed places count as two edits and keep the length.
  auto nearest = std::pair(std::min(suggestion_edits_max, wrong.size() / 2) + 1, std::size_t{0});
  for (const std::string_view name : known) {
    if (wrong.size() > compared_octets_max) {
      break;
    }
    const auto longer = std::max(name.size(), wrong.size()) - std::min(name.size(), wrong.size());
    // Who left out the end of it meant it.
    const auto changes = name.starts_with(wrong) ? std::size_t{1} : edits(wrong, name);
    if (const auto distance = std::pair(changes, longer); distance < nearest) {
      best = name;
      nearest = distance;
    }
  }
  return best.empty() ? std::string() : fmt::format(" (did you mean \"{}\"?)", best);
}

std::string_view type_words(toml::node_type type) {
  switch (type) {
  case toml::node_type::table:
    return "a table";
  case toml::node_type::array:
    return "an array";
  case toml::node_type::string:
    return "a string";
  case toml::node_type::integer:
    return "an integer";
  case toml::node_type::floating_point:
    return "a floating-point number";
  case toml::node_type::boolean:
    return "a boolean";
  default:
    return "a date or time";
  }
}

bool is_array_of_tables(const toml::node& node) {
  return node.is_array() && node.as_array()->is_homogeneous(toml::node_type::table);
}

void replace(toml::table& into, const toml::key& key, toml::node&& value) {
  into.erase(key.str()); // so that the new key's place is kept, too
  into.insert(key, std::move(value));
}

/// Moves `from` into `into`. Nodes are moved, never copied: a copy forgets where it was read.
void merge(toml::table& into, toml::table&& from, config_errors& errors) {
  for (auto&& [key, value] : from) {
    toml::node* present = into.get(key.str());
    if (present == nullptr) {
      into.insert(key, std::move(value));
    } else if (present->is_table() != value.is_table()) {
      errors.push_back(
          error_at(key.source(), fmt::format("\"{}\" is {} here but {} at {}", key.str(),
                                             type_words(value.type()), type_words(present->type()),
                                             place(present->source()))));
    } else if (present->is_table()) {
      merge(*present->as_table(), std::move(*value.as_table()), errors);
    } else if (is_array_of_tables(*present) && is_array_of_tables(value)) {
      for (auto&& element : *value.as_array()) {
        present->as_array()->push_back(std::move(*element.as_table()));
      }
    } else {
      replace(into, key, std::move(value));
    }
  }
}

/// The first line that nests deeper than anything of ours, if there is one.
std::optional<config_error> find_deep_line(const config::source& file) {
  std::uint32_t line = 1;
  std::size_t depth = 0;
  char quote = 0;
  for (const char c : file.text) {
    if (c == '\n') {
      ++line;
      depth = 0;
      quote = 0;
    } else if (quote != 0 || c == '"' || c == '\'') {
      quote = quote == 0 ? c : (c == quote ? char{0} : quote);
    } else if (c == '.' || c == '[' || c == '{') {
      ++depth;
    }
    if (depth > config_line_depth_max) {
      return config_error{file.name, line, 1, "tables nested too deep, or too much in one line"};
    }
  }
  return std::nullopt;
}

std::expected<std::vector<config::source>, config_errors>
read_sources(const std::filesystem::path& file, bool must_exist) {
  std::vector<config::source> sources;
  std::error_code failure;
  if (must_exist || std::filesystem::exists(file, failure)) {
    auto text = read_file(file, config_file_octets_max);
    if (!text) {
      return std::unexpected(config_errors{{"", 0, 0, text.error()}}); // which names the file
    }
    sources.push_back({file.string(), std::move(*text)});
  }
  auto drop_ins = read_directory(file.parent_path() / "conf.d");
  if (!drop_ins) {
    return std::unexpected(drop_ins.error());
  }
  std::ranges::move(*drop_ins, std::back_inserter(sources));
  return sources;
}

std::string join(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

/// The node under `key`, noted as asked for.
const toml::node* ask_for(opened_table& at, std::string_view key) {
  at.asked.emplace(key);
  return at.table == nullptr ? nullptr : at.table->get(key);
}

void add_value_error(config_tree& tree, const opened_table& at, std::string_view key,
                     const toml::source_region& where, std::string_view why) {
  const auto subject = at.name.empty() ? std::string(key.empty() ? "the file" : key)
                       : key.empty()   ? fmt::format("[{}]", at.name)
                                       : fmt::format("{} in [{}]", key, at.name);
  tree.errors.push_back(error_at(where, fmt::format("{} {}", subject, why)));
}

void add_type_error(config_tree& tree, const opened_table& at, std::string_view key,
                    const toml::node& value, std::string_view expected) {
  add_value_error(tree, at, key, value.source(),
                  fmt::format("must be {}, not {}", expected, type_words(value.type())));
}

opened_table& open(config_tree& tree, opened_table table) {
  const auto path = table.path;
  return tree.opened.try_emplace(path, std::move(table)).first->second;
}

void add_unknown_keys(const config_tree& tree, config_errors& errors) {
  for (const auto& [path, opened] : tree.opened) {
    if (opened.table == nullptr) {
      continue;
    }
    for (const auto& [key, value] : *opened.table) {
      if (!opened.asked.contains(key.str())) {
        const auto place = opened.name.empty() ? "" : fmt::format(" in [{}]", opened.name);
        errors.push_back(
            error_at(key.source(), fmt::format("unknown key \"{}\"{}{}", key.str(), place,
                                               did_you_mean(key.str(), opened.asked))));
      }
    }
  }
  if (tree.opened.contains("")) {
    return; // a format of its own
  }
  for (const auto& [key, value] : tree.root) {
    if (std::ranges::find(known_tables, key.str()) == known_tables.end()) {
      errors.push_back(error_at(
          key.source(), fmt::format("unknown {} \"{}\"{}", value.is_table() ? "table" : "key",
                                    key.str(), did_you_mean(key.str(), known_tables))));
    } else if (!value.is_table()) {
      errors.push_back(error_at(key.source(), fmt::format("\"{}\" must be a table, not {}",
                                                          key.str(), type_words(value.type()))));
    }
  }
}

} // namespace

std::string config_error::text() const {
  if (file.empty()) {
    return what;
  }
  return line == 0 ? fmt::format("{}: {}", file, what)
                   : fmt::format("{}:{}:{}: {}", file, line, column, what);
}

// ---- section

bool section::present() const {
  return at_->table != nullptr;
}

bool section::has(std::string_view key) const {
  return at_->table != nullptr && at_->table->contains(key);
}

std::string section::text(std::string_view key, std::string_view otherwise) {
  const auto* value = ask_for(*at_, key);
  if (value != nullptr && !value->is_string()) {
    add_type_error(*tree_, *at_, key, *value, "a string");
    value = nullptr;
  }
  return value == nullptr ? std::string(otherwise) : value->as_string()->get();
}

bool section::boolean(std::string_view key, bool otherwise) {
  const auto* value = ask_for(*at_, key);
  if (value != nullptr && !value->is_boolean()) {
    add_type_error(*tree_, *at_, key, *value, "true or false");
    value = nullptr;
  }
  return value == nullptr ? otherwise : value->as_boolean()->get();
}

std::int64_t section::integer(std::string_view key, std::int64_t otherwise, std::int64_t min,
                              std::int64_t max) {
  const auto* value = ask_for(*at_, key);
  if (value == nullptr) {
    return otherwise;
  }
  if (!value->is_integer()) {
    add_type_error(*tree_, *at_, key, *value, "an integer");
    return otherwise;
  }
  const auto number = value->as_integer()->get();
  if (number < min || number > max) {
    add_value_error(*tree_, *at_, key, value->source(),
                    fmt::format("must be {} to {}, not {}", min, max, number));
    return otherwise;
  }
  return number;
}

std::vector<std::string> section::texts(std::string_view key, std::vector<std::string> otherwise) {
  const auto* value = ask_for(*at_, key);
  if (value == nullptr) {
    return otherwise;
  }
  if (!value->is_array()) {
    add_type_error(*tree_, *at_, key, *value, "an array of strings");
    return otherwise;
  }
  std::vector<std::string> out;
  for (const auto& element : *value->as_array()) {
    if (!element.is_string()) {
      add_type_error(*tree_, *at_, key, element, "an array of strings");
      return otherwise;
    }
    out.push_back(element.as_string()->get());
  }
  return out;
}

std::string section::choice(std::string_view key, std::string_view otherwise,
                            const std::vector<std::string_view>& choices) {
  auto chosen = text(key, otherwise);
  if (std::ranges::find(choices, chosen) == choices.end()) {
    reject(key, fmt::format("must be one of {}, not \"{}\"", fmt::join(choices, ", "), chosen));
    return std::string(otherwise);
  }
  return chosen;
}

section section::table(std::string_view key) {
  const auto* value = ask_for(*at_, key);
  if (value != nullptr && !value->is_table()) {
    add_type_error(*tree_, *at_, key, *value, "a table");
    value = nullptr;
  }
  return {*tree_, open(*tree_, {.path = join(at_->path, key),
                                .name = join(at_->name, key),
                                .table = value == nullptr ? nullptr : value->as_table(),
                                .at = value == nullptr ? at_->at : value->source(),
                                .asked = {}})};
}

std::vector<section> section::tables(std::string_view key) {
  const auto* value = ask_for(*at_, key);
  if (value == nullptr) {
    return {};
  }
  if (value->is_array() && value->as_array()->empty()) {
    return {};
  }
  const auto name = join(at_->name, key);
  if (!is_array_of_tables(*value)) {
    add_value_error(*tree_, *at_, key, value->source(),
                    fmt::format("must be an array of tables: [[{}]]", name));
    return {};
  }
  std::vector<section> out;
  for (const auto& element : *value->as_array()) {
    out.push_back(
        {*tree_, open(*tree_, {.path = join(at_->path, fmt::format("{}.{}", key, out.size())),
                               .name = name,
                               .table = element.as_table(),
                               .at = element.source(),
                               .asked = {}})});
  }
  return out;
}

std::vector<std::string> section::names() const {
  std::vector<std::string> out;
  if (at_->table != nullptr) {
    for (const auto& [key, value] : *at_->table) {
      out.emplace_back(key.str());
    }
  }
  return out;
}

void section::reject(std::string_view key, std::string_view why) {
  const auto* value = at_->table == nullptr ? nullptr : at_->table->get(key);
  add_value_error(*tree_, *at_, key, value == nullptr ? at_->at : value->source(), why);
}

// ---- config

std::expected<std::vector<config::source>, config_errors>
read_directory(const std::filesystem::path& directory) {
  std::error_code failure;
  std::filesystem::directory_iterator entries(directory, failure);
  if (failure && failure != std::errc::no_such_file_or_directory) {
    return std::unexpected(
        config_errors{{directory.string(), 0, 0, "cannot read: " + failure.message()}});
  }
  std::vector<std::filesystem::path> found;
  for (const auto& entry : entries) {
    if (entry.path().extension() == ".toml") {
      found.push_back(entry.path());
    }
  }
  if (found.size() > config_files_max) {
    return std::unexpected(config_errors{
        {directory.string(), 0, 0, fmt::format("more than {} files", config_files_max)}});
  }
  std::ranges::sort(found);
  std::vector<config::source> sources;
  for (const auto& path : found) {
    auto text = read_file(path, config_file_octets_max);
    if (!text) {
      return std::unexpected(config_errors{{"", 0, 0, text.error()}});
    }
    sources.push_back({path.string(), std::move(*text)});
  }
  return sources;
}

config::config(std::unique_ptr<config_tree> files)
    : tree_(std::move(files)) {}
config::config(config&&) noexcept = default;
config& config::operator=(config&&) noexcept = default;
config::~config() = default;

std::expected<config, config_errors> config::load(const std::filesystem::path& file,
                                                  bool must_exist) {
  const auto sources = read_sources(file, must_exist);
  return sources ? parse(*sources) : std::unexpected(sources.error());
}

std::expected<config, config_errors> config::parse(const std::vector<source>& sources) {
  auto tree = std::make_unique<config_tree>();
  if (!sources.empty()) {
    tree->whole.path = std::make_shared<const std::string>(sources.front().name);
  }
  for (const auto& file : sources) {
    if (auto deep = find_deep_line(file)) {
      return std::unexpected(config_errors{std::move(*deep)});
    }
    try {
      merge(tree->root, toml::parse(file.text, file.name), tree->errors);
    } catch (const toml::parse_error& failure) {
      return std::unexpected(
          config_errors{error_at(failure.source(), std::string(failure.description()))});
    }
  }
  if (!tree->errors.empty()) {
    return std::unexpected(std::move(tree->errors));
  }
  return config(std::move(tree));
}

section config::table(std::string_view name) {
  const auto* value = tree_->root.get(name);
  return {*tree_, open(*tree_, {.path = std::string(name),
                                .name = std::string(name),
                                .table = value == nullptr ? nullptr : value->as_table(),
                                .at = value == nullptr ? toml::source_region{} : value->source(),
                                .asked = {}})};
}

section config::root() {
  return {*tree_,
          open(*tree_,
               {.path = "", .name = "", .table = &tree_->root, .at = tree_->whole, .asked = {}})};
}

void config::add(const config_errors& elsewhere) {
  tree_->errors.insert(tree_->errors.end(), elsewhere.begin(), elsewhere.end());
}

config_errors config::finish() const {
  auto errors = tree_->errors;
  add_unknown_keys(*tree_, errors);
  const auto position = [](const config_error& e) {
    return std::tie(e.file, e.line, e.column, e.what);
  };
  std::ranges::sort(errors, {}, position);
  const auto repeated = std::ranges::unique(errors, {}, position);
  errors.erase(repeated.begin(), repeated.end());
  return errors;
}

std::vector<std::string> config::changed_since(const config& before) const {
  std::vector<std::string> out;
  for (const auto& [path, opened] : tree_->opened) {
    if (path.find('.') != std::string::npos) {
      continue; // within another one
    }
    const auto* is = opened.table;
    const auto* was = before.tree_->root[path].as_table();
    const bool same = is == nullptr || was == nullptr ? is == was : *is == *was;
    if (!same) {
      out.push_back(path);
    }
  }
  return out;
}

// ---- shared tables

namespace {

model::partition_rule read_partition_rule(section& table) {
  model::partition_rule out;
  if (table.choice("policy", "available", {"available", "majority"}) == "majority") {
    out.policy = model::partition_policy::majority;
  }
  out.managers = static_cast<std::size_t>(table.integer("managers", 0, 0, model::managers_max));
  if (out.policy == model::partition_policy::majority && out.managers == 0) {
    table.reject("policy", "needs managers = N beside it, how many managers there are: nobody can "
                           "tell what a majority is otherwise");
  }
  return out;
}

} // namespace

overlay_config read_overlay(config& from) {
  auto table = from.table("overlay");
  overlay_config out;
  out.files.certificate = table.text("certificate", "/etc/thor/tls/node.crt");
  out.files.key = table.text("key", "/etc/thor/tls/node.key");
  out.files.ca = table.text("ca", "/etc/thor/tls/ca.crt");
  out.files.crl_required = table.has("crl");
  out.files.crl = table.text("crl", "/etc/thor/tls/ca.crl");
  out.event_servers = table.texts("event_servers", {});
  for (const auto& server : out.event_servers) {
    if (const auto parsed = parse_endpoint(server, wire::default_port); !parsed) {
      table.reject("event_servers", "is wrong: " + parsed.error());
    }
  }
  out.resolvers = table.texts("resolvers", {});
  for (const auto& server : out.resolvers) {
    if (const auto parsed = parse_address_endpoint(server, dns_port); !parsed) {
      table.reject("resolvers", "is wrong: " + parsed.error());
    }
  }
  out.partition = read_partition_rule(table);
  out.state_dir = table.text("state_dir", "/var/lib/thor");
  out.run_dir = table.text("run_dir", "/run/thor");
  return out;
}

namespace {

/// The bounds that a presence has anyway.
void check_member(section& table, const member_config& how) {
  const auto any_id = model::node_id::parse("node");
  model::presence said{*any_id, {}, how.addresses, {}, how.site, {}, {}};
  if (said.addresses.empty()) {
    said.addresses.push_back(model::ip_address::v4({192, 0, 2, 1}));
  }
  if (const auto valid = model::validate(said); !valid) {
    table.reject("", "is out of bounds: " + valid.error().detail);
  }
}

} // namespace

member_config read_member(section& table) {
  member_config out;
  for (const auto& text : table.texts("addresses", {})) {
    if (const auto parsed = model::ip_address::parse(text)) {
      out.addresses.push_back(*parsed);
    } else {
      table.reject("addresses", fmt::format("has \"{}\", which is no IP address", text));
    }
  }
  const bool hold = table.choice("on_stop", "leave", {"leave", "hold"}) == "hold";
  const auto hold_s = table.integer("hold_s", 10, 1, hold_max.count());
  out.hold = std::chrono::seconds(hold ? hold_s : 0);
  out.site = table.text("site", "");
  check_member(table, out);
  return out;
}

std::expected<std::vector<model::ip_address>, std::string>
addresses_of(const member_config& how, const identity::peer& self, std::string_view table) {
  if (how.addresses.empty()) {
    return self.addresses;
  }
  for (const auto& address : how.addresses) {
    if (!self.addresses.empty() &&
        std::ranges::find(self.addresses, address) == self.addresses.end()) {
      return std::unexpected(
          fmt::format("addresses in [{}] has {}, which is no address of the certificate of {}",
                      table, address.text(), self.id.text()));
    }
  }
  return how.addresses;
}

log_level read_log_level(config& from) {
  const auto name = from.table("log").choice("level", "info", {"debug", "info", "warn", "error"});
  return name == "debug"   ? log_level::debug
         : name == "warn"  ? log_level::warn
         : name == "error" ? log_level::error
                           : log_level::info;
}

std::string read_metrics_listen(config& from, std::string_view program) {
  auto table = from.table("metrics");
  std::string ours;
  for (const auto& daemon : daemons) {
    const auto where = table.text(daemon, "");
    if (const auto parsed = parse_address_endpoint(where); !where.empty() && !parsed) {
      table.reject(daemon, "is wrong: " + parsed.error());
    }
    if (daemon == program) {
      ours = where;
    }
  }
  return ours;
}

} // namespace thor::runtime
