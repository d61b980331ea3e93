// The specification and the code are one: every example of coordinator/wire/README.md is read by
// the codec, and what the codec writes for it is the example.
#include "coordinator/wire/codec.hpp"
#include "coordinator/wire/copy.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

namespace thor::wire {
namespace {

struct example {
  std::string kind;
  std::string text;
};

std::string readme() {
  const auto* source = std::getenv("THOR_SOURCE");
  std::ifstream file(std::string(source != nullptr ? source : ".") + "/coordinator/wire/README.md");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The blocks fenced as ```json <kind>.
std::vector<example> examples() {
  const std::string fence = "```json ";
  const auto text = readme();
  std::vector<example> found;
  for (auto at = text.find(fence); at != std::string::npos; at = text.find(fence, at + 1)) {
    const auto line_end = text.find('\n', at);
    const auto block_end = text.find("\n```", line_end);
    found.push_back({text.substr(at + fence.size(), line_end - at - fence.size()),
                     text.substr(line_end + 1, block_end - line_end - 1)});
  }
  return found;
}

/// Reads and writes again, or says why not.
std::string again(const example& e) {
  const auto encoded = [](const auto& decoded) {
    return decoded ? encode(*decoded) : decoded.error().detail;
  };
  const auto body_encoded = [](const auto& decoded) {
    return decoded ? encode_body(*decoded) : decoded.error().detail;
  };
  if (e.kind == "client")
    return encoded(decode_client(e.text));
  if (e.kind == "server")
    return encoded(decode_server(e.text));
  if (e.kind == "presence")
    return body_encoded(decode_presence(e.text));
  if (e.kind == "leave")
    return body_encoded(decode_leave(e.text));
  if (e.kind == "status")
    return body_encoded(decode_status(e.text));
  if (e.kind == "statistics")
    return body_encoded(decode_statistics(e.text));
  if (e.kind == "copy")
    return encoded(decode_copy(e.text));
  return "an example of unknown kind " + e.kind;
}

TEST(readme, has_an_example_of_every_message_and_body) {
  std::map<std::string, int> count;
  for (const auto& e : examples())
    ++count[e.kind];
  EXPECT_EQ(count, (std::map<std::string, int>{{"client", 4},
                                               {"server", 6},
                                               {"presence", 2},
                                               {"leave", 1},
                                               {"status", 3},
                                               {"statistics", 2},
                                               {"copy", 4}}));
}

TEST(readme, examples_are_what_the_codec_reads_and_writes) {
  for (const auto& e : examples()) {
    // An offer without fields stands for its defaults.
    auto expected = e.text;
    const std::string empty_offer = R"("xcap_server":{})";
    if (const auto at = expected.find(empty_offer); at != std::string::npos)
      expected.replace(at, empty_offer.size(),
                       R"("xcap_server":{"state":"active","priority":10,"weight":100})");
    EXPECT_EQ(again(e), expected);
  }
}

TEST(readme, digest_vectors_hold) {
  const auto n1 = model::digest_of(model::node_id::parse("n1").value(), {1700000000000, 3});
  const auto n2 = model::digest_of(model::node_id::parse("n2").value(), {1700000000500, 1});
  EXPECT_EQ(n1, 0x5580fcd9098fe71fU);
  EXPECT_EQ(n2, 0x9b886334f9b6297cU);
  EXPECT_EQ(n1 ^ n2, 0xce089fedf039ce63U);
  for (const auto* vector : {"5580fcd9098fe71f", "9b886334f9b6297c", "ce089fedf039ce63"})
    EXPECT_NE(readme().find(vector), std::string::npos) << vector;
}

TEST(readme, names_the_limits_that_are_in_force) {
  const auto text = readme();
  for (const auto& limit : {std::to_string(hold_ms_max), std::to_string(signature_octets_max),
                            std::to_string(certificate_octets_max), std::to_string(text_octets_max),
                            std::to_string(default_port), std::to_string(default_copy_port),
                            std::to_string(statistics_octets_max), std::string(copy_subprotocol),
                            std::string(writer_attribute), std::string(copy_port_key)})
    EXPECT_NE(text.find(limit), std::string::npos) << limit;
}

} // namespace
} // namespace thor::wire
