#include "coordinator/daemon/database/tcp_probe.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <utility>

namespace thor::database {

using boost::asio::ip::tcp;

struct tcp_probe::attempt {
  tcp::socket socket;
  done on_end;

  void end(std::expected<void, std::string> result) {
    boost::system::error_code ignored;
    socket.close(ignored);
    if (const auto tell = std::exchange(on_end, nullptr)) {
      tell(std::move(result));
    }
  }

  static void connect(const std::shared_ptr<attempt>& self,
                      const runtime::resolver::result& found) {
    if (!found) {
      return self->end(std::unexpected(found.error()));
    }
    boost::asio::async_connect(
        self->socket, *found,
        [weak = std::weak_ptr(self)](const boost::system::error_code& failure,
                                     const tcp::endpoint&) {
          if (const auto alive = weak.lock()) {
            failure ? alive->end(std::unexpected("cannot connect: " + failure.message()))
                    : alive->end({});
          }
        });
  }
};

tcp_probe::tcp_probe(boost::asio::io_context& io, runtime::resolver& names,
                     const runtime::endpoint& target, done on_end)
    : attempt_(std::make_shared<attempt>(tcp::socket(io), std::move(on_end))) {
  names.find(target, [weak = std::weak_ptr(attempt_)](const auto& found) {
    if (const auto alive = weak.lock()) {
      attempt::connect(alive, found);
    }
  });
}

tcp_probe::~tcp_probe() = default;

} // namespace thor::database
