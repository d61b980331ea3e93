#include "zone/denial/nsec3.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <stdexcept>

namespace thor::zone {
namespace {

constexpr std::string_view base32hex = "0123456789abcdefghijklmnopqrstuv";
constexpr unsigned bits_per_character = 5;
constexpr std::size_t salt_octets_max = 255;
constexpr unsigned sha1_algorithm = 1;
constexpr unsigned opt_out_flag = 1;

/// The next word of `rest`, which loses it.
std::string_view take_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  return word;
}

std::optional<unsigned> read_number(std::string_view word, unsigned max) {
  unsigned value = 0;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (code != std::errc() || end != word.data() + word.size() || value > max) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::string> read_salt(std::string_view word) {
  if (word == "-") {
    return std::string();
  }
  if (word.empty() || word.size() % 2 != 0 || word.size() / 2 > salt_octets_max) {
    return std::nullopt;
  }
  std::string salt;
  for (std::size_t at = 0; at < word.size(); at += 2) {
    unsigned value = 0;
    const char* const end = word.data() + at + 2;
    if (const auto read = std::from_chars(word.data() + at, end, value, 16);
        read.ec != std::errc() || read.ptr != end) {
      return std::nullopt;
    }
    salt += static_cast<char>(value);
  }
  return salt;
}

/// SHA-1 of one piece of octets after the other. What a library refuses to hash is no input's
/// fault.
class sha1 {
 public:
  sha1()
      : context_(EVP_MD_CTX_new())
      , algorithm_(EVP_MD_fetch(nullptr, "SHA1", nullptr)) {
    if (context_ == nullptr || algorithm_ == nullptr) {
      throw std::runtime_error("OpenSSL offers no SHA-1, which NSEC3 (RFC 5155) needs");
    }
  }

  nsec3_hash operator()(std::string_view octets, std::string_view salt) {
    nsec3_hash out;
    if (EVP_DigestInit_ex2(context_.get(), algorithm_.get(), nullptr) != 1 ||
        EVP_DigestUpdate(context_.get(), octets.data(), octets.size()) != 1 ||
        EVP_DigestUpdate(context_.get(), salt.data(), salt.size()) != 1 ||
        EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) != 1) {
      throw std::runtime_error("OpenSSL refused to make a SHA-1 hash");
    }
    return out;
  }

 private:
  struct freeing {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    void operator()(EVP_MD* algorithm) const { EVP_MD_free(algorithm); }
  };
  std::unique_ptr<EVP_MD_CTX, freeing> context_;
  std::unique_ptr<EVP_MD, freeing> algorithm_;
};

std::string_view octets_of(const nsec3_hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

} // namespace

std::expected<nsec3_parameters, error> parse_nsec3param(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return std::unexpected(
        error{errc::bad_rdata,
              "NSEC3PARAM \"" + std::string(text.substr(0, 80)) + "\": " + std::string(why)});
  };
  std::string_view rest = text;
  if (read_number(take_word(rest), 0xff) != sha1_algorithm) {
    return refuse("the algorithm is not 1 (SHA-1)");
  }
  const auto flags = read_number(take_word(rest), opt_out_flag);
  if (!flags) {
    return refuse("the flags are neither 0 nor 1 (opt-out)");
  }
  const auto iterations = read_number(take_word(rest), 0xffff);
  if (!iterations) {
    return refuse("the iterations are not a number up to 65535");
  }
  auto salt = read_salt(take_word(rest));
  if (!salt) {
    return refuse("the salt is neither \"-\" nor up to 255 octets in hexadecimal");
  }
  if (!take_word(rest).empty()) {
    return refuse("there is something after the salt");
  }
  return nsec3_parameters{
      .iterations = std::min(static_cast<std::uint16_t>(*iterations), nsec3_iterations_max),
      .salt = *std::move(salt),
      .opt_out = *flags == opt_out_flag};
}

nsec3_label to_label(const nsec3_hash& hash) {
  nsec3_label out;
  auto to = out.begin();
  unsigned bits = 0;
  unsigned pending = 0;
  for (const std::uint8_t octet : hash) {
    bits = bits << 8 | octet;
    for (pending += 8; pending >= bits_per_character;) {
      pending -= bits_per_character;
      *to++ = base32hex[bits >> pending & 0x1f];
    }
  }
  return out;
}

std::optional<nsec3_hash> parse_nsec3_label(std::string_view label) {
  nsec3_hash out;
  if (label.size() != nsec3_label().size()) {
    return std::nullopt;
  }
  auto to = out.begin();
  unsigned bits = 0;
  unsigned pending = 0;
  for (const char c : label) {
    const std::size_t value = base32hex.find(c);
    if (value == std::string_view::npos) {
      return std::nullopt;
    }
    bits = bits << bits_per_character | static_cast<unsigned>(value);
    pending += bits_per_character;
    if (pending >= 8) {
      pending -= 8;
      *to++ = static_cast<std::uint8_t>(bits >> pending & 0xff);
    }
  }
  return out;
}

std::vector<nsec3_hash> hash_names(const std::vector<const name*>& names,
                                   const nsec3_parameters& how) {
  std::vector<nsec3_hash> out;
  if (names.empty()) {
    return out;
  }
  out.reserve(names.size());
  sha1 digest;
  for (const name* const owner : names) {
    nsec3_hash hash = digest(owner->wire(), how.salt);
    for (unsigned left = how.iterations; left > 0; --left) {
      hash = digest(octets_of(hash), how.salt);
    }
    out.push_back(hash);
  }
  return out;
}

} // namespace thor::zone
