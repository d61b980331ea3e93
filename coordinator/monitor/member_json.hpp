// A member as programs see it, the same in thor-monitor --json and on the standard input of hooks.
//
// PURE. thor-monitor(8) describes the keys. No password leaves: databases are listed for
// themselves, and announced_databases() passes over those that have one.
#pragma once

#include "coordinator/model/status.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace thor::monitor {

boost::json::object member_object(const model::member& m, bool myself);

/// The databases that are announced, best first.
boost::json::array databases_array(const model::member_map& members);

} // namespace thor::monitor
