#include "zone/check/check.hpp"

#include "zone/build/build.hpp"
#include "zone/text/rdata_text.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// clang-format off: last, and cleaned up after, because ldns makes these words macros
#include <ldns/ldns.h>
#undef bool
#undef false
#undef true
// clang-format on

namespace thor::zone {
namespace {

/// ldns writes its first number as a word ("PKIX") that PowerDNS does not read.
constexpr auto cert = static_cast<rr_type>(37);

/// Without a gateway PowerDNS does not read it in the form of RFC 4025 section 3.1.
constexpr auto ipseckey = static_cast<rr_type>(45);

/// PowerDNS knows the type by its number alone, and its records in the form of RFC 3597 section 5.
bool is_generic(rr_type type) {
  return to_string(type).starts_with("TYPE");
}

template <auto Free>
struct deleter {
  void operator()(auto* p) const { Free(p); }
};
using owned_rr = std::unique_ptr<ldns_rr, deleter<ldns_rr_free>>;
using owned_buffer = std::unique_ptr<ldns_buffer, deleter<ldns_buffer_free>>;

struct record_line {
  const name& owner;
  std::uint32_t ttl_s;
  rr_type type;
  std::string content;
};

std::unexpected<error> refuse(const record_line& line, std::string_view why) {
  return std::unexpected(error{errc::refused, line.owner.text() + ' ' + to_string(line.type) + ' ' +
                                                  line.content + ": " + std::string(why)});
}

std::string_view octets(const ldns_rdf& field) {
  return {reinterpret_cast<const char*>(ldns_rdf_data(&field)), ldns_rdf_size(&field)};
}

/// The first word of `text`, which it leaves.
std::string_view take_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return word;
}

std::string_view written(ldns_buffer& buffer) {
  return {reinterpret_cast<const char*>(ldns_buffer_begin(&buffer)), ldns_buffer_position(&buffer)};
}

/// The RDATA as RFC 3597 section 5 writes it; nothing when ldns cannot.
std::optional<std::string> in_generic_form(const ldns_rr& rr, ldns_buffer& buffer) {
  if (ldns_rr_rdata2buffer_wire(&buffer, &rr) != LDNS_STATUS_OK) {
    return std::nullopt;
  }
  constexpr std::string_view digits = "0123456789abcdef";
  const std::string_view wire = written(buffer);
  std::string text = "\\# " + std::to_string(wire.size());
  for (std::size_t i = 0; i < wire.size(); ++i) {
    const auto octet = static_cast<unsigned char>(wire[i]);
    text += i == 0 ? " " : "";
    text += digits[octet >> 4U];
    text += digits[octet & 0xfU];
  }
  return text;
}

/// CERT with the number of its type in place of the word (RFC 4398 section 2.1).
std::string with_number(std::string text) {
  const std::string word = text.substr(0, text.find(' '));
  const ldns_lookup_table* const entry = ldns_lookup_by_name(ldns_cert_algorithms, word.c_str());
  return entry == nullptr ? text : std::to_string(entry->id) + text.substr(word.size());
}

/// The content of the record as ldns writes it after reading ours.
std::expected<std::string, error> through_ldns(const record_line& line) {
  const std::string text = line.owner.text() + ' ' + std::to_string(line.ttl_s) + " IN " +
                           to_string(line.type) + ' ' + line.content;
  ldns_rr* parsed = nullptr;
  const ldns_status status = ldns_rr_new_frm_str(&parsed, text.c_str(), 0, nullptr, nullptr);
  const owned_rr rr(parsed);
  if (status != LDNS_STATUS_OK) {
    return refuse(line, std::string("ldns: ") + ldns_get_errorstr_by_id(status));
  }
  if (octets(*ldns_rr_owner(rr.get())) != line.owner.wire() ||
      ldns_rr_ttl(rr.get()) != line.ttl_s) {
    return refuse(line, "ldns reads another owner or TTL");
  }
  const owned_buffer buffer(ldns_buffer_new(LDNS_MIN_BUFLEN));
  if (buffer != nullptr && is_generic(line.type)) {
    if (auto generic = in_generic_form(*rr, *buffer)) {
      return *std::move(generic);
    }
  }
  if (buffer == nullptr || ldns_rr2buffer_str_fmt(buffer.get(), ldns_output_format_nocomments,
                                                  rr.get()) != LDNS_STATUS_OK) {
    return refuse(line, "ldns cannot print it");
  }
  std::string_view printed = written(*buffer);
  for (int field = 0; field < 4; ++field) { // owner, TTL, class, type; each ends in a tab
    const std::size_t tab = printed.find('\t');
    printed.remove_prefix(tab == std::string_view::npos ? printed.size() : tab + 1);
  }
  return line.type == cert ? with_number(std::string(printed)) : std::string(printed);
}

/// RKEY, ALIAS and LUA: PowerDNS reads these in a form that ldns does not know, and in no other.
bool is_powerdns_own(rr_type type) {
  const auto number = static_cast<std::uint16_t>(type);
  return number == 57 || number == 65401 || number == 65402;
}

bool is_without_gateway(const record_line& line) {
  std::string_view rest = line.content;
  take_word(rest);
  return line.type == ipseckey && take_word(rest) == "0";
}

/// The record by meaning, read from what ldns writes.
std::expected<rdata, error> reread(const record_line& line) {
  if (is_without_gateway(line)) {
    return refuse(line, "PowerDNS does not read an IPSECKEY without a gateway");
  }
  if (is_powerdns_own(line.type)) {
    return refuse(line, "PowerDNS does not read this type in a form that ldns knows");
  }
  const auto printed = through_ldns(line);
  if (!printed) {
    return std::unexpected(printed.error());
  }
  auto read = parse_rdata(line.type, *printed);
  if (!read) {
    return refuse(line, "ldns writes \"" + *printed + "\", " + read.error().detail);
  }
  return *std::move(read);
}

std::expected<void, error> check_record(const name& owner, rr_type type, std::uint32_t ttl_s,
                                        const rdata& record) {
  const record_line line{owner, ttl_s, type, to_text(record)};
  const auto read = reread(line);
  if (!read) {
    return std::unexpected(read.error());
  }
  if (*read != record) {
    return refuse(line, "ldns reads it as " + to_text(*read));
  }
  return {};
}

std::expected<void, error> check_records(const name& owner, rr_type type, std::uint32_t ttl_s,
                                         const std::vector<rdata>& records) {
  for (const rdata& record : records) {
    if (auto checked = check_record(owner, type, ttl_s, record); !checked) {
      return checked;
    }
  }
  return {};
}

/// A decimal number without leading zeros, or nothing if the word is none.
std::optional<std::string_view> number(std::string_view word) {
  const std::size_t sign = word.starts_with('-') ? 1 : 0;
  if (word.size() == sign || word.find_first_not_of("0123456789", sign) != std::string_view::npos) {
    return std::nullopt;
  }
  return sign != 0 ? word : word.substr(std::min(word.find_first_not_of('0'), word.size() - 1));
}

/// Whether ldns kept the word if it is a number. ldns wraps what is out of range (CAA flags 256
/// become 0), but it may rightly add a unit (LOC) or the digits that follow after a blank
/// (hexadecimal).
bool kept(std::string_view given, std::string_view written) {
  const auto before = number(given);
  if (!before || written.starts_with(given)) {
    return true;
  }
  return number(written) == before;
}

} // namespace

std::expected<void, error> check(const rrset& set) {
  auto checked = check_records(set.owner, set.type, set.ttl_s, set.records);
  for (std::size_t i = 0; checked && i < set.homes.size(); ++i) {
    checked = check_record(set.owner, set.type, set.ttl_s, set.homes[i].elsewhere);
  }
  return checked;
}

std::expected<void, error> settle(rrset& set) {
  if (check(set)) {
    return {};
  }
  for (rdata& record : set.records) {
    if (std::holds_alternative<opaque_rdata>(record)) {
      auto text = canonical_rdata(set.type, to_text(record));
      if (!text) {
        return std::unexpected(text.error());
      }
      record = opaque_rdata{*std::move(text)};
    }
  }
  return check(set);
}

std::expected<void, error> check_changes(const contents* before, const contents& after) {
  for (const change& c : diff(before, after)) {
    for (const auto* const added : {&c.added, &c.added_elsewhere}) {
      if (auto checked = check_records(c.owner, c.type, c.ttl_s, *added); !checked) {
        return checked;
      }
    }
  }
  return {};
}

std::expected<std::string, error> canonical_rdata(rr_type type, const std::string& content) {
  const auto given = parse_rdata(type, content);
  if (!given) {
    return std::unexpected(given.error());
  }
  const record_line line{name(), 0, type, to_text(*given)};
  const auto read = reread(line);
  if (!read) {
    return std::unexpected(read.error());
  }
  std::string text = to_text(*read);
  std::string_view before = line.content;
  std::string_view now = text;
  while (!before.empty() && !now.empty()) {
    if (!kept(take_word(before), take_word(now))) {
      return refuse(line, "a number is out of range, ldns reads " + text);
    }
  }
  // Nothing but the form of a type of our own may change, and the canonical form not at all.
  const bool same = std::holds_alternative<opaque_rdata>(*given) || *read == *given;
  if (const auto again = reread({name(), 0, type, text}); !same || again != read) {
    return refuse(line, "ldns reads it as " + text);
  }
  return text;
}

} // namespace thor::zone
