#include "coordinator/identity/x509/handles.hpp"

#include <openssl/err.h>

#include <array>
#include <stdexcept>

namespace thor::identity::x509 {

std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  ERR_clear_error();
  if (code == 0)
    return "no reason given";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : text.data();
}

void ensure(bool good, std::string_view what) {
  if (!good)
    throw std::runtime_error(std::string(what) + ": " + openssl_reason());
}

std::string hex(const unsigned char* octets, std::size_t size) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(size * 2);
  for (std::size_t i = 0; i < size; ++i)
    out.append({digits[octets[i] >> 4], digits[octets[i] & 0x0f]});
  return out;
}

const EVP_MD* digest_for(const EVP_PKEY* key) {
  return EVP_PKEY_is_a(key, "ED25519") == 1 ? nullptr : EVP_sha256();
}

} // namespace thor::identity::x509
