#include "coordinator/wire/base64.hpp"

#include <gtest/gtest.h>

namespace thor::wire {
namespace {

TEST(base64, has_the_vectors_of_rfc_4648) {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [octets, text] : vectors) {
    EXPECT_EQ(base64_encode(octets), text);
    EXPECT_EQ(base64_decode(text), octets);
  }
}

TEST(base64, covers_all_octets) {
  std::string all;
  for (int i = 0; i < 256; ++i)
    all += static_cast<char>(i);
  EXPECT_EQ(base64_decode(base64_encode(all)), all);
  EXPECT_EQ(base64_encode("\xfb\xff\xbf"), "+/+/");
}

TEST(base64, takes_the_canonical_form_only) {
  for (const auto* text : {"Zg", "Zg=", "Zg===", "Z", "=", "====", "Zm9v\n", "Zm 9", "Zm9_",
                           "Zh==", "Zm9=", "Zg==Zg==", "=Zg=", "Zm9vZg=v"})
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
}

} // namespace
} // namespace thor::wire
