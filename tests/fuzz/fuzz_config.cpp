// The configuration reader: whatever stands in the files, it answers with values in their range or
// with errors that have a place, and two files merge without surprise. The input is one file, or
// two with a zero octet between.
#include "coordinator/runtime/config.hpp"

#include <cstdlib>
#include <string_view>

namespace {

using thor::runtime::config;
using thor::runtime::section;

void require(bool so) {
  if (!so) {
    std::abort();
  }
}

/// Asks as thor-node does.
void ask(config& c) {
  thor::runtime::read_overlay(c);
  thor::runtime::read_log_level(c);
  auto node = c.table("node");
  node.texts("roles", {});
  const auto hold = node.integer("hold_s", 10, 1, 600);
  require(hold >= 1 && hold <= 600);
  const auto on_stop = node.choice("on_stop", "leave", {"leave", "hold"});
  require(on_stop == "leave" || on_stop == "hold");
  auto attributes = node.table("attributes");
  for (const auto& key : attributes.names()) {
    attributes.text(key, "");
  }
  auto roles = node.table("role");
  for (const auto& role : roles.names()) {
    roles.table(role).table("ports").integer("sip.udp", 0, 0, 65535);
  }
  for (auto& server : c.table("dns").tables("name_server")) {
    server.text("name", "");
    server.reject("name", "is rejected");
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto cut = input.find('\0');
  std::vector<config::source> files{{"thor.toml", std::string(input.substr(0, cut))}};
  if (cut != std::string_view::npos) {
    files.push_back({"conf.d/more.toml", std::string(input.substr(cut + 1))});
  }
  auto parsed = config::parse(files);
  if (!parsed) {
    require(!parsed.error().empty());
    return 0;
  }
  ask(*parsed);
  for (const auto& error : parsed->finish()) {
    require(!error.what.empty() && !error.file.empty() && error.line > 0 && error.column > 0);
  }
  return 0;
}
