#include "coordinator/daemon/dns/token.hpp"

#include "coordinator/runtime/atomic_file.hpp"

#include <fmt/format.h>

#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

namespace thor::dns {

namespace {

constexpr std::size_t token_octets = 16;
constexpr std::size_t token_digits = 2 * token_octets;
constexpr std::size_t token_file_octets_max = 256;

std::string random_token() {
  std::array<std::uint8_t, token_octets> octets{};
  if (::getentropy(octets.data(), octets.size()) != 0)
    throw std::runtime_error("the system has no random numbers for the path token");
  std::string token;
  for (const auto octet : octets)
    token += fmt::format("{:02x}", octet);
  return token;
}

bool is_token(std::string_view text) {
  return text.size() == token_digits &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

} // namespace

std::string read_or_create_token(const std::filesystem::path& file) {
  struct stat known{};
  if (::stat(file.c_str(), &known) != 0) {
    const auto token = random_token();
    if (const auto written = runtime::write_file_atomically(file, token + "\n", 0640); !written)
      throw std::runtime_error("cannot make http_token_file: " + written.error());
    return token;
  }
  if ((known.st_mode & S_IRWXO) != 0)
    throw std::runtime_error(
        fmt::format("http_token_file {} is open to every local user; make it 0640", file.string()));
  auto content = runtime::read_file(file, token_file_octets_max);
  if (!content)
    throw std::runtime_error("cannot read http_token_file: " + content.error());
  while (!content->empty() && (content->back() == '\n' || content->back() == ' '))
    content->pop_back();
  if (!is_token(*content))
    throw std::runtime_error(fmt::format("http_token_file {} does not hold 32 hexadecimal digits; "
                                         "remove it to have a new one made, and "
                                         "put that into PowerDNS's remote-connection-string",
                                         file.string()));
  return *content;
}

} // namespace thor::dns
