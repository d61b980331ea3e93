// One probe: is what a member depends on there, and well? By SIP OPTIONS, a TCP connection, an HTTP
// request, the state of a systemd unit, a command, or a file.
//
// A probe has no deadline of its own: health::check has it, and destroys the probe. One thread,
// that of the io_context, which must outlive it.
#pragma once

#include "coordinator/health/status_set.hpp"
#include "coordinator/runtime/resolver.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace thor::probe {

/// How to speak TLS. Without `ca` the server's certificate is not verified: nothing secret is sent,
/// and a check of 127.0.0.1 could not name it.
struct tls_settings {
  std::string server_name; ///< SNI, and what the certificate must be for; "" = the target's host
  std::string ca; ///< file of the CA that the server's certificate must come from; "" = any
  friend bool operator==(const tls_settings&, const tls_settings&) = default;
};

enum class sip_transport : std::uint8_t { udp, tcp, tls };
std::string_view to_string(sip_transport transport);

/// OPTIONS (RFC 3261 section 11); any of `alive` is the sign of life.
struct sip_target {
  runtime::endpoint where;
  sip_transport transport = sip_transport::udp;
  tls_settings tls;
  health::status_set alive = health::status_set::of_sip();
  friend bool operator==(const sip_target&, const sip_target&) = default;
};

/// Something accepts a TCP connection; nothing is sent.
struct tcp_target {
  runtime::endpoint where;
  friend bool operator==(const tcp_target&, const tcp_target&) = default;
};

/// GET, without following redirections; any of `alive` is the sign of life.
struct http_target {
  runtime::endpoint where;
  std::string path = "/"; ///< with query
  bool https = false;
  tls_settings tls;
  health::status_set alive = health::status_set::of_http();
  friend bool operator==(const http_target&, const http_target&) = default;
};

/// The unit's ActiveState is "active" or "reloading", as systemd says over D-Bus.
struct unit_target {
  std::string unit;
  friend bool operator==(const unit_target&, const unit_target&) = default;
};

/// Exit code 0. Runs without a shell in a process group of its own, standard input empty; the whole
/// group is killed when the probe ends, for whatever reason.
struct command_target {
  std::vector<std::string> argv; ///< argv[0] is a path
  friend bool operator==(const command_target&, const command_target&) = default;
};

inline constexpr std::size_t file_octets_max = 4096;
/// A file of this machine can be read, and is no larger than that.
struct file_target {
  std::string path;
  friend bool operator==(const file_target&, const file_target&) = default;
};

using target =
    std::variant<sip_target, tcp_target, http_target, unit_target, command_target, file_target>;

/// "sip udp 192.0.2.1:5060", "https://192.0.2.1:443/", "unit kamailio.service", "command
/// /bin/true", "file /run/x". Arguments and queries are left out: this is shown, and they may be
/// secret.
std::string describe(const target& what);

/// What was heard, such as "200 OK", or all that a command wrote to its standard output or a file
/// holds; or what went wrong, one line.
using outcome = std::expected<std::string, std::string>;
using done = std::function<void(outcome)>;

/// A probe under way. Ends on destruction, without a word.
class under_way {
 public:
  virtual ~under_way() = default;
};

/// `on_end` is called once, from the loop, never from within; it may destroy the probe. Host names
/// are looked up with `names`, and all addresses tried in turn.
std::unique_ptr<under_way> begin(boost::asio::io_context& io, runtime::resolver& names,
                                 const target& what, done on_end);

} // namespace thor::probe
