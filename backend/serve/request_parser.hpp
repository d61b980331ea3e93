// Reads an HTTP request into strings that are used again for the next. Beast's own message would
// take every field of every request from the heap, and PowerDNS writes eight.
//
// On the thread of its session, which owns both.
#pragma once

#include <boost/beast/http/basic_parser.hpp>

#include <string>
#include <string_view>

namespace thor::backend {

/// What a responder wants to know of a request.
struct request_text {
  std::string verb{};
  std::string target{};
  unsigned version = 11; ///< 10 or 11
  // Of a field that comes twice the first is kept; empty without.
  std::string zone_id{};     ///< X-RemoteBackend-zone-id
  std::string real_remote{}; ///< X-RemoteBackend-real-remote
  std::string transaction{}; ///< X-RemoteBackend-trxid
  std::string body{};

  /// As new, with the memory of the last request, unless that was a long one.
  void clear();
};

/// Parses one request. Not for another one after that.
class request_parser final : public boost::beast::http::basic_parser<true> {
 public:
  /// Clears `into`, which must outlive the parser.
  explicit request_parser(request_text& into);

 private:
  using error_code = boost::beast::error_code;
  using text = boost::beast::string_view;

  void on_request_impl(boost::beast::http::verb verb, text verb_text, text target, int version,
                       error_code& failure) override;
  void on_response_impl(int status, text reason, int version, error_code& failure) override;
  void on_field_impl(boost::beast::http::field field, text name, text value,
                     error_code& failure) override;
  void on_header_impl(error_code& failure) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& octets,
                         error_code& failure) override;
  std::size_t on_body_impl(text piece, error_code& failure) override;
  void on_chunk_header_impl(std::uint64_t octets, text extensions, error_code& failure) override;
  std::size_t on_chunk_body_impl(std::uint64_t left, text piece, error_code& failure) override;
  void on_finish_impl(error_code& failure) override;

  request_text& into_;
};

} // namespace thor::backend
