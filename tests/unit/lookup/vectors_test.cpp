// The vectors that other languages are tested with as well.
#include "coordinator/lookup/key.hpp"
#include "coordinator/lookup/ring.hpp"
#include "coordinator/lookup/score.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace thor::lookup {
namespace {

namespace json = boost::json;

const json::object& vectors() {
  static const json::value all = [] {
    std::ifstream file(std::string(std::getenv("THOR_SOURCE")) +
                       "/coordinator/lookup/vectors.json");
    return json::parse(std::string(std::istreambuf_iterator(file), {}));
  }();
  return all.as_object();
}

std::string text(const json::value& object, std::string_view member) {
  return std::string(object.at(member).as_string());
}

std::uint64_t hex(const json::value& object, std::string_view member) {
  const std::string digits = text(object, member);
  std::uint64_t out = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
  return out;
}

ring ring_of(const json::value& set) {
  std::vector<node> nodes;
  for (const json::value& n : set.at("nodes").as_array())
    nodes.push_back(
        {text(n, "id"), json::value_to<std::uint16_t>(n.at("weight")), n.at("draining").as_bool()});
  return ring(nodes);
}

TEST(vectors, keys) {
  ASSERT_GT(vectors().at("keys").as_array().size(), 30);
  for (const json::value& v : vectors().at("keys").as_array()) {
    const std::string key = text(v, "key");
    EXPECT_EQ(key_hash(key), hex(v, "hash")) << key;
    EXPECT_EQ(hash_label(key_hash(key)), text(v, "label")) << key;
    EXPECT_EQ(parse_hash_label(text(v, "label")), hex(v, "hash")) << key;
  }
}

TEST(vectors, draws_and_distances) {
  for (const json::value& v : vectors().at("draws").as_array()) {
    EXPECT_EQ(key_hash(text(v, "node")), hex(v, "node_hash"));
    EXPECT_EQ(draw(hex(v, "key_hash"), hex(v, "node_hash")), hex(v, "draw"));
    EXPECT_EQ(distance(hex(v, "draw")), v.at("distance").to_number<std::uint64_t>());
  }
  for (const json::value& v : vectors().at("distances").as_array())
    EXPECT_EQ(distance(hex(v, "draw")), v.at("distance").to_number<std::uint64_t>())
        << text(v, "draw");
}

TEST(vectors, orders) {
  ASSERT_GT(vectors().at("sets").as_array().size(), 10);
  for (const json::value& set : vectors().at("sets").as_array()) {
    const ring r = ring_of(set);
    for (const json::value& v : set.at("lookups").as_array()) {
      const std::uint64_t hash = key_hash(text(v, "key"));
      for (const auto& [member, how] :
           {std::pair("existing", placement::existing), std::pair("fresh", placement::fresh)}) {
        const auto& expected = v.at(member).as_array();
        const auto got = r.order(hash, expected.size(), how);
        EXPECT_TRUE(std::ranges::equal(
            got, expected, {}, {},
            [](const json::value& id) { return std::string_view(id.as_string()); }))
            << text(set, "name") << ": " << text(v, "key") << ", " << member;
      }
    }
  }
}

} // namespace
} // namespace thor::lookup
