#include "coordinator/daemon/manager/kept_state.hpp"

#include "coordinator/runtime/atomic_file.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <stdexcept>

namespace thor::manager {

namespace {

constexpr std::size_t state_file_octets_max = 4096;
constexpr mode_t state_file_mode = 0640;

} // namespace

membership::persist read_kept_state(const std::filesystem::path& file) {
  std::error_code failure;
  if (!std::filesystem::exists(file, failure) && !failure)
    return {};
  const auto text = runtime::read_file(file, state_file_octets_max);
  if (!text)
    throw std::runtime_error(text.error());
  boost::system::error_code bad;
  const auto parsed = boost::json::parse(*text, bad);
  const auto* object = bad ? nullptr : parsed.if_object();
  const auto* counter = object == nullptr ? nullptr : object->if_contains("epoch_counter");
  const auto* serial = object == nullptr ? nullptr : object->if_contains("serial");
  if (counter == nullptr || serial == nullptr || !counter->is_number() || !serial->is_number())
    throw std::runtime_error(fmt::format("{} is damaged; remove it: the epoch and the serial are "
                                         "then taken from the event servers and the clock",
                                         file.string()));
  return {counter->to_number<std::uint64_t>(), serial->to_number<std::uint32_t>()};
}

std::expected<void, std::string> write_kept_state(const std::filesystem::path& file,
                                                  const membership::persist& what) {
  const boost::json::object object{{"epoch_counter", what.epoch_counter}, {"serial", what.serial}};
  return runtime::write_file_atomically(file, boost::json::serialize(object) + "\n",
                                        state_file_mode);
}

} // namespace thor::manager
