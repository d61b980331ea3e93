#include "tests/property/zone/generators.hpp"
#include "zone/denial/denial.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>

namespace thor::zone {
namespace {

/// A zone in which names nest, cut, are secure and insecure, and have no records.
std::shared_ptr<const contents> any_signed_zone(const contents* previous) {
  zone_input input = *any_input();
  for (int left = *rc::gen::inRange(0, 6); left > 0; --left) {
    rrset set{.owner = *zone_name(), .type = rr_type::ns, .ttl_s = 30};
    set.records = {ns_rdata{*zone_name()}};
    if (*rc::gen::arbitrary<bool>()) {
      set.type = rr_type::ds;
      set.records = {opaque_rdata{"1 13 2 00"}};
    }
    input.rrsets.push_back(std::move(set));
  }
  return build(input, previous).zone;
}

std::optional<nsec3_parameters> any_parameters() {
  if (*rc::gen::inRange(0, 3) == 0) {
    return std::nullopt;
  }
  return nsec3_parameters{.iterations = *rc::gen::inRange<std::uint16_t>(0, 3),
                          .salt = *rc::gen::element<std::string>("", "\xaa\xbb"),
                          .opt_out = *rc::gen::arbitrary<bool>()};
}

bool has(const node& n, rr_type type) {
  return std::ranges::any_of(n.rrsets, [&](const auto& set) { return set->type == type; });
}

/// The owners, from the words of RFC 4034, RFC 4035 section 2.3 and RFC 5155 section 7.1, each name
/// looked at by itself.
std::vector<const node*> owners_of(const contents& zone,
                                   const std::optional<nsec3_parameters>& how) {
  const auto below_a_cut = [&](const name& owner) {
    return std::ranges::any_of(zone.nodes, [&](const auto& n) {
      return n->owner != zone.apex && has(*n, rr_type::ns) && owner != n->owner &&
             owner.is_at_or_below(n->owner);
    });
  };
  const auto has_data = [&](const node& n) {
    const bool insecure = n.owner != zone.apex && has(n, rr_type::ns) && !has(n, rr_type::ds);
    return !n.rrsets.empty() && !below_a_cut(n.owner) && !(how && how->opt_out && insecure);
  };
  std::vector<const node*> out;
  for (const auto& n : zone.nodes) {
    const bool terminal = std::ranges::none_of(zone.nodes, [&](const auto& other) {
      return other != n && other->owner.is_at_or_below(n->owner);
    });
    const bool nothing = n->rrsets.empty() && !below_a_cut(n->owner);
    if (has_data(*n) || (nothing && (how || terminal))) {
      out.push_back(n.get());
    }
  }
  return out;
}

/// What sorts as the zone's order does: the name itself, or its hash.
std::string label_of(const name& owner, const nsec3_parameters& how) {
  const nsec3_label label = to_label(hash_names({&owner}, how).front());
  return {label.data(), label.size()};
}

name relative(const name& owner, const name& apex) {
  return owner == apex ? name() : name::parse(owner.relative_text(apex)).value();
}

RC_GTEST_PROP(denial, finds_the_neighbours_that_all_owners_in_a_row_show, ()) {
  const auto zone = any_signed_zone(nullptr);
  const auto how = any_parameters();
  const denial order(zone, how, nullptr);
  std::map<name, const node*> by_key; // labels of base32hex sort as names do
  const auto key_of = [&](const name& owner) {
    return how ? name().child(label_of(owner, *how)).value() : relative(owner, zone->apex);
  };
  for (const node* const owner : owners_of(*zone, how)) {
    by_key.emplace(key_of(owner->owner), owner);
  }
  RC_ASSERT(order.size() == by_key.size());
  std::vector<name> asked{*zone_name(), *zone_name(), below(zone->apex, {*any_label()})};
  for (const auto& n : zone->nodes) {
    asked.push_back(n->owner);
    asked.push_back(n->owner.child("aa").value());
  }
  for (const name& owner : asked) {
    const name key = key_of(owner);
    const auto after = by_key.upper_bound(key);
    const node* const before =
        after == by_key.begin() ? by_key.rbegin()->second : std::prev(after)->second;
    const node* const next = after == by_key.end() ? by_key.begin()->second : after->second;
    const auto found = order.around(key.labels());
    RC_ASSERT(found.has_value());
    RC_ASSERT(zone->nodes[found->before].get() == before);
    RC_ASSERT(zone->nodes[found->after].get() == next);
    if (how) {
      RC_ASSERT(found->before_hash == hash_names({&before->owner}, *how).front());
      RC_ASSERT(found->after_hash == hash_names({&next->owner}, *how).front());
    }
  }
}

RC_GTEST_PROP(denial, denies_alike_where_owner_types_and_next_owner_are_the_same, ()) {
  const auto how = any_parameters();
  const auto before = any_signed_zone(nullptr);
  const auto after = any_signed_zone(before.get());
  const denial was(before, how, nullptr);
  const denial is(after, how, &was);
  const auto record_for = [&](const denial& order, const contents& zone, std::string_view labels) {
    const neighbours found = order.around(labels).value();
    std::string out = zone.nodes[found.before]->owner.text();
    for (const auto& set : zone.nodes[found.before]->rrsets) {
      out += " " + to_string(set->type);
    }
    return out + " " + zone.nodes[found.after]->owner.text();
  };
  for (int left = 20; left > 0; --left) {
    const name owner = *zone_name();
    const name key =
        how ? name().child(label_of(owner, *how)).value() : relative(owner, before->apex);
    const bool alike =
        record_for(was, *before, key.labels()) == record_for(is, *after, key.labels());
    RC_ASSERT(is.denies_alike(was, key.labels()) == alike);
  }
}

RC_GTEST_PROP(denial, one_made_after_others_is_as_one_made_from_scratch, ()) {
  const auto how = any_parameters();
  std::shared_ptr<const contents> zone;
  std::optional<denial> order;
  for (int step = 0; step < 4; ++step) {
    zone = any_signed_zone(zone.get());
    const auto how_now = *rc::gen::inRange(0, 6) == 0 ? any_parameters() : how;
    order = denial(zone, how_now, order ? &*order : nullptr);
    const denial scratch(zone, how_now, nullptr);
    RC_ASSERT(order->size() == scratch.size());
    std::string at = how_now ? "\x20" + std::string(32, '0') : std::string();
    for (std::size_t i = 0; i <= scratch.size(); ++i) {
      const auto found = order->around(at);
      const auto expected = scratch.around(at);
      RC_ASSERT(found.has_value());
      RC_ASSERT(found->before == expected->before);
      RC_ASSERT(found->after == expected->after);
      RC_ASSERT(found->before_hash == expected->before_hash);
      RC_ASSERT(found->after_hash == expected->after_hash);
      const name& next = zone->nodes[found->after]->owner;
      const nsec3_label label = to_label(found->after_hash);
      at = how_now ? "\x20" + std::string(label.data(), label.size())
                   : std::string(relative(next, zone->apex).labels());
    }
  }
}

} // namespace
} // namespace thor::zone
