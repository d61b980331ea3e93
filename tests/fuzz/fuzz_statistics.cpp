// Figures of another member, or of a program on this machine: whatever the text is, what is read of
// it are finite numbers, what the collector takes can be published, and everybody can read that.
#include "coordinator/statistics/book.hpp"
#include "coordinator/statistics/collector.hpp"
#include "coordinator/wire/codec.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

using namespace thor;

const auto n1 = model::node_id::parse("n1").value();

void require(bool holds) {
  if (!holds)
    std::abort();
}

void show(const std::string& text) {
  constexpr model::unix_time now{std::chrono::seconds(1'700'000'000)};
  statistics::book all;
  all.hear({.id = n1, .json = text}, now);
  const model::member_map members{
      {n1,
       {{n1, {1, 1}, {model::ip_address::v4({192, 0, 2, 1})}, {{"sip_proxy", {}}}, {}, {}, {}},
        {}}}};
  for (const auto& [name, group] : all.of(n1, now))
    for (const auto& [section, numbers] : group.numbers)
      for (const auto& [domain, number] : numbers)
        require(std::isfinite(number));
  boost::system::error_code failure;
  boost::json::parse(boost::json::serialize(statistics::network_statistics(all, members, now)),
                     failure);
  require(!failure);
  boost::json::parse(boost::json::serialize(statistics::member_statistics(all, n1, now)), failure);
  require(!failure);
}

void publish(const std::string& text) {
  const model::time_point now{std::chrono::hours(1)};
  statistics::collector mine(n1, 1);
  if (!mine.on_hand_in(now, {}, "sip_proxy", text))
    return;
  std::vector<statistics::effect> out;
  mine.on_deadline(now, out);
  if (out.empty())
    return; // an empty object
  require(mine.body().size() <= wire::statistics_octets_max);
  require(wire::decode_statistics(mine.body()).has_value());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  show(text);
  publish(text);
  return 0;
}
