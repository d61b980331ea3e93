// What PowerDNS, or somebody else, writes to the Unix socket or posts as JSON envelopes, one a
// line on one connection; and the replies.
#include "backend/answer/writing.hpp"
#include "backend/protocol/read.hpp"
#include "tests/support/synthetic_zone.hpp"

#include <boost/json/parse.hpp>

#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace thor;

const backend::answer_table& table() {
  static const auto made = [] {
    auto secrets = std::make_shared<backend::secrets>();
    const zone::name apex = test::name_of("sip.example.com.");
    secrets->keys[apex] = {{.id = 1, .flags = 257, .active = true, .content = "Algorithm: 13"}};
    secrets->tsig_keys[apex] = {.owner = apex, .algorithm = "hmac-sha256.", .secret = "c2VjcmV0"};
    return backend::answer_table::build(
        {.zones = test::snapshot_of({build(test::synthetic_zone{})}),
         .metadata = nullptr,
         .secrets = std::move(secrets),
         .server_id = "ns1",
         .complete = true},
        nullptr);
  }();
  return *made;
}

/// The reply on the connection that `open` belongs to.
std::string reply_to(std::string_view line, backend::transaction& open) {
  std::string out;
  auto asked = backend::read_envelope(line);
  if (!asked) {
    open.spoil(asked.error().detail);
    backend::append_error(out, asked.error().detail);
    return out;
  }
  if (auto* const write = std::get_if<backend::write_request>(&*asked)) {
    const backend::method what = method_of(*write);
    const auto decided = backend::decide(std::move(*write), open, table(), out);
    if (decided.wanted) {
      backend::append_outcome(
          out, what, {.done = true, .key_id = 7, .notes = {backend::subject_of(*decided.wanted)}});
    }
    return out;
  }
  backend::reply made = backend::answer(&table(), *asked, std::chrono::seconds(1'736'000'000),
                                        backend::connector::http, out, open.pending());
  made.rest.append_to(out, std::numeric_limits<std::uint32_t>::max());
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  backend::transaction open;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    // Every reply is one JSON object.
    boost::json::error_code failure;
    const auto written = boost::json::parse(reply_to(line, open), failure);
    if (failure || !written.is_object()) {
      std::abort();
    }
  }
  return 0;
}
