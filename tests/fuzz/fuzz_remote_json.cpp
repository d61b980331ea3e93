// What PowerDNS, or somebody else, writes to the Unix socket or posts as a JSON envelope; and the
// answer to it.
#include "backend/answer/answer_table.hpp"
#include "backend/protocol/read.hpp"
#include "tests/support/synthetic_zone.hpp"

#include <boost/json/parse.hpp>

#include <cstdlib>
#include <limits>

namespace {

using namespace thor;

const backend::answer_table& table() {
  static const auto made =
      backend::answer_table::build({.zones = test::snapshot_of({build(test::synthetic_zone{})}),
                                    .metadata = nullptr,
                                    .server_id = "ns1",
                                    .complete = true},
                                   nullptr);
  return *made;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto asked = backend::read_envelope({reinterpret_cast<const char*>(data), size});
  std::string out;
  if (asked) {
    backend::reply made =
        backend::answer(&table(), *asked, 1'736'000'000, backend::connector::http, out);
    made.rest.append_to(out, std::numeric_limits<std::uint32_t>::max());
  } else {
    backend::append_error(out, asked.error().detail);
  }
  // Every reply is one JSON object.
  boost::json::error_code failure;
  const auto written = boost::json::parse(out, failure);
  if (failure || !written.is_object()) {
    std::abort();
  }
  return 0;
}
