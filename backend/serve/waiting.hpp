// How the coroutines of a serving loop wait.
//
// Everything on a loop belongs to one io_context, and says so by its type: an executor of any kind
// is copied through virtual calls, some of them for every octet string that comes or goes.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace thor::backend {

using loop_executor = boost::asio::io_context::executor_type;

template <typename Result>
using awaitable = boost::asio::awaitable<Result, loop_executor>;

/// What `co_await` gets from an operation of a loop: its error code and results, never an
/// exception.
inline constexpr auto awaiting =
    boost::asio::as_tuple(boost::asio::use_awaitable_t<loop_executor>());

using tcp_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, loop_executor>;
using unix_socket =
    boost::asio::basic_stream_socket<boost::asio::local::stream_protocol, loop_executor>;

} // namespace thor::backend
