#include "tests/unit/zone/support.hpp"
#include "zone/denial/denial.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>

namespace thor::zone {
namespace {

using testing::ElementsAre;
using enum rr_type;

std::string label_of(const nsec3_hash& hash) {
  const nsec3_label label = to_label(hash);
  return {label.data(), label.size()};
}

std::shared_ptr<const contents> zone_of(std::vector<rrset> sets,
                                        std::vector<promised_name> promised = {},
                                        const contents* previous = nullptr) {
  zone_input input = input_of(std::move(sets));
  input.promised = std::move(promised);
  return build(input, previous).zone;
}

/// Walks the whole ring from the apex on; each owner once, in order.
std::vector<std::string> ring_of(const denial& order, const contents& zone) {
  std::vector<std::string> out;
  std::string at;
  if (order.nsec3()) {
    at = "\x20" + std::string(32, '0');
    at = "\x20" + label_of(order.around(at).value().after_hash);
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    const neighbours found = order.around(at).value();
    out.push_back(zone.nodes[found.before]->owner.relative_text(zone.apex));
    const std::string_view next = zone.nodes[found.after]->owner.wire();
    at = order.nsec3() ? "\x20" + label_of(found.after_hash)
                       : std::string(next.substr(0, next.size() - zone.apex.wire().size()));
  }
  return out;
}

std::vector<std::string> owners_of(const std::shared_ptr<const contents>& zone,
                                   const std::optional<nsec3_parameters>& how) {
  std::vector<std::string> ring = ring_of(denial(zone, how, nullptr), *zone);
  if (how) {
    std::ranges::sort(ring);
  }
  return ring;
}

const nsec3_parameters plain_nsec3{};
const nsec3_parameters opt_out{.opt_out = true};

TEST(nsec3, hashes_as_the_example_of_rfc_5155_appendix_a) {
  const std::map<std::string, std::string> known{
      {"example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"},
      {"a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"},
      {"ai.example", "gjeqe526plbf1g8mklp59enfd789njgi"},
      {"ns1.example", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"},
      {"ns2.example", "q04jkcevqvmu85r014c7dkba38o0ji5r"},
      {"w.example", "k8udemvp1j2f7eg6jebps17vp3n8i58h"},
      {"*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"},
      {"x.w.example", "b4um86eghhds6nea196smvmlo4ors995"},
      {"y.w.example", "ji6neoaepv8b5o6k4ev33abha8ht9fgc"},
      {"x.y.w.example", "2vptu5timamqttgl4luu9kg21e0aor3s"},
      {"xx.example", "t644ebqk9bibcna874givr6joj62mlhv"},
  };
  const auto how = parse_nsec3param("1 1 12 aabbccdd");
  ASSERT_TRUE(how);
  EXPECT_TRUE(how->opt_out);
  for (const auto& [text, label] : known) {
    const name owner = name::parse(text).value();
    const auto hashes = hash_names({&owner}, *how);
    EXPECT_EQ(label_of(hashes.front()), label) << text;
    EXPECT_EQ(parse_nsec3_label(label), hashes.front()) << text;
  }
}

TEST(nsec3, parameters_are_read_as_they_are_written) {
  EXPECT_EQ(parse_nsec3param("1 0 0 -"), plain_nsec3);
  EXPECT_EQ(parse_nsec3param("1 1 0 -"), opt_out);
  EXPECT_EQ(parse_nsec3param("1 0 10 ABcd01"),
            (nsec3_parameters{.iterations = 10, .salt = "\xab\xcd\x01"}));
  EXPECT_EQ(parse_nsec3param("1 0 65535 -")->iterations, nsec3_iterations_max);
  EXPECT_EQ(parse_nsec3param("1 0 0 " + std::string(510, 'a'))->salt.size(), 255);
}

TEST(nsec3, parameters_that_mean_nothing_are_refused) {
  for (const std::string text : {"", "1", "1 0 0", "2 0 0 -", "1 2 0 -", "1 0 65536 -", "1 0 0 abc",
                                 "1 0 0 xy", "1 0 0 - -", "1 0 -1 -", "1 0 0 +1"}) {
    EXPECT_FALSE(parse_nsec3param(text)) << text;
  }
  EXPECT_FALSE(parse_nsec3param("1 0 0 " + std::string(512, 'a')));
}

TEST(nsec3, a_label_is_32_characters_of_base32hex) {
  EXPECT_TRUE(parse_nsec3_label(std::string(32, 'v')));
  EXPECT_FALSE(parse_nsec3_label(std::string(31, 'v')));
  EXPECT_FALSE(parse_nsec3_label(std::string(33, 'v')));
  EXPECT_FALSE(parse_nsec3_label(std::string(31, 'v') + "w"));
}

TEST(denial, nsec_goes_in_canonical_order_and_round) {
  const auto zone =
      zone_of({set_of("b.example", a, {"192.0.2.1"}), set_of("z.a.example", a, {"192.0.2.1"}),
               set_of("a.example", a, {"192.0.2.1"}), set_of("*.example", a, {"192.0.2.1"}),
               set_of("_sip._udp.example", a, {"192.0.2.1"})});
  EXPECT_THAT(owners_of(zone, std::nullopt), ElementsAre("@", "*", "_sip._udp", "a", "z.a", "b"));
  const denial order(zone, std::nullopt, nullptr);
  using pair = std::pair<std::string, std::string>;
  const auto around = [&](std::string_view text) {
    const name asked = name::parse(text).value();
    const neighbours found = order.around(asked.labels()).value();
    return pair(zone->nodes[found.before]->owner.relative_text(zone->apex),
                zone->nodes[found.after]->owner.relative_text(zone->apex));
  };
  EXPECT_EQ(around("."), pair("@", "*"));
  EXPECT_EQ(around("!"), pair("@", "*"));
  EXPECT_EQ(around("_udp"), pair("*", "_sip._udp"));
  EXPECT_EQ(around("a"), pair("a", "z.a"));
  EXPECT_EQ(around("y.a"), pair("a", "z.a"));
  EXPECT_EQ(around("x.z.a"), pair("z.a", "b"));
  EXPECT_EQ(around("b"), pair("b", "@"));
  EXPECT_EQ(around("zz"), pair("b", "@"));
}

std::shared_ptr<const contents> delegating() {
  return zone_of({set_of("secure.example", ns, {"ns.secure.example"}),
                  set_of("secure.example", ds, {"1 13 2 " + std::string(64, 'a')}),
                  set_of("ns.secure.example", a, {"192.0.2.1"}),
                  set_of("insecure.example", ns, {"ns.insecure.example"}),
                  set_of("ns.insecure.example", a, {"192.0.2.1"}),
                  set_of("text.below.insecure.example", txt, {"\"hidden\""}),
                  set_of("cut.only.example", ns, {"ns.elsewhere"}),
                  set_of("cut.shared.example", ns, {"ns.elsewhere"}),
                  set_of("host.shared.example", a, {"192.0.2.1"}),
                  set_of("www.example", a, {"192.0.2.1"})});
}

TEST(denial, nsec_has_delegations_and_nothing_below_them_and_no_empty_non_terminals) {
  EXPECT_THAT(
      owners_of(delegating(), std::nullopt),
      ElementsAre("@", "insecure", "cut.only", "secure", "cut.shared", "host.shared", "www"));
}

TEST(denial, nsec3_has_empty_non_terminals_too) {
  EXPECT_THAT(owners_of(delegating(), plain_nsec3),
              ElementsAre("@", "cut.only", "cut.shared", "host.shared", "insecure", "only",
                          "secure", "shared", "www"));
}

TEST(denial, opt_out_leaves_out_insecure_delegations_but_no_closest_encloser) {
  EXPECT_THAT(owners_of(delegating(), opt_out),
              ElementsAre("@", "host.shared", "only", "secure", "shared", "www"));
}

TEST(denial, a_promised_name_without_records_is_an_owner_unless_names_below_prove_it) {
  const std::vector<promised_name> promised{{"_udp.example"_n}, {"xcap.example"_n}};
  const auto zone = zone_of({set_of("_sip._udp.example", txt, {"\"t\""})}, promised);
  EXPECT_THAT(owners_of(zone, std::nullopt), ElementsAre("@", "_sip._udp", "xcap"));
  EXPECT_THAT(owners_of(zone, plain_nsec3), ElementsAre("@", "_sip._udp", "_udp", "xcap"));
  EXPECT_THAT(owners_of(zone, opt_out), ElementsAre("@", "_sip._udp", "_udp", "xcap"));
}

TEST(denial, one_made_after_another_hashes_only_new_names) {
  std::vector<rrset> sets;
  for (int i = 0; i < 100; ++i) {
    sets.push_back(set_of("n" + std::to_string(i) + ".node.example", a, {"192.0.2.1"}));
  }
  const auto first = zone_of(sets);
  const denial order(first, plain_nsec3, nullptr);
  EXPECT_EQ(order.hashed_anew(), 102); // the apex and node.example., too
  sets[7] = set_of("n7.node.example", a, {"192.0.2.2"});
  const auto changed = zone_of(sets, {}, first.get());
  const denial after_change(changed, plain_nsec3, &order);
  EXPECT_EQ(after_change.hashed_anew(), 0);
  sets[8] = set_of("m8.node.example", a, {"192.0.2.2"});
  const auto renamed = zone_of(sets, {}, changed.get());
  EXPECT_EQ(denial(renamed, plain_nsec3, &after_change).hashed_anew(), 1);
  EXPECT_EQ(denial(renamed, opt_out, &after_change).hashed_anew(), 102);
}

TEST(denial, nsec3_finds_the_hash_itself_and_the_ones_around_it) {
  const auto zone = delegating();
  const denial order(zone, plain_nsec3, nullptr);
  const name www = "www.example"_n;
  const nsec3_hash hash = hash_names({&www}, plain_nsec3).front();
  const auto at = order.around("\x20" + label_of(hash));
  ASSERT_TRUE(at);
  EXPECT_EQ(zone->nodes[at->before]->owner, www);
  EXPECT_EQ(at->before_hash, hash);
  nsec3_hash previous = hash; // the hash less one
  for (std::size_t i = previous.size(); i-- > 0 && previous[i]-- == 0;) {
  }
  const auto below = order.around("\x20" + label_of(previous));
  ASSERT_TRUE(below);
  EXPECT_EQ(below->after_hash, hash);
  EXPECT_NE(below->before, at->before);
}

TEST(denial, nsec3_takes_nothing_but_a_hash) {
  const denial order(delegating(), plain_nsec3, nullptr);
  EXPECT_FALSE(order.around(""));
  EXPECT_FALSE(order.around("www.example"_n.labels()));
  EXPECT_FALSE(order.around("\x20" + std::string(32, 'z')));
  EXPECT_TRUE(order.around("\x20" + std::string(32, '0')));
}

TEST(denial, a_zone_of_one_name_is_its_own_neighbour) {
  const auto zone = zone_of({});
  EXPECT_THAT(owners_of(zone, std::nullopt), ElementsAre("@"));
  const auto only = denial(zone, plain_nsec3, nullptr).around("\x20" + std::string(32, '0'));
  ASSERT_TRUE(only);
  EXPECT_EQ(only->before, 0);
  EXPECT_EQ(only->after, 0);
  EXPECT_EQ(only->before_hash, only->after_hash);
}

} // namespace
} // namespace thor::zone
