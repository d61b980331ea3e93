#include "coordinator/daemon/manager/kept_state.hpp"

#include "coordinator/runtime/atomic_file.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <optional>
#include <stdexcept>
#include <string_view>

namespace thor::manager {

namespace {

constexpr std::size_t state_file_octets_max = 4096;
constexpr mode_t state_file_mode = 0640;

template <class Number>
std::optional<Number> read_number(const std::string& text, std::string_view key) {
  boost::system::error_code bad;
  const auto parsed = boost::json::parse(text, bad);
  const auto* object = bad ? nullptr : parsed.if_object();
  const auto* value = object == nullptr ? nullptr : object->if_contains(key);
  if (value == nullptr)
    return std::nullopt;
  const auto number = value->to_number<Number>(bad);
  return bad ? std::nullopt : std::optional(number);
}

} // namespace

membership::persist read_kept_state(const std::filesystem::path& file) {
  std::error_code failure;
  if (!std::filesystem::exists(file, failure) && !failure)
    return {};
  const auto text = runtime::read_file(file, state_file_octets_max);
  if (!text)
    throw std::runtime_error(text.error());
  const auto counter = read_number<std::uint64_t>(*text, "epoch_counter");
  const auto serial = read_number<std::uint32_t>(*text, "serial_limit");
  if (!counter || !serial)
    throw std::runtime_error(fmt::format("{} is damaged; remove it: the epoch and the serial are "
                                         "then taken from the event servers and the clock",
                                         file.string()));
  return {*counter, *serial};
}

std::expected<void, std::string> write_kept_state(const std::filesystem::path& file,
                                                  const membership::persist& what) {
  const boost::json::object object{{"epoch_counter", what.epoch_counter},
                                   {"serial_limit", what.serial_limit}};
  return runtime::write_file_atomically(file, boost::json::serialize(object) + "\n",
                                        state_file_mode);
}

} // namespace thor::manager
