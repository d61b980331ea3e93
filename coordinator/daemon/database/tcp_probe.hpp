// One probe: does anything accept a TCP connection there? It is closed at once, nothing is sent.
#pragma once

#include "coordinator/runtime/resolver.hpp"

#include <boost/asio/io_context.hpp>

#include <expected>
#include <functional>
#include <memory>
#include <string>

namespace thor::database {

/// A probe under way. Ends on destruction, without a word.
class tcp_probe {
 public:
  using done = std::function<void(std::expected<void, std::string>)>;

  /// Looks `target` up and tries its addresses in turn. `on_end` is called once, from the loop,
  /// never from within; it may destroy the probe. No deadline of its own.
  tcp_probe(boost::asio::io_context& io, runtime::resolver& names, const runtime::endpoint& target,
            done on_end);
  ~tcp_probe();
  tcp_probe(const tcp_probe&) = delete;
  tcp_probe& operator=(const tcp_probe&) = delete;

 private:
  struct attempt;
  std::shared_ptr<attempt> attempt_;
};

} // namespace thor::database
