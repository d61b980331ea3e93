#include "tests/property/zone/generators.hpp"
#include "zone/model/name.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace thor::zone {
namespace {

/// RFC 4034 section 6.1, word by word: labels from the right, each as octets.
std::vector<std::string> labels_from_the_right(name n) {
  std::vector<std::string> labels;
  for (; !n.is_root(); n = n.parent()) {
    labels.emplace_back(n.first_label());
  }
  std::ranges::reverse(labels);
  return labels;
}

bool octets_less(const std::string& a, const std::string& b) {
  return std::ranges::lexicographical_compare(
      a, b, {}, [](char c) { return static_cast<unsigned char>(c); },
      [](char c) { return static_cast<unsigned char>(c); });
}

RC_GTEST_PROP(name, text_is_read_back, ()) {
  const name n = *any_name();
  RC_ASSERT(name::parse(n.text()).value() == n);
}

RC_GTEST_PROP(name, parse_never_crashes_and_what_it_accepts_is_canonical,
              (const std::string& text)) {
  if (const auto n = name::parse(text)) {
    RC_ASSERT(n->wire().size() <= name_octets_max);
    RC_ASSERT(name::parse(n->text()).value() == *n);
  }
}

RC_GTEST_PROP(name, order_is_canonical, ()) {
  const name a = *any_name();
  const name b = *any_name();
  const bool less = std::ranges::lexicographical_compare(labels_from_the_right(a),
                                                         labels_from_the_right(b), octets_less);
  RC_ASSERT((a < b) == less);
  RC_ASSERT(((a <=> b) == 0) == (a == b));
  RC_ASSERT((a <=> b) == (0 <=> (b <=> a)));
}

RC_GTEST_PROP(name, relative_text_is_read_back, ()) {
  const name apex = *any_name();
  const name n = below(apex, *rc::gen::container<std::vector<std::string>>(2, any_label()));
  RC_ASSERT(n.is_at_or_below(apex));
  RC_ASSERT(apex.descendant(n.relative_text(apex)).value() == n);
}

RC_GTEST_PROP(name, at_or_below_means_an_ancestor, ()) {
  const name a = *any_name();
  const name b = *any_name();
  bool found = false;
  for (name up = a;; up = up.parent()) {
    found = found || up == b;
    if (up.is_root()) {
      break;
    }
  }
  RC_ASSERT(a.is_at_or_below(b) == found);
}

} // namespace
} // namespace thor::zone
