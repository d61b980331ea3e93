// A new role: a program that joins an overlay as a message_archive, tells who else is one,
// publishes a figure of its own, and leaves on SIGTERM or SIGINT.
//
//   message_archive CERTIFICATE KEY CA [EVENT-SERVER...]
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <thor/overlay.hpp>

#include <csignal>
#include <exception>
#include <iostream>

namespace asio = boost::asio;
using asio::use_awaitable;
const std::string role = "message_archive";

asio::awaitable<void> live(thor::overlay& net) {
  asio::signal_set told_to_stop(co_await asio::this_coro::executor, SIGINT, SIGTERM);
  co_await net.async_joined(use_awaitable);
  std::cout << net.id() << " is a member of " << net.domain() << std::endl;
  net.publish_statistics(R"({"message_archive":{"messages":0}})");
  co_await told_to_stop.async_wait(use_awaitable);
  co_await net.async_leave(use_awaitable);
  std::cout << net.id() << " has left" << std::endl;
}

int main(int argc, char** argv) try {
  if (argc < 4) {
    std::cerr << "usage: message_archive CERTIFICATE KEY CA [EVENT-SERVER...]\n";
    return 2;
  }
  thor::options how;
  how.certificate = argv[1];
  how.key = argv[2];
  how.ca = argv[3];
  how.event_servers.assign(argv + 4, argv + argc); // none: they are found by DNS
  how.software = "message-archive 1.0";
  how.presence = thor::presence{.roles = {{role, {.ports = {{"https.tcp", 8443}}}}},
                                .attributes = {{"retention_days", "365"}}};
  const auto tell = [](const char* what, const thor::member& who) {
    if (who.roles.contains(role))
      std::cout << who.id << " at " << who.addresses.front() << ' ' << what << std::endl;
  };
  asio::io_context io;
  thor::overlay net(io, how,
                    {.on_gone = [=](const auto& who, thor::departure) { tell("is gone", who); },
                     .on_joined = [=](const auto& who) { tell("is there", who); }});
  asio::co_spawn(io, live(net), [&](std::exception_ptr failure) {
    io.stop();
    if (failure)
      std::rethrow_exception(failure);
  });
  io.run();
} catch (const std::exception& failure) {
  std::cerr << "message_archive: " << failure.what() << '\n';
  return 1;
}
