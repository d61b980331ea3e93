#include "backend/answer/transaction.hpp"

#include <utility>

namespace thor::backend {
namespace {

std::size_t octets_of(const zone::rrset_edit& step) {
  std::size_t out = step.owner.wire().size() + step.type.size();
  for (const zone::written_record& record : step.records) {
    out += record.type.size() + record.content.size();
  }
  return out;
}

} // namespace

void transaction::begin(std::int64_t id, zone::name apex, bool whole_zone) {
  open_.emplace(unfinished{
      .id = id, .wanted = {.apex = std::move(apex), .whole_zone = whole_zone, .steps = {}}});
}

std::expected<void, std::string> transaction::check(std::int64_t id) const {
  if (!open_ || open_->id != id) {
    return std::unexpected("no transaction " + std::to_string(id) +
                           " was begun on this connection");
  }
  return {};
}

std::expected<void, std::string> transaction::add(std::int64_t id, zone::rrset_edit step) {
  if (auto known = check(id); !known) {
    return known;
  }
  if (!step.owner.is_at_or_below(open_->wanted.apex)) {
    spoil(step.owner.text() + " is not in the zone " + open_->wanted.apex.text());
  }
  open_->records += step.records.size();
  open_->octets += octets_of(step);
  if (open_->records > transaction_records_max || open_->octets > transaction_octets_max) {
    spoil("the transaction is larger than " + std::to_string(transaction_records_max) +
          " records or " + std::to_string(transaction_octets_max) + " octets");
  }
  if (open_->spoiled) {
    open_->wanted.steps.clear();
    return std::unexpected(*open_->spoiled);
  }
  open_->wanted.steps.push_back(std::move(step));
  return {};
}

std::expected<zone::zone_edit, std::string> transaction::commit(std::int64_t id) {
  if (auto known = check(id); !known) {
    return std::unexpected(std::move(known).error());
  }
  unfinished ended = std::move(*open_);
  open_.reset();
  if (ended.spoiled) {
    return std::unexpected(*std::move(ended.spoiled));
  }
  return std::move(ended.wanted);
}

std::expected<void, std::string> transaction::abort(std::int64_t id) {
  auto known = check(id);
  if (known) {
    open_.reset();
  }
  return known;
}

void transaction::spoil(std::string why) {
  if (open_ && !open_->spoiled) {
    open_->spoiled = std::move(why);
  }
}

} // namespace thor::backend
