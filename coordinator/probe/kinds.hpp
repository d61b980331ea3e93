// The probes of each kind, for probe.cpp.
#pragma once

#include "coordinator/probe/probe.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace thor::probe {

/// TCP, and SIP and HTTP over it, with and without TLS.
std::unique_ptr<under_way> begin_stream(boost::asio::io_context& io, runtime::resolver& names,
                                        const target& what, done on_end);
std::unique_ptr<under_way> begin_datagram(boost::asio::io_context& io, runtime::resolver& names,
                                          const sip_target& what, done on_end);
std::unique_ptr<under_way> begin_unit(boost::asio::io_context& io, const unit_target& what,
                                      done on_end);
std::unique_ptr<under_way> begin_command(boost::asio::io_context& io, const command_target& what,
                                         done on_end);
std::unique_ptr<under_way> begin_file(boost::asio::io_context& io, const file_target& what,
                                      done on_end);

/// For the identifiers of a SIP request: 32 hexadecimal digits that nobody has used.
std::string random_token();

/// "200 OK" when the status is one of `alive`, else the same as what went wrong.
outcome judge_status(unsigned status, std::string_view reason, const health::status_set& alive);

} // namespace thor::probe
