#include "coordinator/daemon/manager/kept_state.hpp"

#include "coordinator/runtime/atomic_file.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace thor::manager {

namespace {

constexpr std::size_t state_file_octets_max = 4096;
constexpr mode_t state_file_mode = 0640;

template <class Number>
std::optional<Number> read_number(const boost::json::object& from, std::string_view key) {
  const auto* value = from.if_contains(key);
  if (value == nullptr)
    return std::nullopt;
  boost::system::error_code bad;
  const auto number = value->to_number<Number>(bad);
  return bad ? std::nullopt : std::optional(number);
}

std::optional<membership::persist> parse(const std::string& text) {
  boost::system::error_code bad;
  const auto parsed = boost::json::parse(text, bad);
  const auto* object = bad ? nullptr : parsed.if_object();
  if (object == nullptr)
    return std::nullopt;
  const auto counter = read_number<std::uint64_t>(*object, "epoch_counter");
  const auto* manager = object->if_contains("epoch_manager");
  const auto serial = read_number<std::uint32_t>(*object, "serial_limit");
  if (!counter || !serial || manager == nullptr || !manager->is_string())
    return std::nullopt;
  const auto id = model::node_id::parse(manager->get_string());
  if (!id)
    return std::nullopt;
  return membership::persist{{*counter, id->text()}, *serial};
}

} // namespace

membership::persist read_kept_state(const std::filesystem::path& file) {
  std::error_code failure;
  if (!std::filesystem::exists(file, failure) && !failure)
    return {};
  const auto text = runtime::read_file(file, state_file_octets_max);
  if (!text)
    throw std::runtime_error(text.error());
  auto kept = parse(*text);
  if (!kept)
    throw std::runtime_error(fmt::format("{} is damaged; remove it: the epoch and the serial are "
                                         "then taken from the event servers and the clock",
                                         file.string()));
  return *std::move(kept);
}

std::expected<void, std::string> write_kept_state(const std::filesystem::path& file,
                                                  const membership::persist& what) {
  const boost::json::object object{{"epoch_counter", what.epoch.counter},
                                   {"epoch_manager", what.epoch.manager},
                                   {"serial_limit", what.serial_limit}};
  return runtime::write_file_atomically(file, boost::json::serialize(object) + "\n",
                                        state_file_mode);
}

} // namespace thor::manager
