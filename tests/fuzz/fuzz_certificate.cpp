// The octets a peer sends as its certificate: parsed, read and judged.
#include "coordinator/identity/x509/certificate.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  using namespace thor::identity;
  const auto certificate = x509::parse_certificate({reinterpret_cast<const char*>(octets), size});
  if (!certificate)
    return 0;
  const auto who = x509::read_certificate(certificate->get());
  const auto ca = x509::check_ca_form(certificate->get());
  x509::name_of(certificate->get());
  // Nobody is both, and what is accepted keeps the promises of `peer`.
  if (who &&
      (ca || who->roles.empty() || who->issuer.empty() || parse_domain(who->domain) != who->domain))
    std::abort();
  return 0;
}
