#include "zone/model/record.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace thor::zone {
namespace {

struct mnemonic {
  rr_type type;
  std::string_view text;
};

constexpr mnemonic named(std::uint16_t number, std::string_view text) {
  return {static_cast<rr_type>(number), text};
}

/// The types of the IANA registry that PowerDNS and ldns both know by name, by number.
constexpr auto by_number = std::to_array<mnemonic>({
    named(1, "A"),           named(2, "NS"),          named(5, "CNAME"),     named(6, "SOA"),
    named(7, "MB"),          named(8, "MG"),          named(9, "MR"),        named(12, "PTR"),
    named(13, "HINFO"),      named(14, "MINFO"),      named(15, "MX"),       named(16, "TXT"),
    named(17, "RP"),         named(18, "AFSDB"),      named(25, "KEY"),      named(28, "AAAA"),
    named(29, "LOC"),        named(33, "SRV"),        named(35, "NAPTR"),    named(36, "KX"),
    named(37, "CERT"),       named(39, "DNAME"),      named(41, "OPT"),      named(42, "APL"),
    named(43, "DS"),         named(44, "SSHFP"),      named(45, "IPSECKEY"), named(46, "RRSIG"),
    named(47, "NSEC"),       named(48, "DNSKEY"),     named(49, "DHCID"),    named(50, "NSEC3"),
    named(51, "NSEC3PARAM"), named(52, "TLSA"),       named(53, "SMIMEA"),   named(59, "CDS"),
    named(60, "CDNSKEY"),    named(61, "OPENPGPKEY"), named(62, "CSYNC"),    named(63, "ZONEMD"),
    named(64, "SVCB"),       named(65, "HTTPS"),      named(99, "SPF"),      named(104, "NID"),
    named(105, "L32"),       named(106, "L64"),       named(107, "LP"),      named(108, "EUI48"),
    named(109, "EUI64"),     named(249, "TKEY"),      named(250, "TSIG"),    named(251, "IXFR"),
    named(252, "AXFR"),      named(255, "ANY"),       named(256, "URI"),     named(257, "CAA"),
    named(32769, "DLV"),
});
static_assert(std::ranges::is_sorted(by_number, {}, &mnemonic::type));

constexpr auto by_text = [] {
  auto sorted = by_number;
  std::ranges::sort(sorted, {}, &mnemonic::text);
  return sorted;
}();

constexpr std::string_view generic_prefix = "TYPE";

constexpr char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

/// Longer than any mnemonic and than TYPE65535.
constexpr std::size_t type_octets_max = 16;

} // namespace

std::string to_string(rr_type type) {
  const auto found = std::ranges::lower_bound(by_number, type, {}, &mnemonic::type);
  if (found != by_number.end() && found->type == type) {
    return std::string(found->text);
  }
  return std::string(generic_prefix) + std::to_string(static_cast<std::uint16_t>(type));
}

std::expected<rr_type, error> parse_type(std::string_view text) {
  const auto refuse = [&] {
    return std::unexpected(
        error{errc::bad_type, "\"" + std::string(text.substr(0, 64)) + "\" is not a record type"});
  };
  if (text.size() > type_octets_max) {
    return refuse();
  }
  std::string wanted(text);
  std::ranges::transform(wanted, wanted.begin(), upper);
  const auto found =
      std::ranges::lower_bound(by_text, std::string_view(wanted), {}, &mnemonic::text);
  if (found != by_text.end() && found->text == wanted) {
    return found->type;
  }
  if (!wanted.starts_with(generic_prefix)) {
    return refuse();
  }
  std::uint16_t number = 0;
  const char* const first = wanted.data() + generic_prefix.size();
  const char* const last = wanted.data() + wanted.size();
  const auto [end, failure] = std::from_chars(first, last, number);
  if (failure != std::errc() || end != last) {
    return refuse();
  }
  return static_cast<rr_type>(number);
}

bool is_data_type(rr_type type) {
  constexpr std::uint16_t opt = 41;
  const auto number = static_cast<std::uint16_t>(type);
  return number != 0 && number != opt && (number < 128 || number > 255);
}

} // namespace thor::zone
