#include "coordinator/probe/own_address.hpp"

#include "coordinator/runtime/endpoint.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include <algorithm>

namespace thor::probe {
namespace {

using boost::asio::ip::udp;

/// One can only bind to an address of one's own.
bool is_own(const model::ip_address& address) {
  boost::asio::io_context io;
  udp::socket socket(io);
  const udp::endpoint there(runtime::to_asio(address), 0);
  boost::system::error_code failure;
  socket.open(there.protocol(), failure);
  if (!failure) {
    socket.bind(there, failure);
  }
  return !failure;
}

} // namespace

model::ip_address own_address(const std::vector<model::ip_address>& announced) {
  const auto own = std::ranges::find_if(announced, is_own);
  return own == announced.end() ? model::ip_address::v4({127, 0, 0, 1}) : *own;
}

} // namespace thor::probe
