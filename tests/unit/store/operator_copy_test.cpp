// One writer, many name servers: what a copy brings over, what it leaves alone, and who may write.
#include "schema/store/operator_store.hpp"
#include "tests/unit/store/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const model::unix_time at{std::chrono::seconds{1'700'000'000}};
const model::writer_claim by_dns1{0, "dns1"};
const model::writer_claim by_dns2{1, "dns2"};

class operator_copies : public testing::Test {
 protected:
  operator_copies() {
    value_of(writer_.lead(by_dns1));
    value_of(writer_.ensure_domain("example"_n));
    value_of(follower_.follow(by_dns1));
    sql(from_, "INSERT INTO records (domain_id, name, type, content) VALUES "
               "(1, 'a.example', 'A', '192.0.2.1'), (1, 'b.example', 'A', '192.0.2.2')");
  }

  /// One round of copying.
  void copy() { EXPECT_EQ(value_of(follower_.apply_copy(value_of(writer_.read_copy()), at)), ""); }

  static std::vector<std::string> all_rows(const std::filesystem::path& file) {
    std::vector<std::string> all;
    for (const auto* query :
         {"SELECT * FROM domains", "SELECT * FROM records ORDER BY id",
          "SELECT * FROM domainmetadata", "SELECT * FROM templates",
          "SELECT * FROM template_records", "SELECT * FROM cryptokeys", "SELECT * FROM tsigkeys",
          "SELECT * FROM sqlite_sequence", "SELECT * FROM revision"})
      for (auto& row : rows(file, query))
        all.push_back(std::move(row));
    return all;
  }

  temporary_directory directory_;
  std::filesystem::path from_ = directory_ / "writer.sqlite3";
  std::filesystem::path to_ = directory_ / "follower.sqlite3";
  operator_store writer_ = value_of(operator_store::open(from_));
  operator_store follower_ = value_of(operator_store::open(to_));
};

TEST_F(operator_copies, are_the_same_rows_and_the_same_revision) {
  copy();
  EXPECT_EQ(all_rows(to_), all_rows(from_));
  EXPECT_EQ(value_of(follower_.state()), value_of(writer_.state()));
  EXPECT_EQ(value_of(follower_.read()).records.size(), 2U);
}

TEST_F(operator_copies, follow_every_kind_of_change) {
  value_of(writer_.ensure_domain("gone.example"_n));
  value_of(writer_.ensure_domain("one.example"_n));
  value_of(writer_.ensure_domain("two.example"_n));
  value_of(writer_.set_metadata(1, "ALSO-NOTIFY", {"192.0.2.53", "192.0.2.54"}));
  copy();
  sql(from_, "UPDATE records SET content = '192.0.2.9' WHERE name = 'a.example';"
             "DELETE FROM records WHERE name = 'b.example';"
             "INSERT INTO records (id, domain_id, name, type, content) "
             "VALUES (2, 1, 'c.example', 'A', '192.0.2.3');"
             "DELETE FROM domains WHERE name = 'gone.example';"
             // What is unique changes hands.
             "UPDATE domains SET name = 'x' WHERE id = 3;"
             "UPDATE domains SET name = 'one.example' WHERE id = 4;"
             "UPDATE domains SET name = 'two.example' WHERE id = 3;"
             "DELETE FROM domainmetadata WHERE content = '192.0.2.53';"
             "UPDATE template_records SET ttl = 5 WHERE name = '@';"
             "INSERT INTO templates (name) VALUES ('mine');"
             "INSERT INTO cryptokeys (domain_id, flags, active, content) VALUES (1, 257, 1, 'k');"
             "INSERT INTO tsigkeys (name, algorithm, secret) VALUES ('t', 'hmac-sha256', 'eA==');"
             "INSERT INTO domains (name, template) VALUES ('hosted.example', 'mine')");
  copy();
  EXPECT_EQ(all_rows(to_), all_rows(from_));
}

TEST_F(operator_copies, keep_ids_from_being_given_again) {
  value_of(writer_.ensure_domain("gone.example"_n));
  sql(from_, "DELETE FROM domains WHERE name = 'gone.example'");
  copy();
  value_of(follower_.lead(by_dns2));
  EXPECT_EQ(value_of(follower_.ensure_domain("next.example"_n)), 3U);
}

TEST_F(operator_copies, bring_whatever_stands_in_a_row) {
  sql(from_, "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;"
             "INSERT INTO records (domain_id, name, type, content, ttl) VALUES "
             "(99, 'nowhere.example', 'A', '192.0.2.1', -1),"
             "(1, 'x.example', 'TXT', '\"quote \\ \"' || char(0, 1, 10) || 'ünï', 5),"
             "(1, 'y.example', 'TXT', CAST(x'ff00fe' AS TEXT), 5)");
  copy();
  EXPECT_EQ(all_rows(to_), all_rows(from_));
  EXPECT_EQ(rows(to_, "SELECT hex(content) FROM records WHERE name = 'y.example'"),
            (std::vector<std::string>{"FF00FE"}));
  EXPECT_EQ(value_of(follower_.state()), value_of(writer_.state()));
}

TEST_F(operator_copies, are_noticed_like_any_other_write) {
  copy();
  value_of(follower_.read());
  EXPECT_FALSE(value_of(follower_.changed()));
  copy();
  EXPECT_TRUE(value_of(follower_.changed()));
}

TEST_F(operator_copies, of_many_rows_come_in_bounded_parts) {
  sql(from_, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
             "INSERT INTO records (domain_id, name, type, content) "
             "SELECT 1, 'n' || i || '.example', 'A', '192.0.2.7' FROM n");
  const auto all = value_of(writer_.read_copy());
  EXPECT_GT(all.parts.size(), 4U);
  for (const auto& part : all.parts)
    EXPECT_LE(part.rows.size(), 256U << 10);
  copy();
  EXPECT_EQ(value_of(follower_.state()), value_of(writer_.state()));
  EXPECT_EQ(value_of(follower_.read()).records.size(), 20'002U);
}

TEST_F(operator_copies, that_are_not_what_the_writer_has_change_nothing) {
  copy();
  const auto before = all_rows(to_);
  sql(from_, "DELETE FROM records WHERE name = 'a.example'");
  auto all = value_of(writer_.read_copy());
  all.state.digest ^= 1;
  const auto applied = follower_.apply_copy(all, at);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, errc::differs);
  EXPECT_EQ(all_rows(to_), before);
}

TEST_F(operator_copies, whose_rows_are_changed_on_the_way_in_change_nothing) {
  // SQLite turns the text into the integer that the column is for: another row than was sent.
  auto all = value_of(writer_.read_copy());
  const std::string row = R"([1,1,"a.example","A","192.0.2.1",300,0])";
  for (auto& part : all.parts)
    if (part.table == "records")
      part.rows.replace(part.rows.find(row), row.size(),
                        R"([1,1,"a.example","A","192.0.2.1","300",0])");
  const auto applied = follower_.apply_copy(all, at);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, errc::differs);
  EXPECT_THAT(rows(to_, "SELECT * FROM records"), IsEmpty());
}

TEST_F(operator_copies, of_another_version_are_refused_with_the_reason) {
  const auto refused = [&](const model::copied_rows& part) {
    const auto applied = follower_.apply_copy({{part}, {}, {}}, at);
    return applied ? std::string("applied") : applied.error().detail;
  };
  EXPECT_THAT(refused({"tsigkeys", "id, name", "[]"}),
              HasSubstr("the table tsigkeys (id, name) is not known here: the writer runs another "
                        "version of Thor"));
  EXPECT_THAT(refused({"domains", "id, name", "[]"}), HasSubstr("domains (id, name)"));
  for (const auto* bad :
       {"", "{}", "[1]", "[[1]]", R"([[1,2.5]])", R"([[1,{}]])", R"([[1,{"hex":"f"}]])",
        R"([[1,{"hex":"zz"}]])", R"([[1,true]])", R"([[1,"a",2]])"})
    EXPECT_THAT(refused({"domains", "id, name", bad}), HasSubstr("domains")) << bad;
  EXPECT_THAT(rows(to_, "SELECT * FROM domains"), IsEmpty());
}

TEST_F(operator_copies, refuse_writes_with_a_sentence_that_names_the_writer) {
  copy();
  const std::string sentence =
      "this database follows dns1: write there, or run thor-dns promote here";
  for (const auto* write :
       {"INSERT INTO records (domain_id, name, type, content) VALUES (1, 'x.example', 'A', '::')",
        "UPDATE records SET ttl = 1", "DELETE FROM records", "DELETE FROM domains",
        "UPDATE domains SET name = 'x'", "INSERT INTO domains (name) VALUES ('x')",
        "INSERT INTO domainmetadata (domain_id, kind, content) VALUES (1, 'X', 'y')",
        "INSERT INTO cryptokeys (domain_id, flags, active, content) VALUES (1, 257, 1, 'k')",
        "INSERT INTO tsigkeys (name, algorithm, secret) VALUES ('t', 'hmac-sha256', 'eA==')"}) {
    try {
      sql(to_, write);
      ADD_FAILURE() << write;
    } catch (const SQLite::Exception& refusal) {
      EXPECT_EQ(refusal.what(), sentence) << write;
    }
  }
  const auto removed = follower_.remove_record(1);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, errc::follower);
  EXPECT_THAT(removed.error().detail, HasSubstr(sentence));
  EXPECT_EQ(value_of(follower_.state()), value_of(writer_.state()));
}

TEST_F(operator_copies, name_another_writer_when_there_is_one) {
  value_of(follower_.follow({4, "dns3"}));
  EXPECT_THAT(follower_.remove_record(1).error().detail, Not(HasSubstr("dns3")))
      << "no row, nothing to refuse";
  EXPECT_THAT(rows(to_, "SELECT count(*) > 8 FROM sqlite_schema WHERE sql LIKE '%follows dns3:%'"),
              ElementsAre("1"));
  EXPECT_THAT(rows(to_, "SELECT name FROM sqlite_schema WHERE sql LIKE '%follows dns1:%'"),
              IsEmpty());
}

TEST_F(operator_copies, bring_back_the_refusal_when_somebody_removed_it) {
  copy();
  const std::string insert =
      "INSERT INTO domainmetadata (domain_id, kind, content) VALUES (1, 'X', 'y')";
  sql(to_, "DROP TRIGGER follower_refuses_INSERT_domainmetadata; " + insert);
  copy();
  EXPECT_EQ(all_rows(to_), all_rows(from_));
  EXPECT_THROW(sql(to_, insert), SQLite::Exception);
}

TEST_F(operator_copies, take_writes_after_a_promotion) {
  copy();
  value_of(follower_.lead(by_dns2));
  sql(to_, "UPDATE records SET ttl = 1 WHERE id = 1");
  EXPECT_GT(value_of(follower_.state()).revision, value_of(writer_.state()).revision);
  EXPECT_EQ(value_of(follower_.standing()), (writer_standing{by_dns2, false, true}));
}

TEST_F(operator_copies, of_a_new_name_server_have_its_domain_until_the_first) {
  EXPECT_EQ(value_of(follower_.ensure_domain("example"_n)), 1U);
  EXPECT_EQ(value_of(follower_.state()).revision, 0U) << "no edit of its own";
  copy();
  EXPECT_EQ(all_rows(to_), all_rows(from_));
}

// ---- a writer that comes back

TEST_F(operator_copies, nobody_has_of_the_last_edits_are_set_aside) {
  copy();
  value_of(follower_.lead(by_dns2));
  sql(from_, "INSERT INTO records (domain_id, name, type, content) "
             "VALUES (1, 'last.example', 'A', '192.0.2.99')");
  value_of(writer_.follow(by_dns2));
  const auto kept = value_of(writer_.apply_copy(value_of(follower_.read_copy()), at));
  EXPECT_EQ(kept, from_.string() + ".superseded-1700000000");
  EXPECT_EQ(mode_of(kept), 0600);
  EXPECT_THAT(rows(kept, "SELECT name FROM records WHERE content = '192.0.2.99'"),
              ElementsAre("last.example"));
  EXPECT_EQ(all_rows(from_), all_rows(to_));
  EXPECT_EQ(value_of(writer_.apply_copy(value_of(follower_.read_copy()), at)), "") << "once";
}

TEST_F(operator_copies, of_all_edits_leave_nothing_to_set_aside) {
  copy();
  value_of(follower_.lead(by_dns2));
  sql(to_, "UPDATE records SET ttl = 1");
  value_of(writer_.follow(by_dns2));
  EXPECT_EQ(value_of(writer_.apply_copy(value_of(follower_.read_copy()), at)), "");
  EXPECT_EQ(all_rows(from_), all_rows(to_));

  // Also when more than one has written since.
  operator_store third = value_of(operator_store::open(directory_ / "third.sqlite3"));
  value_of(third.follow(by_dns2));
  EXPECT_EQ(value_of(third.apply_copy(value_of(follower_.read_copy()), at)), "");
  value_of(third.lead({2, "dns3"}));
  EXPECT_EQ(value_of(third.ensure_domain("more.example"_n)), 2U);
  value_of(follower_.follow({2, "dns3"}));
  EXPECT_EQ(value_of(follower_.apply_copy(value_of(third.read_copy()), at)), "");
}

TEST_F(operator_copies, that_cannot_be_read_set_nothing_aside) {
  value_of(writer_.follow(by_dns2));
  EXPECT_FALSE(writer_.apply_copy({{{"domains", "id", "[]"}}, {}, {}}, at));
  EXPECT_FALSE(writer_.apply_copy({{}, {1, 1}, {}}, at));
  EXPECT_FALSE(std::filesystem::exists(from_.string() + ".superseded-1700000000"));
}

TEST_F(operator_copies, remember_only_the_last_takeovers) {
  copy();
  for (std::uint64_t term = 1; term <= 40; term += 2) {
    value_of(follower_.lead({term, "dns2"}));
    value_of(follower_.follow({term + 1, "dns1"}));
  }
  const auto known = value_of(follower_.read_copy()).takeovers;
  ASSERT_EQ(known.size(), model::takeovers_max);
  EXPECT_EQ(known.back().term, 39U);
}

} // namespace
} // namespace thor::store
