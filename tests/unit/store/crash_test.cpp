// An edit whose process ends at any of its steps is there as a whole or not at all, and is there
// when its outcome was told.
#include "schema/store/operator_store.hpp"
#include "tests/unit/store/crashing_disk.hpp"
#include "tests/unit/store/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <iostream>

namespace thor::store {
namespace {

namespace fs = std::filesystem;

/// A zone that is the operator's alone.
class plain_rules final : public edit_rules {
 public:
  std::string not_served(const operator_zone& /*in*/) override { return ""; }
  std::string reserved(const operator_zone& /*in*/, const zone::name& /*owner*/,
                       zone::rr_type /*type*/) override {
    return "";
  }
  bool is_synthesised(const operator_zone& /*in*/) override { return false; }
  std::vector<zone::rrset> unless_said(const operator_zone& /*in*/) override { return {}; }
  std::expected<zone::rdata, std::string> read(const zone::name& /*owner*/, zone::rr_type type,
                                               const zone::written_record& written) override {
    return value_of(zone::parse_rdata(type, written.content));
  }
  std::vector<std::string> misplaced(const operator_zone& /*in*/,
                                     std::span<const operator_record> /*records*/) override {
    return {};
  }
};

zone::edit another_zone() {
  zone::zone_edit whole{"example"_n, true, {}};
  for (int i = 0; i < 40; ++i) {
    const auto owner = value_of(zone::name::parse("new" + std::to_string(i) + ".example"));
    whole.steps.push_back({zone::rrset_edit::kind::add,
                           owner,
                           "TXT",
                           {{"TXT", 60, '"' + std::string(200, 'n') + '"'}}});
  }
  return whole;
}

zone::edit a_key() {
  return zone::key_addition{
      "example"_n,
      {0, 257, true, true, "Private-key-format: v1.2\nAlgorithm: 13\n" + std::string(300, 'k')}};
}

/// After every few pages the log goes into the database, within the commit.
int checkpoint_soon(sqlite3* db, const char** /*why*/, const void* /*functions*/) {
  return sqlite3_wal_autocheckpoint(db, 4);
}

/// What the child tells of an edit that returned.
struct report {
  bool done = false;
  bool synced = false;
  std::uint64_t steps = 0;
};

class a_crash : public testing::Test {
 protected:
  a_crash() {
    auto store = value_of(operator_store::open(origin_));
    value_of(store.ensure_domain("example"_n));
    sql(origin_, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) "
                 "INSERT INTO records (domain_id, name, type, content) "
                 "SELECT 1, 'old' || i || '.example', 'TXT', '\"' || i || '\"' FROM n; "
                 "UPDATE domains SET serial = 7");
  }

  /// Runs the edit in a process that ends at step `last`; nothing when it did not get to the end.
  std::optional<report> run(const zone::edit& wanted, ending how, std::uint64_t last) {
    for (const auto* suffix : {"", "-wal", "-shm"})
      fs::copy_file(origin_.string() + suffix, file_.string() + suffix,
                    fs::copy_options::overwrite_existing);
    std::array<int, 2> pipe{};
    if (::pipe(pipe.data()) != 0)
      throw std::runtime_error("pipe");
    const pid_t child = ::fork();
    if (child == 0) {
      sqlite3_auto_extension(reinterpret_cast<void (*)()>(checkpoint_soon));
      crashing_disk::install(how, last);
      {
        auto store = value_of(operator_store::open(file_));
        plain_rules rules;
        const bool done = value_of(store.apply(wanted, rules)).done;
        const report told{done, crashing_disk::is_synced(), crashing_disk::steps()};
        if (::write(pipe[1], &told, sizeof told) != sizeof told)
          ::_exit(2);
      }
      ::_exit(0);
    }
    ::close(pipe[1]);
    report told;
    const bool returned = ::read(pipe[0], &told, sizeof told) == sizeof told;
    ::close(pipe[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(last == 0 ? WIFEXITED(status) && WEXITSTATUS(status) == 0
                          : WIFEXITED(status) || WTERMSIG(status) == SIGKILL)
        << "status " << status;
    if (how == ending::lost)
      fs::remove(file_.string() + "-shm"); // memory
    return returned ? std::optional(told) : std::nullopt;
  }

  /// What people would see of it.
  static std::vector<std::string> contents(const fs::path& file) {
    {
      auto store = value_of(operator_store::open(file));
      EXPECT_TRUE(value_of(store.read()).quarantined.empty());
    }
    auto all = rows(file, "SELECT name, type, content FROM records ORDER BY name");
    for (const auto* query : {"SELECT serial > 7 FROM domains", "SELECT content FROM cryptokeys",
                              "PRAGMA integrity_check"})
      for (auto& row : rows(file, query))
        all.push_back(std::move(row));
    return all;
  }

  void expect_old_or_new_at_every_step(const zone::edit& wanted) {
    const auto before = contents(origin_);
    const auto whole = run(wanted, ending::killed, 0);
    ASSERT_TRUE(whole && whole->done);
    EXPECT_TRUE(whole->synced) << "an outcome is told of what would not survive a loss of power";
    const auto after = contents(file_);
    ASSERT_NE(before, after);
    for (const auto how : {ending::killed, ending::torn, ending::lost}) {
      std::uint64_t old_ones = 0;
      std::uint64_t new_ones = 0;
      // A few more than there are, for those of closing the database.
      for (std::uint64_t last = 1; last <= whole->steps + closing_steps; ++last) {
        const bool returned = run(wanted, how, last).has_value();
        const auto found = contents(file_);
        ASSERT_TRUE(found == before || found == after) << "a mix, at step " << last;
        ASSERT_TRUE(!returned || found == after) << "told and lost, at step " << last;
        ++(found == before ? old_ones : new_ones);
      }
      EXPECT_GT(old_ones, 0U);
      EXPECT_GT(new_ones, closing_steps);
      std::cout << "[   steps  ] " << whole->steps << " and " << closing_steps << " of closing, "
                << names.at(static_cast<std::size_t>(how)) << " at each: " << old_ones << " old, "
                << new_ones << " new\n";
    }
  }

  static constexpr std::uint64_t closing_steps = 8;
  static constexpr std::array names{"killed", "torn", "without power"};
  temporary_directory directory_;
  fs::path origin_ = directory_ / "origin.sqlite3";
  fs::path file_ = directory_ / "operator.sqlite3";
};

TEST_F(a_crash, leaves_the_old_zone_or_the_new_one) {
  expect_old_or_new_at_every_step(another_zone());
}

TEST_F(a_crash, leaves_a_key_or_none) {
  expect_old_or_new_at_every_step(a_key());
}

} // namespace
} // namespace thor::store
