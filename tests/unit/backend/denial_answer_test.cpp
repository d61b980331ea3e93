#include "backend/answer/answer_table.hpp"
#include "tests/support/synthetic_zone.hpp"
#include "zone/denial/nsec3.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

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

struct signed_zone {
  zone_metadata metadata{};
  bool has_keys = true;
  bool known = true;
  std::uint32_t id = 7;
};

std::shared_ptr<const answer_table> table_of(const signed_zone& of,
                                             const answer_table* previous = nullptr) {
  using enum zone::rr_type;
  zone::zone_input input{.apex = name_of(apex), .id = of.id, .soa = {}, .soa_ttl_s = 300};
  input.rrsets = {rrset_of("e.example.", ns, 300, {"ns1.elsewhere."}),
                  rrset_of("n1.node.e.example.", a, 30, {"192.0.2.1"}),
                  rrset_of("n2.node.e.example.", a, 30, {"192.0.2.2"}),
                  rrset_of(R"(odd\.\"label.e.example.)", a, 30, {"192.0.2.3"}),
                  rrset_of("sub.e.example.", ns, 30, {"ns.sub.e.example."}),
                  rrset_of("ns.sub.e.example.", a, 30, {"192.0.2.4"})};
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
                              .complete = true},
                             previous);
}

struct asked {
  outcome what = outcome::answered;
  std::string text;
};

asked ask(const answer_table& table, std::string_view relative,
          std::optional<std::uint32_t> id = 7) {
  asked out;
  out.what = answer(&table, neighbours_request{id, name_of(relative)}, 1'736'000'000,
                    connector::http, out.text)
                 .what;
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

TEST(denial_answer, other_parameters_are_another_order) {
  const auto plain = table_of({});
  const auto hashed = table_of({.metadata = nsec3("1 0 0 -")}, plain.get());
  const auto salted = table_of({.metadata = nsec3("1 0 0 ab")}, hashed.get());
  const auto back = table_of({}, salted.get());
  const std::string zero(32, '0');
  EXPECT_EQ(ask(*salted, zero).text, ask(*table_of({.metadata = nsec3("1 0 0 ab")}), zero).text);
  EXPECT_NE(ask(*salted, zero).text, ask(*hashed, zero).text);
  EXPECT_EQ(ask(*back, "m").text, ask(*plain, "m").text);
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
