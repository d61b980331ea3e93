#include "zone/text/rdata_text.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace thor::zone {
namespace {

/// Octets of one character string (RFC 1035 section 3.3).
constexpr std::size_t string_octets_max = 255;
/// No RDATA is longer than 65,535 octets; in text each may be four characters (`\DDD`).
constexpr std::size_t text_octets_max = 4 * 65535;

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// A tab is none: people and ldns write it inside quotation marks.
constexpr bool is_control(char c) {
  return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f';
}

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Writing

void append(std::string& out, std::uint32_t number) {
  std::array<char, 10> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append(std::string& out, const name& domain) {
  out += domain.text();
}

/// A character string, always in quotes.
void append(std::string& out, std::string_view octets) {
  out += '"';
  for (const char c : octets) {
    const auto value = static_cast<unsigned char>(c);
    if (value < ' ' || value > '~') {
      out += '\\';
      out += static_cast<char>('0' + value / 100);
      out += static_cast<char>('0' + value / 10 % 10);
      out += static_cast<char>('0' + value % 10);
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  out += '"';
}

template <typename... Fields>
std::string fields(const Fields&... all) {
  std::string out;
  const auto next = [&](const auto& field) {
    if (!out.empty()) {
      out += ' ';
    }
    append(out, field);
  };
  (next(all), ...);
  return out;
}

void append_address(std::string& out, int family, const std::uint8_t* octets) {
  std::array<char, INET6_ADDRSTRLEN> text;
  out += inet_ntop(family, octets, text.data(), text.size());
}

std::string write(const a_rdata& r) {
  std::string out;
  append_text(out, r);
  return out;
}
std::string write(const aaaa_rdata& r) {
  std::string out;
  append_text(out, r);
  return out;
}
std::string write(const ns_rdata& r) {
  return fields(r.target);
}
std::string write(const cname_rdata& r) {
  return fields(r.target);
}
std::string write(const ptr_rdata& r) {
  return fields(r.target);
}
std::string write(const mx_rdata& r) {
  return fields(r.preference, r.exchange);
}
std::string write(const soa_rdata& r) {
  return fields(r.mname, r.rname, r.serial, r.refresh_s, r.retry_s, r.expire_s, r.minimum_s);
}
std::string write(const srv_rdata& r) {
  return fields(r.priority, r.weight, r.port, r.target);
}
std::string write(const naptr_rdata& r) {
  return fields(r.order, r.preference, std::string_view(r.flags), std::string_view(r.service),
                std::string_view(r.regexp), r.replacement);
}
std::string write(const txt_rdata& r) {
  std::string out;
  for (const std::string& s : r.strings) {
    if (!out.empty()) {
      out += ' ';
    }
    append(out, std::string_view(s));
  }
  return out;
}
std::string write(const opaque_rdata& r) {
  return r.text;
}

// Reading

/// What an error shows of a word.
std::string shown(std::string_view raw) {
  constexpr std::size_t octets_max = 64;
  return '"' + std::string(raw.substr(0, octets_max)) + (raw.size() > octets_max ? "...\"" : "\"");
}

/// One word of presentation form; the text inside the quotes when it was quoted, escapes kept.
struct word {
  std::string_view raw;
  bool quoted = false;
};

/// Where the word that starts `text` ends, or what is wrong with it. For a quoted word: the
/// position of the closing quote.
std::expected<std::size_t, std::string_view> word_end(std::string_view text, bool quoted) {
  for (std::size_t at = quoted ? 1 : 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\\') {
      if (++at == text.size()) {
        return std::unexpected("a backslash at the end");
      }
    } else if (quoted ? c == '"' : is_blank(c)) {
      return at;
    } else if (!quoted && c == '"') {
      return std::unexpected("a quotation mark inside a word");
    } else if (!quoted && (c == ';' || c == '(' || c == ')')) {
      return std::unexpected("\";\", \"(\" and \")\" stand only inside quotation marks");
    }
    if (is_control(text[at])) {
      return std::unexpected("a control character; write it as \\DDD");
    }
  }
  if (quoted) {
    return std::unexpected("a quotation mark that is not closed");
  }
  return text.size();
}

std::expected<std::vector<word>, std::string_view> split(std::string_view text) {
  std::vector<word> words;
  for (std::size_t at = 0; at < text.size();) {
    if (is_blank(text[at])) {
      ++at;
      continue;
    }
    const bool quoted = text[at] == '"';
    const auto end = word_end(text.substr(at), quoted);
    if (!end) {
      return std::unexpected(end.error());
    }
    const std::string_view whole = text.substr(at, *end);
    words.push_back({quoted ? whole.substr(1) : whole, quoted});
    at += *end + (quoted ? 1 : 0);
    if (quoted && at < text.size() && !is_blank(text[at])) {
      return std::unexpected("no space after a closing quotation mark");
    }
  }
  return words;
}

std::optional<std::string> unescape(std::string_view raw) {
  std::string out;
  for (std::size_t at = 0; at < raw.size(); ++at) {
    if (raw[at] != '\\') {
      out += raw[at];
      continue;
    }
    ++at; // word_end has seen that something follows
    if (!is_digit(raw[at])) {
      out += raw[at];
      continue;
    }
    if (at + 2 >= raw.size() || !is_digit(raw[at + 1]) || !is_digit(raw[at + 2])) {
      return std::nullopt;
    }
    const int value = (raw[at] - '0') * 100 + (raw[at + 1] - '0') * 10 + (raw[at + 2] - '0');
    if (value > 255) {
      return std::nullopt;
    }
    out += static_cast<char>(value);
    at += 2;
  }
  return out;
}

/// Takes the words of one record in turn. The first thing that is wrong is kept, later ones do not
/// hide it; finish() gives the record or that.
class reader {
 public:
  reader(rr_type type, std::span<const word> words)
      : type_(type)
      , words_(words) {}

  std::uint32_t number(std::string_view field, std::uint32_t max) {
    const std::string_view raw = take(field);
    std::uint64_t value = 0;
    const auto [end, failure] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
    if (failure == std::errc::invalid_argument || end != raw.data() + raw.size()) {
      fail(field, shown(raw) + " is not a number");
    } else if (failure == std::errc::result_out_of_range || value > max) {
      fail(field, shown(raw) + " is above " + std::to_string(max));
    }
    return static_cast<std::uint32_t>(value);
  }
  std::uint16_t u16(std::string_view field) {
    return static_cast<std::uint16_t>(number(field, 0xffff));
  }
  std::uint32_t u32(std::string_view field) { return number(field, 0xffff'ffff); }

  name domain(std::string_view field) {
    auto parsed = name::parse(take(field));
    if (!parsed) {
      fail(field, parsed.error().detail);
      return {};
    }
    return *std::move(parsed);
  }

  std::string octets(std::string_view field) {
    auto value = unescape(take(field, quotes::allowed));
    if (!value) {
      fail(field, "a backslash needs a character or three digits up to 255");
      return {};
    }
    if (value->size() > string_octets_max) {
      fail(field, "a string of " + std::to_string(value->size()) +
                      " octets; at most 255 each, write several quoted strings");
    }
    return *std::move(value);
  }

  template <std::size_t Octets>
  std::array<std::uint8_t, Octets> address(int family) {
    std::array<std::uint8_t, Octets> value{};
    const std::string text(take("address"));
    if (inet_pton(family, text.c_str(), value.data()) != 1) {
      fail("address",
           shown(text) + " is not an IPv" + (family == AF_INET ? "4" : "6") + " address");
    }
    return value;
  }

  [[nodiscard]] bool at_end() const { return words_.empty(); }

  std::expected<rdata, error> finish(rdata&& value) {
    if (!at_end()) {
      fail("content", shown(words_.front().raw) + " is one field too many");
    }
    if (failure_) {
      return std::unexpected(error{errc::bad_rdata, *std::move(failure_)});
    }
    return std::move(value);
  }

 private:
  enum class quotes : bool { refused, allowed };

  std::string_view take(std::string_view field, quotes allowed = quotes::refused) {
    if (words_.empty()) {
      fail(field, "missing");
      return {};
    }
    const word taken = words_.front();
    words_ = words_.subspan(1);
    if (taken.quoted && allowed == quotes::refused) {
      fail(field, "must not be quoted");
    }
    return taken.raw;
  }

  void fail(std::string_view field, const std::string& why) {
    if (!failure_) {
      failure_ = to_string(type_) + " " + std::string(field) + ": " + why;
    }
  }

  rr_type type_;
  std::span<const word> words_;
  std::optional<std::string> failure_;
};

txt_rdata read_strings(reader& in) {
  txt_rdata value;
  do {
    value.strings.push_back(in.octets("text"));
  } while (!in.at_end());
  return value;
}

/// The words as they came, one space between them.
opaque_rdata fold(std::span<const word> words) {
  opaque_rdata value;
  for (const auto& [raw, quoted] : words) {
    if (!value.text.empty()) {
      value.text += ' ';
    }
    value.text += quoted ? '"' + std::string(raw) + '"' : std::string(raw);
  }
  return value;
}

std::expected<rdata, error> read(rr_type type, std::span<const word> words) {
  reader in(type, words);
  switch (type) {
  case rr_type::a:
    return in.finish(a_rdata{in.address<4>(AF_INET)});
  case rr_type::aaaa:
    return in.finish(aaaa_rdata{in.address<16>(AF_INET6)});
  case rr_type::ns:
    return in.finish(ns_rdata{in.domain("target")});
  case rr_type::cname:
    return in.finish(cname_rdata{in.domain("target")});
  case rr_type::ptr:
    return in.finish(ptr_rdata{in.domain("target")});
  case rr_type::mx:
    return in.finish(mx_rdata{in.u16("preference"), in.domain("exchange")});
  case rr_type::soa:
    return in.finish(soa_rdata{in.domain("mname"), in.domain("rname"), in.u32("serial"),
                               in.u32("refresh"), in.u32("retry"), in.u32("expire"),
                               in.u32("minimum")});
  case rr_type::srv:
    return in.finish(
        srv_rdata{in.u16("priority"), in.u16("weight"), in.u16("port"), in.domain("target")});
  case rr_type::naptr:
    return in.finish(naptr_rdata{in.u16("order"), in.u16("preference"), in.octets("flags"),
                                 in.octets("service"), in.octets("regexp"),
                                 in.domain("replacement")});
  case rr_type::txt:
    return in.finish(read_strings(in));
  default:
    return fold(words);
  }
}

} // namespace

void append_text(std::string& out, const a_rdata& address) {
  append_address(out, AF_INET, address.octets.data());
}
void append_text(std::string& out, const aaaa_rdata& address) {
  append_address(out, AF_INET6, address.octets.data());
}

std::string to_text(const rdata& data) {
  return std::visit([](const auto& value) { return write(value); }, data);
}

std::expected<rdata, error> parse_rdata(rr_type type, std::string_view text) {
  if (!is_data_type(type)) {
    return std::unexpected(error{errc::bad_type, to_string(type) + " is not a type of data"});
  }
  const auto refuse = [&](std::string_view why) {
    return std::unexpected(error{errc::bad_rdata, to_string(type) + ": " + std::string(why)});
  };
  if (text.size() > text_octets_max) {
    return refuse("longer than any record can be");
  }
  const auto words = split(text);
  if (!words) {
    return refuse(words.error());
  }
  if (words->empty()) {
    return refuse("empty content");
  }
  return read(type, *words);
}

} // namespace thor::zone
