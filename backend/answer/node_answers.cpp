#include "backend/answer/node_answers.hpp"

#include "backend/answer/row.hpp"
#include "backend/protocol/json_text.hpp"
#include "zone/text/rdata_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace thor::backend {
namespace {

/// The contents of the set's records.
std::vector<std::string> contents_of(const zone::rrset& set) {
  std::vector<std::string> out;
  out.reserve(set.records.size());
  for (const zone::rdata& record : set.records) {
    out.push_back(zone::to_text(record));
  }
  return out;
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

std::vector<std::size_t> in_turn(std::size_t count) {
  std::vector<std::size_t> out(count);
  std::iota(out.begin(), out.end(), std::size_t{0});
  return out;
}

/// What takes the place of the brace that ends a row.
class scope_end {
 public:
  explicit scope_end(std::uint8_t scope) {
    constexpr std::string_view key = ",\"scopeMask\":";
    char* end = std::ranges::copy(key, text_.begin()).out;
    end = std::to_chars(end, text_.end(), scope).ptr;
    *end++ = '}';
    size_ = static_cast<std::size_t>(end - text_.begin());
  }
  [[nodiscard]] std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, 20> text_;
  std::size_t size_;
};

} // namespace

node_answers::node_answers(std::shared_ptr<const zone::node> node, std::uint32_t domain_id,
                           std::uint64_t server_seed, std::uint32_t unsettled)
    : node_(std::move(node))
    , unsettled_(unsettled)
    , viewed_(
          std::ranges::any_of(node_->rrsets, [](const auto& set) { return !set->homes.empty(); })) {
  sets_.reserve(node_->rrsets.size());
  for (const auto& set : node_->rrsets) {
    sets_.push_back(write(*set, domain_id, server_seed));
    sliced_ = sliced_ || sets_.back().is_sliced();
  }
  if (record_count_ == 0) {
    // The row that makes PowerDNS answer NODATA: without it a name that exists only for the names
    // below it would be NXDOMAIN.
    // Where nothing lies below, PowerDNS would make a type of it in the NSEC record of the name.
    const bool auth = node_->authoritative && !node_->bare;
    append_row(text_, frame("", node_->owner, 0, auth, domain_id), "");
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
    append_row(text_, row, as_powerdns_writes(set.type, content));
    out.end = static_cast<std::uint32_t>(text_.size());
  };
  const std::vector<std::string> contents = contents_of(set);
  const bool sliced = set.slice != 0 && set.slice < contents.size();
  record_count_ += contents.size();
  if (!sliced && !viewed_) {
    std::ranges::for_each(contents, add);
    return out;
  }
  out.ends.reserve(contents.size());
  const std::vector<std::size_t> order =
      sliced ? ring_of(contents, server_seed) : in_turn(contents.size());
  for (const std::size_t member : order) {
    add(contents[member]);
    out.ends.push_back(out.end);
  }
  out.elsewhere = write_elsewhere(set, row.head, row.tail, order);
  return out;
}

/// The other side of records with homes; `order` is that of the rows.
std::unique_ptr<const node_answers::elsewhere_rows>
node_answers::write_elsewhere(const zone::rrset& set, std::string_view head, std::string_view tail,
                              std::span<const std::size_t> order) {
  if (set.homes.empty()) {
    return nullptr;
  }
  auto out = std::make_unique<elsewhere_rows>();
  out->ends.reserve(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const zone::home& home = set.homes[order[i]];
    out->text += head;
    append_json_string(out->text, zone::to_text(home.elsewhere));
    out->text += tail;
    out->ends.push_back(static_cast<std::uint32_t>(out->text.size()));
    if (home.view != 0) {
      out->residents.push_back({.view = home.view, .row = static_cast<std::uint32_t>(i)});
    }
  }
  std::ranges::sort(out->residents);
  return out;
}

std::string_view node_answers::owner_text() const {
  return owner_of_row(text_);
}

void node_answers::append_records(std::string& out) const {
  if (record_count_ != 0) {
    out += text_;
  }
}

void node_answers::append_plain(std::string& out, zone::rr_type qtype) const {
  if (qtype == zone::rr_type::any) {
    out += text_;
    return;
  }
  for (const rows& set : sets_) {
    if (qtype == set.type) {
      out += part(set.begin, set.end);
    }
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
    if (set.is_sliced()) {
      append_slice(out, set, turn);
    } else {
      out += part(set.begin, set.end);
    }
  }
}

void node_answers::append_lookup(std::string& out, zone::rr_type qtype, const slice_turn& turn,
                                 const viewpoint& from) const {
  const scope_end row_end(from.scope);
  for (const rows& set : sets_) {
    if (qtype == zone::rr_type::any || qtype == set.type) {
      append_view(out, set, turn, from.view, row_end.text());
    }
  }
}

/// First the rows that are at home in the view, as they are, then others as it sees them. A view
/// that no row is at home in sees the plain set.
void node_answers::append_view(std::string& out, const rows& of, const slice_turn& turn,
                               std::uint16_t view, std::string_view row_end) const {
  std::span<const resident> own;
  if (of.elsewhere != nullptr) {
    own = std::ranges::equal_range(of.elsewhere->residents, view, {}, &resident::view);
  }
  const std::size_t others = of.ends.size() - own.size();
  const slice_share share = of.is_sliced() ? share_slice(of.slice, own.size(), others)
                                           : slice_share{.own = own.size(), .others = others};
  const auto add = [&](std::string_view row) {
    out += row.substr(0, row.size() - 1);
    out += row_end;
  };
  const auto start_of = [&](std::size_t members, std::size_t size) {
    return size == 0 || size == members ? 0 : slice_start(turn, members, size);
  };
  const std::size_t first_own = start_of(own.size(), share.own);
  for (std::size_t i = 0; i < share.own; ++i) {
    add(row(of, own[(first_own + i) % own.size()].row));
  }
  const std::size_t first_other = start_of(others, share.others);
  for (std::size_t i = 0; i < share.others; ++i) {
    const std::size_t index = other_row(own, (first_other + i) % others);
    add(own.empty() ? row(of, index) : row_elsewhere(*of.elsewhere, index));
  }
}

std::string_view node_answers::row(const rows& of, std::size_t index) const {
  return part(index == 0 ? of.begin : of.ends[index - 1], of.ends[index]);
}

std::string_view node_answers::row_elsewhere(const elsewhere_rows& of, std::size_t index) {
  const std::uint32_t begin = index == 0 ? 0 : of.ends[index - 1];
  return std::string_view(of.text).substr(begin, of.ends[index] - begin);
}

/// The row at `index` of those that are not in `own`.
std::size_t node_answers::other_row(std::span<const resident> own, std::size_t index) {
  // Before own[i] stand own[i].row - i others: look for the first that has more than `index`.
  std::size_t low = 0;
  std::size_t high = own.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (own[middle].row - middle <= index) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return index + low;
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
