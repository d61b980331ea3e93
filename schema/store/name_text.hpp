// Names as PowerDNS's SQL backends write them: lower-case, without the last dot, and only `.`, `\`
// and what is not printable escaped. PowerDNS compares them as text, so the form is exact. Pure.
#pragma once

#include "zone/model/name.hpp"

#include <string>

namespace thor::store {

std::string name_text(const zone::name& n);

} // namespace thor::store
