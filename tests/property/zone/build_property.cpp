#include "tests/property/zone/generators.hpp"
#include "zone/build/build.hpp"
#include "zone/text/rdata_text.hpp"
#include "zone/text/zonefile.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <set>
#include <sstream>

namespace thor::zone {
namespace {

bool same(const node& a, const node& b) {
  return a.owner == b.owner && a.authoritative == b.authoritative && a.available == b.available &&
         a.bare == b.bare && a.delegation == b.delegation &&
         std::ranges::equal(a.rrsets, b.rrsets,
                            [](const auto& x, const auto& y) { return *x == *y; });
}

bool same(const contents& a, const contents& b) {
  return a.apex == b.apex && a.serial == b.serial &&
         std::ranges::equal(a.nodes, b.nodes,
                            [](const auto& x, const auto& y) { return same(*x, *y); });
}

using record_set = std::set<std::tuple<name, rr_type, std::uint32_t, rdata>>;

record_set records_of(const contents& zone) {
  record_set all;
  for (const auto& n : zone.nodes) {
    for (const auto& set : n->rrsets) {
      for (const rdata& r : set->records) {
        all.emplace(set->owner, set->type, set->ttl_s, r);
      }
    }
  }
  return all;
}

RC_GTEST_PROP(build, is_complete_and_in_canonical_order, ()) {
  const contents zone = *build(*any_input(), nullptr).zone;
  RC_ASSERT(zone.nodes.front()->owner == zone.apex);
  std::set<name> names;
  for (const auto& n : zone.nodes) {
    RC_ASSERT((names.empty() || *names.rbegin() < n->owner));
    names.insert(n->owner);
    RC_ASSERT((n->owner == zone.apex || names.contains(n->owner.parent())));
    RC_ASSERT(zone.find(n->owner) == n.get());
    const bool has_names_below = std::ranges::any_of(zone.nodes, [&](const auto& other) {
      return other != n && other->owner.is_at_or_below(n->owner);
    });
    RC_ASSERT(n->bare == (n->rrsets.empty() && !has_names_below));
    for (const auto& set : n->rrsets) {
      RC_ASSERT(set->owner == n->owner);
      RC_ASSERT(!set->records.empty());
      RC_ASSERT(std::ranges::adjacent_find(set->records, std::greater_equal()) ==
                set->records.end());
    }
    RC_ASSERT(std::ranges::is_sorted(n->rrsets, {}, [](const auto& set) { return set->type; }));
  }
}

RC_GTEST_PROP(build, loses_no_record_without_saying_so, ()) {
  const zone_input input = *any_input();
  const built result = build(input, nullptr);
  std::set<std::tuple<name, rr_type, std::string>> given;
  for (const rrset& set : input.rrsets) {
    for (const rdata& r : set.records) {
      given.emplace(set.owner, set.type, to_text(r));
    }
  }
  std::set<std::tuple<name, rr_type, std::string>> found;
  for (const auto& [owner, type, ttl_s, r] : records_of(*result.zone)) {
    if (type != rr_type::soa) {
      found.emplace(owner, type, to_text(r));
    }
  }
  for (const rejection& r : result.rejected) {
    RC_ASSERT(found.emplace(r.owner, r.type, r.content).second);
  }
  RC_ASSERT(found == given);
}

RC_GTEST_PROP(build, aliases_stand_alone_and_cuts_hide_what_is_below, ()) {
  const contents zone = *build(*any_input(), nullptr).zone;
  std::set<name> cuts;
  for (const auto& n : zone.nodes) {
    const auto has = [&](rr_type type) {
      return std::ranges::any_of(n->rrsets, [&](const auto& set) { return set->type == type; });
    };
    RC_ASSERT((!has(rr_type::cname) || n->rrsets.size() == 1));
    const bool hidden =
        std::ranges::any_of(cuts, [&](const name& cut) { return n->owner.is_at_or_below(cut); });
    RC_ASSERT(n->authoritative == !hidden);
    RC_ASSERT((n->delegation == (!hidden && n->owner != zone.apex && has(rr_type::ns))));
    if (n->delegation) {
      cuts.insert(n->owner);
    }
  }
}

RC_GTEST_PROP(build, from_a_previous_zone_is_the_same_and_shares, ()) {
  const zone_input before_input = *any_input();
  const auto before = build(before_input, nullptr).zone;
  const zone_input input = *any_input();
  RC_ASSERT(same(*build(input, before.get()).zone, *build(input, nullptr).zone));

  const auto again = build(before_input, before.get()).zone;
  RC_ASSERT(again->nodes == before->nodes);
}

RC_GTEST_PROP(diff, leads_from_one_zone_to_the_other, ()) {
  const auto before = build(*any_input(), nullptr).zone;
  const auto after = build(*any_input(), before.get()).zone;
  record_set records = records_of(*before);
  const record_set old = records;
  for (const change& c : diff(before.get(), *after)) {
    for (const rdata& r : c.removed) {
      const auto found = std::ranges::find_if(records, [&](const auto& record) {
        return std::get<0>(record) == c.owner && std::get<1>(record) == c.type &&
               std::get<3>(record) == r;
      });
      RC_ASSERT(found != records.end());
      records.erase(found);
    }
    for (const rdata& r : c.added) {
      RC_ASSERT(records.emplace(c.owner, c.type, c.ttl_s, r).second);
    }
  }
  RC_ASSERT(records == records_of(*after));
}

RC_GTEST_PROP(changed_names, are_those_whose_nodes_differ, ()) {
  const auto before = build(*any_input(), nullptr).zone;
  const auto after = build(*any_input(), before.get()).zone;
  std::set<name> differ;
  for (const contents* zone : {before.get(), after.get()}) {
    for (const auto& n : zone->nodes) {
      const node* const x = before->find(n->owner);
      const node* const y = after->find(n->owner);
      if (x == nullptr || y == nullptr || !same(*x, *y)) {
        differ.insert(n->owner);
      }
    }
  }
  RC_ASSERT(changed_names(before.get(), *after) == std::vector<name>(differ.begin(), differ.end()));
}

RC_GTEST_PROP(zonefile, is_read_back, ()) {
  const contents zone = *build(*any_input(), nullptr).zone;
  record_set read;
  std::istringstream file(to_zonefile(zone));
  for (std::string owner, ttl, in, type, content;
       file >> owner >> ttl >> in >> type && std::getline(file >> std::ws, content);) {
    const rr_type t = parse_type(type).value();
    read.emplace(name::parse(owner).value(), t, std::stoul(ttl), parse_rdata(t, content).value());
  }
  RC_ASSERT(read == records_of(zone));
}

/// Some of ten names below `parent`, each with one of three addresses.
std::map<name, rrset> any_leaves(const name& parent) {
  std::map<name, rrset> all;
  for (const int number : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 10))) {
    const name owner = parent.child("n" + std::to_string(number)).value();
    all[owner] = {
        owner, rr_type::a, 30, {a_rdata{{192, 0, 2, *rc::gen::inRange<std::uint8_t>(0, 3)}}}};
  }
  return all;
}

RC_GTEST_PROP(build, names_made_before_stand_as_if_they_were_described, ()) {
  const auto parent = *name::parse(*rc::gen::element<std::string>(
      "leaves.example", "leaves.a.example", "leaves.b.a.example", "leaves.zz.example"));
  std::map<name, std::shared_ptr<const node>> made;
  std::shared_ptr<const contents> before;
  for (int publication = 0; publication < 3; ++publication) {
    zone_input plain = *any_input();
    zone_input quick = plain;
    for (const auto& [owner, set] : any_leaves(parent)) {
      plain.rrsets.push_back(set);
      auto& kept = made[owner];
      if (kept == nullptr || *kept->rrsets.front() != set) {
        kept = std::make_shared<const node>(
            node{.owner = owner, .rrsets = {std::make_shared<const rrset>(set)}});
      }
      quick.leaves.push_back(kept);
    }
    const auto result = build(quick, before.get());
    RC_ASSERT(same(*result.zone, *build(plain, nullptr).zone));
    if (before != nullptr) {
      for (const name& owner : changed_names(before.get(), *result.zone)) {
        const node* const was = before->find(owner);
        const node* const is = result.zone->find(owner);
        RC_ASSERT((was == nullptr || is == nullptr || !same(*was, *is)));
      }
    }
    before = result.zone;
  }
}

} // namespace
} // namespace thor::zone
