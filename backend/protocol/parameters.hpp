// The parameters of one call, read with the names of method and parameter in every complaint.
//
// A reader keeps the first complaint and answers with empty values from then on, so that a call is
// read in one expression and judged at its end. Pure; what it reads must outlive it.
#pragma once

#include "backend/protocol/error.hpp"
#include "backend/protocol/ip_prefix.hpp"
#include "zone/model/name.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thor::backend {

/// How the values of a call are written.
enum class spelling : std::uint8_t {
  json, ///< as JSON has them
  text, ///< all as strings, truth as "1" and "0", and an empty list not at all: REST
};

class parameter_reader {
 public:
  /// `failure` takes the first complaint.
  parameter_reader(std::string_view method, const boost::json::object& parameters, spelling how,
                   std::optional<error>& failure)
      : method_(method)
      , parameters_(&parameters)
      , how_(how)
      , failure_(&failure) {}

  [[nodiscard]] spelling how() const { return how_; }
  [[nodiscard]] std::string_view method() const { return method_; }

  [[nodiscard]] std::string_view text(std::string_view key) const;
  [[nodiscard]] zone::inline_name name(std::string_view key) const;
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t min,
                                     std::int64_t max) const;
  [[nodiscard]] bool truth(std::string_view key, bool when_missing) const;
  /// Nothing for a missing id and for a negative one: PowerDNS writes -1 for none.
  [[nodiscard]] std::optional<std::uint32_t> domain_id(std::string_view key) const;
  /// The same for the id of a transaction, which is a time in seconds.
  [[nodiscard]] std::optional<std::int64_t> transaction_id(std::string_view key) const;
  /// The network of the client; a missing one is no network.
  [[nodiscard]] std::optional<ip_prefix> network(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;

  /// The members of an object, and of each object of an array.
  [[nodiscard]] parameter_reader object(std::string_view key) const;
  [[nodiscard]] std::vector<parameter_reader> objects(std::string_view key) const;

  void refuse(errc code, std::string_view key, std::string_view why) const;

 private:
  [[nodiscard]] const boost::json::value* find(std::string_view key) const {
    return parameters_->if_contains(key);
  }
  [[nodiscard]] const boost::json::array* array(std::string_view key) const;
  [[nodiscard]] std::optional<std::int64_t> number(const boost::json::value& written) const;
  [[nodiscard]] parameter_reader within(std::string_view key,
                                        const boost::json::value& object) const;

  std::string_view method_;
  std::string_view within_{}; ///< the parameter that this object is the value of, or empty
  const boost::json::object* parameters_;
  spelling how_;
  std::optional<error>* failure_;
};

} // namespace thor::backend
