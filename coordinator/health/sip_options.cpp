#include "coordinator/health/sip_options.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace thor::health {
namespace {

constexpr std::string_view magic_cookie = "z9hG4bK"; // RFC 3261 section 8.1.1.7
constexpr std::string_view version = "SIP/2.0";
constexpr std::string_view blank = " \t";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos)
    return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

/// Takes a line with those that continue it (RFC 3261 section 7.3.1) from the front of `rest`.
std::string_view take_line(std::string_view& rest) {
  std::size_t end = 0;
  while (true) {
    end = rest.find('\n', end);
    if (end == std::string_view::npos) {
      end = rest.size();
      break;
    }
    ++end;
    if (end >= rest.size() || blank.find(rest[end]) == std::string_view::npos)
      break;
  }
  const auto line = rest.substr(0, end);
  rest.remove_prefix(end);
  return line;
}

/// The parameter of that name of the first value in a header field; "" without it. Quoted strings
/// and <URIs> are skipped: what looks like a parameter there is none.
std::string_view parameter(std::string_view value, std::string_view name) {
  bool quoted = false;
  bool in_uri = false;
  std::size_t begin = std::string_view::npos;
  for (std::size_t i = 0; i <= value.size(); ++i) {
    const char c = i < value.size() ? value[i] : ',';
    if (quoted && i < value.size()) {
      if (c == '\\')
        ++i;
      else
        quoted = c != '"';
      continue;
    }
    if (c == '"')
      quoted = true;
    else if (c == '<' || c == '>')
      in_uri = c == '<';
    else if ((c == ';' || c == ',') && (!in_uri || i == value.size())) {
      if (begin != std::string_view::npos) {
        const auto one = value.substr(begin, i - begin);
        const auto equals = one.find('=');
        if (equals != std::string_view::npos && same(trimmed(one.substr(0, equals)), name))
          return trimmed(one.substr(equals + 1));
      }
      if (c == ',')
        return {};
      begin = i + 1;
    }
  }
  return {};
}

std::expected<void, std::string> read_status_line(std::string_view line, sip_response& into) {
  line = line.substr(0, line.find_last_not_of("\r\n") + 1);
  if (line.size() < version.size() + 5 || !same(line.substr(0, version.size()), version) ||
      line[version.size()] != ' ')
    return std::unexpected("it is no SIP/2.0 response");
  line.remove_prefix(version.size() + 1);
  const auto code = line.substr(0, 3);
  const auto [stop, failure] = std::from_chars(code.data(), code.data() + 3, into.status);
  if (failure != std::errc() || stop != code.data() + 3 || into.status < 100 || into.status > 699 ||
      (line.size() > 3 && line[3] != ' '))
    return std::unexpected("its status code is no number from 100 to 699");
  into.reason = line.size() > 4 ? line.substr(4) : std::string_view();
  return {};
}

std::expected<void, std::string> read_length(std::string_view value, sip_response& into) {
  const auto* end = value.data() + value.size();
  const auto [stop, failure] = std::from_chars(value.data(), end, into.body_octets);
  if (failure != std::errc() || stop != end || value.empty())
    return std::unexpected("its Content-Length is no number");
  return {};
}

} // namespace

std::string sip_branch(const sip_options& what) {
  return std::string(magic_cookie) + what.token;
}

std::string sip_request(const sip_options& what) {
  const auto host = what.local.substr(0, what.local.rfind(':'));
  const auto uri = "sip:" + what.target;
  std::string out;
  const auto line = [&](std::initializer_list<std::string_view> parts) {
    for (const auto part : parts)
      out.append(part);
    out.append("\r\n");
  };
  line({"OPTIONS ", uri, " SIP/2.0"});
  line({"Via: SIP/2.0/", what.transport, " ", what.local, ";rport;branch=", sip_branch(what)});
  line({"Max-Forwards: 0"});
  line({"To: <", uri, ">"});
  line({"From: <sip:thor-node@", host, ">;tag=", what.token});
  line({"Call-ID: ", what.token, "@", host});
  line({"CSeq: 1 OPTIONS"});
  line({"Contact: <sip:thor-node@", what.local, ">"});
  line({"User-Agent: thor-node"});
  line({"Accept: application/sdp"});
  line({"Content-Length: 0"});
  line({});
  return out;
}

std::expected<sip_response, std::string> parse_sip_response(std::string_view header) {
  sip_response out;
  auto rest = header;
  if (auto good = read_status_line(take_line(rest), out); !good)
    return std::unexpected(good.error());
  bool via = false;
  while (!rest.empty()) {
    const auto line = take_line(rest);
    if (trimmed(line).empty())
      break;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos)
      return std::unexpected("a line of its header has no colon");
    const auto name = trimmed(line.substr(0, colon));
    const auto value = trimmed(line.substr(colon + 1));
    if (!via && (same(name, "via") || same(name, "v"))) {
      via = true;
      out.branch = parameter(value, "branch");
    } else if (same(name, "cseq")) {
      out.cseq_method = value.substr(std::min(value.size(), value.find_last_of(blank) + 1));
    } else if (same(name, "content-length") || same(name, "l")) {
      if (auto good = read_length(value, out); !good)
        return std::unexpected(good.error());
    }
  }
  return out;
}

std::optional<std::size_t> sip_header_octets(std::string_view received) {
  const auto end = received.find("\r\n\r\n");
  if (end == std::string_view::npos)
    return std::nullopt;
  return end + 4;
}

bool is_final_answer(const sip_response& response, const sip_options& to) {
  return response.status >= 200 && response.cseq_method == "OPTIONS" &&
         same(response.branch, sip_branch(to));
}

} // namespace thor::health
