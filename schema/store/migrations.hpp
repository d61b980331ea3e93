// The SQL of schema/operator and schema/zone, compiled in (schema/migrations.cmake).
//
// Element n brings a database from version n to n + 1 (PRAGMA user_version). Pure constants.
#pragma once

#include <span>
#include <string_view>

namespace thor::store {

std::span<const std::string_view> operator_migrations();
std::span<const std::string_view> zone_migrations();

} // namespace thor::store
