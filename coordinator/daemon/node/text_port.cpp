#include "coordinator/daemon/node/text_port.hpp"

#include "coordinator/runtime/endpoint.hpp"
#include "coordinator/text_port/text_port.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <stdexcept>

namespace thor::node {
namespace {

const std::string listen_default = fmt::format("127.0.0.1:{}", thor::text_port::default_port);

} // namespace

text_port_settings read_text_port(runtime::section table) {
  text_port_settings out;
  out.listen_configured = table.has("listen");
  const auto text = table.text("listen", listen_default);
  if (!text.empty()) {
    const auto where = runtime::parse_address_endpoint(text, thor::text_port::default_port);
    if (where) {
      out.listen = *where;
    } else {
      table.reject("listen", "is wrong: " + where.error());
    }
  }
  for (const auto& network : table.texts("allow", {})) {
    if (auto parsed = model::ip_network::parse(network)) {
      out.allow.push_back(*std::move(parsed));
    } else {
      table.reject("allow", "is wrong: " + parsed.error().detail);
    }
  }
  if (out.listen && !out.listen->address().is_loopback() && out.allow.empty()) {
    table.reject("listen", "is open to other machines: name those that may ask in allow, such as "
                           "allow = [\"192.0.2.0/24\"]");
  }
  return out;
}

text_port::text_port(boost::asio::io_context& io, const client::network& members,
                     runtime::metrics& counters)
    : io_(io)
    , members_(members)
    , counters_(counters) {}

void text_port::follow(const text_port_settings& how) {
  if (!how.listen) {
    server_.reset();
  } else if (server_ == nullptr || where_ != how.listen) {
    listen(how);
  } else {
    server_->allow(how.allow);
  }
  where_ = how.listen;
}

void text_port::listen(const text_port_settings& how) {
  try {
    server_ = std::make_unique<runtime::text_server>(
        io_, *how.listen, how.allow, counters_, [this](std::string_view question) {
          return thor::text_port::answer(
              question, {members_.synced(), members_.view().members, members_.rings()});
        });
    spdlog::info("text port: answering at {}", listening());
  } catch (const std::runtime_error& failure) {
    if (how.listen_configured) {
      throw std::runtime_error(fmt::format("text port: {}", failure.what()));
    }
    spdlog::warn("text port: {}; going on without it. Another thor-node of this machine answers "
                 "there, or set listen in [node.lookup] to another place, or to \"\"",
                 failure.what());
  }
}

std::string text_port::listening() const {
  return server_ == nullptr ? "" : runtime::to_text(server_->listening());
}

} // namespace thor::node
