#include "coordinator/probe/probe.hpp"

#include "coordinator/health/verdict.hpp"
#include "coordinator/probe/kinds.hpp"

#include <fmt/format.h>

#include <random>
#include <utility>

namespace thor::probe {
namespace {

template <class... Cases>
struct cases : Cases... {
  using Cases::operator()...;
};

} // namespace

std::string_view to_string(sip_transport transport) {
  switch (transport) {
  case sip_transport::udp:
    return "udp";
  case sip_transport::tcp:
    return "tcp";
  case sip_transport::tls:
    return "tls";
  }
  return "udp";
}

std::string describe(const target& what) {
  return std::visit(cases{[](const sip_target& t) {
                            return fmt::format("sip {} {}", to_string(t.transport), t.where.text());
                          },
                          [](const tcp_target& t) { return "tcp " + t.where.text(); },
                          [](const http_target& t) {
                            return fmt::format("{}://{}{}", t.https ? "https" : "http",
                                               t.where.text(), t.path.substr(0, t.path.find('?')));
                          },
                          [](const unit_target& t) { return "unit " + t.unit; },
                          [](const command_target& t) { return "command " + t.argv.front(); },
                          [](const file_target& t) { return "file " + t.path; }},
                    what);
}

std::string random_token() {
  std::random_device device;
  std::string out;
  for (int i = 0; i < 4; ++i) {
    out += fmt::format("{:08x}", device());
  }
  return out;
}

outcome judge_status(unsigned status, std::string_view reason, const health::status_set& alive) {
  const auto text = health::reason_of(fmt::format("{} {}", status, reason));
  if (alive.has(status)) {
    return text;
  }
  return std::unexpected("it answers " + text);
}

std::unique_ptr<under_way> begin(boost::asio::io_context& io, runtime::resolver& names,
                                 const target& what, done on_end) {
  if (const auto* sip = std::get_if<sip_target>(&what);
      sip != nullptr && sip->transport == sip_transport::udp) {
    return begin_datagram(io, names, *sip, std::move(on_end));
  }
  if (const auto* unit = std::get_if<unit_target>(&what)) {
    return begin_unit(io, *unit, std::move(on_end));
  }
  if (const auto* command = std::get_if<command_target>(&what)) {
    return begin_command(io, *command, std::move(on_end));
  }
  if (const auto* file = std::get_if<file_target>(&what)) {
    return begin_file(io, *file, std::move(on_end));
  }
  return begin_stream(io, names, what, std::move(on_end));
}

} // namespace thor::probe
