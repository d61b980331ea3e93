#include "coordinator/runtime/endpoint.hpp"

#include <gmock/gmock.h>

namespace thor::runtime {
namespace {

TEST(Endpoint, ReadsWhatItWrites) {
  for (const std::string text : {"es1.example.net:8000", "192.0.2.1:8000", "[2001:db8::1]:8000",
                                 "[::]:0", "localhost:65535"}) {
    const auto parsed = parse_endpoint(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(parsed->text(), text);
  }
}

TEST(Endpoint, TakesTheDefaultPort) {
  EXPECT_EQ(parse_endpoint("es1", 8000), (endpoint{"es1", 8000}));
  EXPECT_EQ(parse_endpoint("[2001:db8::1]", 8000), (endpoint{"2001:db8::1", 8000}));
  EXPECT_EQ(parse_endpoint("es1:9000", 8000), (endpoint{"es1", 9000}));
  EXPECT_FALSE(parse_endpoint("es1").has_value());
}

TEST(Endpoint, RefusesWhatIsNone) {
  for (const std::string text :
       {"", ":", ":8000", "es1:", "es1:x", "es1:65536", "es1:-1", "es1:80 ", "es 1:80",
        "2001:db8::1", "2001:db8::1:8000", "[2001:db8::1", "[es1]:80", "[]:80", "[::1]x",
        "http://es1:80", "es1\n:80"}) {
    EXPECT_FALSE(parse_endpoint(text, 8000).has_value()) << text;
  }
}

TEST(Endpoint, AnAddressEndpointIsNoName) {
  EXPECT_TRUE(parse_address_endpoint("127.0.0.1:53").has_value());
  EXPECT_TRUE(parse_address_endpoint("[::1]", 53).has_value());
  EXPECT_FALSE(parse_address_endpoint("localhost:53").has_value());
}

TEST(Endpoint, MappedIPv4IsIPv4) {
  const auto mapped = boost::asio::ip::make_address("::ffff:192.0.2.1");
  EXPECT_EQ(from_asio(mapped).text(), "192.0.2.1");
  EXPECT_EQ(to_text({mapped, 8000}), "192.0.2.1:8000");
  EXPECT_EQ(to_text({boost::asio::ip::make_address("2001:db8::1"), 53}), "[2001:db8::1]:53");
}

} // namespace
} // namespace thor::runtime
