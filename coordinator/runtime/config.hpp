// The configuration: thor.toml and conf.d/*.toml beside it, one set of files for all programs of a
// machine.
//
// Files are merged in name order, thor.toml first: a later value replaces an earlier one, tables
// are merged key by key, arrays of tables grow. A program opens the tables it knows and asks for
// each key with its default and range. The getters never fail: what is wrong is collected with its
// position, and finish() returns all of it at once, together with every key that nobody asked for.
// Values read must not be used before finish() has agreed.
//
// A section points into its config (which may be moved) and must not outlive it. One thread.
#pragma once

#include "coordinator/identity/x509/credentials.hpp"
#include "coordinator/model/policy.hpp"
#include "coordinator/runtime/log.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thor::runtime {

inline constexpr std::string_view default_config_file = "/etc/thor/thor.toml";
/// A larger configuration file is refused.
inline constexpr std::size_t config_file_octets_max = 64U << 10;
/// Dots and brackets outside strings in one line: how deep it can nest tables, which the parser
/// follows by recursion.
inline constexpr std::size_t config_line_depth_max = 64;
inline constexpr std::size_t config_files_max = 256;

struct config_error {
  std::string file;       ///< "" = about what is in no file
  std::uint32_t line = 0; ///< from 1; 0 = the file as a whole
  std::uint32_t column = 0;
  std::string what;

  /// "thor.toml:12:3: unknown key \"prot\" in [dns] (did you mean \"port\"?)"
  [[nodiscard]] std::string text() const;
};
using config_errors = std::vector<config_error>;

struct config_tree;
struct opened_table;

/// One table. An absent table answers every getter with the default.
class section {
 public:
  /// The table is in the files.
  [[nodiscard]] bool present() const;
  /// The key is in the table. Does not count as asking for it.
  [[nodiscard]] bool has(std::string_view key) const;

  std::string text(std::string_view key, std::string_view otherwise);
  bool boolean(std::string_view key, bool otherwise);
  std::int64_t integer(std::string_view key, std::int64_t otherwise, std::int64_t min,
                       std::int64_t max);
  std::vector<std::string> texts(std::string_view key, std::vector<std::string> otherwise);
  /// One of `choices`.
  std::string choice(std::string_view key, std::string_view otherwise,
                     const std::vector<std::string_view>& choices);

  /// A table in this table: "soa" of [dns].
  section table(std::string_view key);
  /// An array of tables: [[dns.name_server]]. `name_server = []` is one without any.
  std::vector<section> tables(std::string_view key);
  /// The keys of a table whose keys are the operator's: [node.attributes], [node.role.*]. The
  /// caller asks for each.
  [[nodiscard]] std::vector<std::string> names() const;

  /// Adds an error at the key's place, or at the table's when the key is absent or "": for what
  /// only the program can judge. `why` completes a sentence about the value: "is no address".
  void reject(std::string_view key, std::string_view why);

 private:
  friend class config;
  section(config_tree& tree, opened_table& at)
      : tree_(&tree)
      , at_(&at) {}
  config_tree* tree_;
  opened_table* at_;
};

class config {
 public:
  struct source {
    std::string name; ///< shown in errors
    std::string text;
  };

  /// Reads `file` and conf.d/*.toml in its directory. A missing `file` is an error only when
  /// `must_exist`: a member needs no configuration beyond its certificate.
  static std::expected<config, config_errors> load(const std::filesystem::path& file,
                                                   bool must_exist);
  /// The same from memory, merged in the given order.
  static std::expected<config, config_errors> parse(const std::vector<source>& sources);

  config(config&&) noexcept;
  config& operator=(config&&) noexcept;
  ~config();

  /// A top-level table, [overlay].
  section table(std::string_view name);

  /// The whole file as one table, for files with a format of their own: whoever opens it knows
  /// every top-level key.
  section root();

  /// What is wrong in files that this configuration names; finish() tells it with the rest.
  void add(const config_errors& elsewhere);

  /// All that is wrong, by position: values of the wrong type or range, rejected values, unknown
  /// keys in the opened tables, unknown top-level tables. Other programs' tables are not looked
  /// into.
  [[nodiscard]] config_errors finish() const;

  /// The opened top-level tables that say something else than in `before`, in name order.
  [[nodiscard]] std::vector<std::string> changed_since(const config& before) const;

 private:
  explicit config(std::unique_ptr<config_tree> files);
  std::unique_ptr<config_tree> tree_;
};

/// *.toml in a directory, in name order; none when there is no such directory.
std::expected<std::vector<config::source>, config_errors>
read_directory(const std::filesystem::path& directory);

/// The table [overlay], which all programs share.
struct overlay_config {
  identity::x509::files files;
  std::vector<std::string> event_servers; ///< "host:port"; empty = SRV
  std::vector<std::string> resolvers;     ///< "address:port"; empty = the system's
  model::partition_rule partition;        ///< keys `policy` and `managers`
  std::filesystem::path state_dir;
  std::filesystem::path run_dir;
};
overlay_config read_overlay(config& from);

inline constexpr std::chrono::seconds hold_max{600};

/// What the tables of programs that announce themselves have in common: [node], [database].
struct member_config {
  std::vector<model::ip_address>
      addresses; ///< empty = those of the certificate, else the local one
  /// How long the others are asked to keep us when the process is told to stop; 0 = we leave.
  std::chrono::seconds hold{0};
  std::string site;
};
member_config read_member(section& table);

/// What to announce: the configured addresses, or those of the certificate; empty for the client to
/// fill in. The error names the one that the certificate does not allow, because no event server
/// would accept it; `table` is where it stands.
std::expected<std::vector<model::ip_address>, std::string>
addresses_of(const member_config& how, const identity::peer& self, std::string_view table);

/// The table [log].
log_level read_log_level(config& from);

/// The table [metrics]: where the program of that name answers GET /metrics, "address:port"; "" =
/// nowhere. Its keys are the names of the daemons.
std::string read_metrics_listen(config& from, std::string_view program);

} // namespace thor::runtime
