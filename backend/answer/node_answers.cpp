#include "backend/answer/node_answers.hpp"

#include "backend/protocol/json_text.hpp"
#include "zone/text/rdata_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace thor::backend {
namespace {

/// The two ends of a row; what is between them is the content.
struct row_frame {
  std::string head;
  std::string tail;
};

row_frame frame(std::string_view type, const zone::name& owner, std::uint32_t ttl_s, bool auth,
                std::uint32_t domain_id) {
  row_frame out;
  out.head = R"(,{"qtype":")";
  out.head += type;
  out.head += R"(","qname":)";
  append_json_string(out.head, owner.text());
  out.head += ",\"content\":";
  // PowerDNS reads a `ttl` that is not a number as 0, and an `auth` of true or false as 1.
  out.tail = ",\"ttl\":" + std::to_string(ttl_s);
  out.tail += auth ? ",\"auth\":1" : ",\"auth\":0";
  out.tail += ",\"domain_id\":" + std::to_string(domain_id) + "}";
  return out;
}

/// The contents of the set's records.
std::vector<std::string> contents_of(const zone::rrset& set) {
  std::vector<std::string> out;
  out.reserve(set.records.size());
  for (const zone::rdata& record : set.records) {
    out.push_back(zone::to_text(record));
  }
  return out;
}

/// PowerDNS leaves out the last dot of a name that ends a content, except the root's; its tool
/// `pdnsutil check-zone` warns of every record that is written in another way than its own.
std::string_view as_powerdns_writes(zone::rr_type type, std::string_view content) {
  using enum zone::rr_type;
  constexpr std::array ending_in_a_name{ns, cname, ptr, mx, srv, naptr, dname};
  const bool is_root = content == "." || content.ends_with(" .");
  if (!is_root && content.ends_with('.') &&
      std::ranges::find(ending_in_a_name, type) != ending_in_a_name.end()) {
    content.remove_suffix(1);
  }
  return content;
}

/// The order of members on the ring: mixed, so that neighbours on it are not neighbours in the
/// zone, and the same as long as the members are.
std::vector<std::size_t> ring_of(const std::vector<std::string>& members,
                                 std::uint64_t server_seed) {
  std::vector<std::pair<std::uint64_t, std::size_t>> keyed;
  keyed.reserve(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    keyed.emplace_back(XXH3_64bits_withSeed(members[i].data(), members[i].size(), server_seed), i);
  }
  std::ranges::sort(keyed);
  std::vector<std::size_t> ring;
  ring.reserve(members.size());
  for (const auto& [key, member] : keyed) {
    ring.push_back(member);
  }
  return ring;
}

} // namespace

node_answers::node_answers(std::shared_ptr<const zone::node> node, std::uint32_t domain_id,
                           std::uint64_t server_seed)
    : node_(std::move(node)) {
  sets_.reserve(node_->rrsets.size());
  for (const auto& set : node_->rrsets) {
    sets_.push_back(write(*set, domain_id, server_seed));
    sliced_ = sliced_ || !sets_.back().ends.empty();
  }
  if (record_count_ == 0) {
    // The row that makes PowerDNS answer NODATA: without it a name that exists only for the names
    // below it would be NXDOMAIN.
    const row_frame nothing = frame("", node_->owner, 0, true, domain_id);
    text_ = nothing.head + "\"\"" + nothing.tail;
  }
}

node_answers::rows node_answers::write(const zone::rrset& set, std::uint32_t domain_id,
                                       std::uint64_t server_seed) {
  const row_frame row = frame(to_string(set.type), set.owner, set.ttl_s,
                              zone::is_authoritative(*node_, set.type), domain_id);
  rows out{.type = set.type,
           .slice = set.slice,
           .begin = static_cast<std::uint32_t>(text_.size()),
           .end = static_cast<std::uint32_t>(text_.size())};
  const auto add = [&](std::string_view content) {
    text_ += row.head;
    append_json_string(text_, as_powerdns_writes(set.type, content));
    text_ += row.tail;
    out.end = static_cast<std::uint32_t>(text_.size());
  };
  const std::vector<std::string> contents = contents_of(set);
  if (set.slice == 0 || set.slice >= contents.size()) {
    std::ranges::for_each(contents, add);
  } else {
    out.ends.reserve(contents.size());
    for (const std::size_t member : ring_of(contents, server_seed)) {
      add(contents[member]);
      out.ends.push_back(out.end);
    }
  }
  record_count_ += set.records.size();
  return out;
}

void node_answers::append_records(std::string& out) const {
  if (record_count_ != 0) {
    out += text_;
  }
}

void node_answers::append_lookup(std::string& out, zone::rr_type qtype,
                                 const slice_turn& turn) const {
  if (qtype == zone::rr_type::any && !sliced_) {
    out += text_;
    return;
  }
  for (const rows& set : sets_) {
    if (qtype != zone::rr_type::any && qtype != set.type) {
      continue;
    }
    if (set.ends.empty()) {
      out += part(set.begin, set.end);
    } else {
      append_slice(out, set, turn);
    }
  }
}

void node_answers::append_slice(std::string& out, const rows& of, const slice_turn& turn) const {
  const std::size_t members = of.ends.size();
  const std::size_t first = slice_start(turn, members, of.slice);
  const std::size_t past = std::min(first + of.slice, members);
  const std::size_t wrapped = of.slice - (past - first);
  const auto begin_of = [&](std::size_t row) { return row == 0 ? of.begin : of.ends[row - 1]; };
  out += part(begin_of(first), begin_of(past));
  out += part(of.begin, begin_of(wrapped));
}

} // namespace thor::backend
