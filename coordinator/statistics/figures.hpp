// Figures: what programs count of themselves (calls, registrations, load), as everybody reads them.
//
// Figures have a name, which is a role or a word of their own ("load"), and are one JSON object: a
// section each, which is a number, or numbers by SIP domain. What else is in the object is free
// form: passed on as it is, but no number. The bounds are those of a whole body of Thor.Statistics.
//
// PURE. No reader here throws, whatever the text is.
#pragma once

#include "coordinator/wire/message.hpp"

#include <boost/json/object.hpp>

#include <expected>
#include <map>
#include <string>
#include <string_view>

namespace thor::statistics {

/// Names in what one member says.
inline constexpr std::size_t names_max = 32;
/// The figures of a thor-dns about its zone (thor.v1 section 6): not shown as figures, and nobody
/// else's to use.
inline constexpr std::string_view reserved_name = "dns";
/// After this time figures are dropped.
inline constexpr std::chrono::seconds kept_max{600};

/// The rule for role names, without the reserved one.
bool is_name(std::string_view text);

/// A number by SIP domain; "" when the section is one number.
using by_domain = std::map<std::string, double>;
using sections = std::map<std::string, by_domain>;

/// The numbers in figures. All are finite.
sections numbers_of(const boost::json::object& figures);
double sum_of(const by_domain& numbers);

/// A number for people: "1520", "0.25".
std::string to_text(double number);
/// A number as JSON: whole ones as integers.
boost::json::value to_json(double number);
/// A section: the number, or the object by domain.
boost::json::value to_json(const by_domain& numbers);

/// Reads figures from text that a program wrote. The error is a sentence for a person.
std::expected<boost::json::object, std::string> parse_figures(std::string_view text);

/// What is said in `json`, by name; only objects, and not the reserved name. Nothing when it is no
/// text that event servers would have relayed.
std::map<std::string, boost::json::object> named_figures(std::string_view json);

} // namespace thor::statistics
