#include "backend/answer/answer_table.hpp"
#include "tests/support/synthetic_zone.hpp"
#include "zone/denial/nsec3.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace thor::backend {
namespace {

using test::name_of;
using test::rrset_of;
using testing::HasSubstr;

constexpr std::string_view apex = "e.example.";

using metadata_by_apex = std::map<zone::name, zone_metadata>;

const zone::dnssec_key some_key{.id = 1, .flags = 257, .active = true, .content = "secret"};

zone_metadata nsec3(std::string parameters, std::string narrow = "0") {
  return {{"NSEC3PARAM", {std::move(parameters)}}, {"NSEC3NARROW", {std::move(narrow)}}};
}

constexpr std::chrono::milliseconds some_time = std::chrono::seconds(1'736'000'000);

struct signed_zone {
  zone_metadata metadata{};
  bool has_keys = true;
  bool known = true;
  std::uint32_t id = 7;
  std::vector<std::string> nodes{"n1", "n2"};
  std::vector<zone::rrset> more{};
  std::chrono::milliseconds at = some_time;
};

std::shared_ptr<const answer_table> table_of(const signed_zone& of,
                                             const answer_table* previous = nullptr) {
  using enum zone::rr_type;
  zone::zone_input input{.apex = name_of(apex), .id = of.id, .soa = {}, .soa_ttl_s = 300};
  input.rrsets = {rrset_of("e.example.", ns, 300, {"ns1.elsewhere."}),
                  rrset_of(R"(odd\.\"label.e.example.)", a, 30, {"192.0.2.3"}),
                  rrset_of("sub.e.example.", ns, 30, {"ns.sub.e.example."}),
                  rrset_of("ns.sub.e.example.", a, 30, {"192.0.2.4"})};
  for (const std::string& node : of.nodes) {
    input.rrsets.push_back(rrset_of(node + ".node.e.example.", a, 30, {"192.0.2.1"}));
  }
  input.rrsets.insert(input.rrsets.end(), of.more.begin(), of.more.end());
  input.promised = {{name_of("node.e.example."), true}};
  input.dynamic_known = of.known;
  auto known = std::make_shared<secrets>();
  if (of.has_keys) {
    known->keys.emplace(name_of(apex), std::vector{some_key});
  }
  return answer_table::build({.zones = test::snapshot_of({zone::build(input, nullptr).zone}),
                              .metadata = std::make_shared<const metadata_by_apex>(
                                  metadata_by_apex{{name_of(apex), of.metadata}}),
                              .secrets = std::move(known),
                              .server_id = "ns1",
                              .complete = true,
                              .unix_time = of.at},
                             previous);
}

struct asked {
  outcome what = outcome::answered;
  std::string text;
};

asked ask(const answer_table& table, std::string_view relative, std::optional<std::uint32_t> id = 7,
          std::chrono::milliseconds at = some_time) {
  asked out;
  out.what =
      answer(&table, neighbours_request{id, name_of(relative)}, at, connector::http, out.text).what;
  return out;
}

std::string label_of(std::string_view owner) {
  const zone::name name = name_of(owner);
  const zone::nsec3_label label = zone::to_label(zone::hash_names({&name}, {}).front());
  return {label.data(), label.size()};
}

TEST(denial_answer, nsec_names_are_relative_and_the_owner_of_the_first_is_absolute) {
  const auto table = table_of({});
  EXPECT_EQ(ask(*table, ".").text,
            R"({"result":{"before":".","after":"n1.node.","unhashed":"e.example."}})");
  EXPECT_EQ(
      ask(*table, "n1.node.").text,
      R"({"result":{"before":"n1.node.","after":"n2.node.","unhashed":"n1.node.e.example."}})");
  EXPECT_EQ(
      ask(*table, "n10.node").text,
      R"({"result":{"before":"n1.node.","after":"n2.node.","unhashed":"n1.node.e.example."}})");
  EXPECT_EQ(ask(*table, "x.sub").text,
            R"({"result":{"before":"sub.","after":".","unhashed":"sub.e.example."}})");
}

TEST(denial_answer, names_with_escapes_are_json) {
  EXPECT_EQ(ask(*table_of({}), "odd0").text,
            R"({"result":{"before":"odd\\.\\\"label.","after":"sub.",)"
            R"("unhashed":"odd\\.\\\"label.e.example."}})");
}

TEST(denial_answer, nsec3_names_are_hashes_and_the_owner_of_the_first_is_absolute) {
  const auto table = table_of({.metadata = nsec3("1 0 0 -")});
  const std::string node = label_of("node.e.example.");
  const asked got = ask(*table, node + ".");
  EXPECT_EQ(got.what, outcome::answered);
  EXPECT_THAT(got.text, HasSubstr(R"({"result":{"before":")" + node + R"(","after":")"));
  EXPECT_THAT(got.text, HasSubstr(R"(","unhashed":"node.e.example."}})"));
}

TEST(denial_answer, a_zone_without_order_has_no_result) {
  const std::string hash(32, '0');
  for (const auto& table :
       {table_of({.has_keys = false}), table_of({.metadata = nsec3("1 0 0 -", "1")}),
        table_of({.metadata = nsec3("nonsense")}), table_of({.known = false})}) {
    const asked got = ask(*table, hash);
    EXPECT_EQ(got.what, outcome::not_ready);
    EXPECT_THAT(got.text, Not(HasSubstr("result")));
  }
}

TEST(denial_answer, a_name_that_is_no_hash_or_a_zone_that_is_none_has_no_result) {
  const auto table = table_of({.metadata = nsec3("1 0 0 -")});
  EXPECT_EQ(ask(*table, "n1.node").what, outcome::not_ready);
  EXPECT_EQ(ask(*table, std::string(32, '0')).what, outcome::answered);
  EXPECT_EQ(ask(*table, std::string(32, '0'), 8).what, outcome::not_ready);
  EXPECT_EQ(ask(*table, std::string(32, '0'), std::nullopt).what, outcome::not_ready);
}

TEST(denial_answer, other_parameters_are_another_order_and_all_of_it_settles) {
  const auto settled = some_time + settling_time;
  const auto plain = table_of({});
  const auto hashed = table_of({.metadata = nsec3("1 0 0 -")}, plain.get());
  const auto salted = table_of({.metadata = nsec3("1 0 0 ab")}, hashed.get());
  const auto back = table_of({}, salted.get());
  const std::string zero(32, '0');
  EXPECT_EQ(ask(*salted, zero).what, outcome::not_ready);
  EXPECT_EQ(ask(*salted, zero, 7, settled).text,
            ask(*table_of({.metadata = nsec3("1 0 0 ab")}), zero).text);
  EXPECT_NE(ask(*salted, zero, 7, settled).text, ask(*hashed, zero, 7, settled).text);
  EXPECT_EQ(ask(*back, "m", 7, settled).text, ask(*plain, "m").text);
}

TEST(denial_answer, what_denies_a_name_otherwise_than_before_is_not_told_until_that_has_settled) {
  const std::vector<std::string> owners{"n1.node", "n2.node", "n3.node", "x.n3.node", "node", "z"};
  const auto later = some_time + settling_time - std::chrono::milliseconds(1);
  for (const bool hashed : {false, true}) {
    const auto table = [&](std::vector<std::string> nodes, std::chrono::milliseconds at,
                           const answer_table* previous) {
      return table_of({.metadata = hashed ? nsec3("1 0 0 -") : zone_metadata(),
                       .nodes = std::move(nodes),
                       .at = at},
                      previous);
    };
    const auto before = table({"n1", "n2"}, some_time, nullptr);
    const auto after = table({"n1", "n3"}, some_time, before.get());
    const auto further = table({"n1", "n2"}, later, after.get());
    const auto scratch = table({"n1", "n3"}, some_time, nullptr);
    std::size_t settling = 0;
    for (const std::string& owner : owners) {
      const std::string labels = hashed ? label_of(owner + ".e.example.") : owner;
      const auto told = [&](const answer_table& by, std::chrono::milliseconds at) {
        return ask(by, labels, 7, at).what == outcome::answered;
      };
      const bool alike = ask(*before, labels).text == ask(*scratch, labels).text;
      settling += alike ? 0 : 1;
      EXPECT_TRUE(told(*before, some_time)) << owner;
      EXPECT_EQ(told(*after, some_time), alike) << owner;
      EXPECT_EQ(told(*after, later), alike) << owner;
      EXPECT_TRUE(told(*after, some_time + settling_time)) << owner;
      EXPECT_TRUE(told(*after, some_time - std::chrono::hours(1))) << owner << ": the clock jumped";
      EXPECT_EQ(ask(*after, labels, 7, some_time + settling_time).text, ask(*scratch, labels).text);
      // Back to what was before, it differs from what was in between.
      EXPECT_EQ(told(*further, some_time + settling_time), alike) << owner;
      EXPECT_TRUE(told(*further, later + settling_time)) << owner;
    }
    EXPECT_GE(settling, 2);
    EXPECT_LT(settling, owners.size());
  }
}

TEST(denial_answer, a_record_of_other_types_settles_too) {
  const auto with = [&](zone::rr_type type, const std::string& content,
                        const answer_table* previous) {
    return table_of({.more = {rrset_of("n1.node.e.example.", type, 30, {content})}}, previous);
  };
  const auto before = with(zone::rr_type::a, "192.0.2.9", nullptr);
  const auto same_types = with(zone::rr_type::a, "192.0.2.10", before.get());
  const auto other_types = with(zone::rr_type::txt, "\"t\"", before.get());
  EXPECT_EQ(ask(*same_types, "n1.node").what, outcome::answered);
  EXPECT_EQ(ask(*other_types, "n1.node").what, outcome::not_ready);
  EXPECT_EQ(ask(*other_types, "n2.node").what, outcome::answered);
}

TEST(denial_answer, an_order_written_on_another_thread_is_taken_over) {
  // Nothing but the answers tells whose it is: that of the written table may not be anybody else's.
  const auto zones = test::snapshot_of({build(test::synthetic_zone{.members = 3})});
  const auto known = std::make_shared<const secrets>(
      secrets{.keys = {{name_of("sip.example.com."), {some_key}}}, .tsig_keys = {}});
  table_input input{.zones = test::snapshot_of({}),
                    .hosted = zones,
                    .metadata = std::make_shared<const metadata_by_apex>(),
                    .secrets = known,
                    .server_id = "ns1",
                    .complete = true};
  input.written = answer_table::build(input, nullptr);
  const auto table = answer_table::build(input, nullptr);
  EXPECT_EQ(ask(*table, "zz", 1).text,
            R"({"result":{"before":"xcap.","after":".","unhashed":"xcap.sip.example.com."}})");
  input.secrets = nullptr;
  EXPECT_EQ(ask(*answer_table::build(input, table.get()), "zz", 1).what, outcome::not_ready);
}

} // namespace
} // namespace thor::backend
