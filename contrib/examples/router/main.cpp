// A router: reads a user@domain a line from standard input and prints the sip_proxy that is
// responsible for it, and the one that takes over should it fail. It only listens, which any
// certificate of the overlay may. New users are asked for with "new user@domain".
//
//   router CERTIFICATE KEY CA [EVENT-SERVER...]
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <thor/overlay.hpp>
#include <unistd.h>

#include <exception>
#include <iostream>

namespace asio = boost::asio;
using asio::use_awaitable;

/// "sip:192.0.2.11:5060 (gw1)": where requests go to, by the port that the member announces.
std::string target(const thor::member& proxy) {
  const auto& ports = proxy.roles.at("sip_proxy").ports;
  const auto announced = ports.find("sip.udp");
  const auto port = announced == ports.end() ? 5060 : announced->second;
  const auto& address = proxy.addresses.front();
  const auto host = address.is_v6() ? '[' + address.to_string() + ']' : address.to_string();
  return "sip:" + host + ':' + std::to_string(port) + " (" + proxy.id + ')';
}

std::string route(const thor::overlay& net, std::string_view line) {
  auto what_for = thor::placement::existing;
  if (line.starts_with("new ")) {
    line.remove_prefix(4);
    what_for = thor::placement::fresh;
  }
  const auto proxies = net.lookup("sip_proxy", line, 2, what_for);
  if (proxies.empty())
    return std::string(line) + " has nowhere to go: there is no sip_proxy";
  auto out = std::string(line) + " -> " + target(*proxies[0]);
  if (proxies.size() > 1)
    out += ", then " + target(*proxies[1]);
  return out;
}

asio::awaitable<void> serve(const thor::overlay& net, asio::posix::stream_descriptor& input) {
  std::string text;
  while (true) {
    boost::system::error_code end;
    const auto octets = co_await asio::async_read_until(
        input, asio::dynamic_buffer(text, 4096), '\n', asio::redirect_error(use_awaitable, end));
    if (end)
      co_return;
    std::cout << route(net, std::string_view(text).substr(0, octets - 1)) << std::endl;
    text.erase(0, octets);
  }
}

asio::awaitable<void> live(thor::overlay& net) {
  asio::posix::stream_descriptor input(co_await asio::this_coro::executor, ::dup(STDIN_FILENO));
  co_await net.async_synced(use_awaitable);
  co_await serve(net, input);
  co_await net.async_leave(use_awaitable);
}

int main(int argc, char** argv) try {
  if (argc < 4) {
    std::cerr << "usage: router CERTIFICATE KEY CA [EVENT-SERVER...]\n";
    return 2;
  }
  thor::options how;
  how.certificate = argv[1];
  how.key = argv[2];
  how.ca = argv[3];
  how.event_servers.assign(argv + 4, argv + argc); // none: they are found by DNS
  how.software = "router 1.0";
  asio::io_context io;
  thor::overlay net(io, how, {.on_settled = [&] {
                      std::cerr << "the network has " << net.members().size() << " members\n";
                    }});
  asio::co_spawn(io, live(net), [&](std::exception_ptr failure) {
    io.stop();
    if (failure)
      std::rethrow_exception(failure);
  });
  io.run();
} catch (const std::exception& failure) {
  std::cerr << "router: " << failure.what() << '\n';
  return 1;
}
