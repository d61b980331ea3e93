#include "backend/answer/writing.hpp"

#include "backend/answer/reply_text.hpp"

#include <utility>
#include <variant>

namespace thor::backend {
namespace {

class decider {
 public:
  decider(transaction& open, const answer_table& table, std::string& out)
      : open_(open)
      , table_(table)
      , out_(out) {}

  decision operator()(edit_request asked) { return {.wanted = std::move(asked.wanted)}; }

  decision operator()(begin_request asked) {
    const zone::contents* const zone = table_.zone_of(asked.zone);
    if (zone == nullptr) {
      return decline("startTransaction: there is no zone " + asked.zone.text());
    }
    if (asked.zone_id && *asked.zone_id != zone->id) {
      return decline("startTransaction: the id of the zone " + asked.zone.text() + " is not " +
                     std::to_string(*asked.zone_id));
    }
    open_.begin(asked.transaction, std::move(asked.zone), asked.zone_id.has_value());
    return granted();
  }

  decision operator()(step_request asked) {
    const zone::contents* const zone =
        asked.zone_id ? table_.zone_of(*asked.zone_id) : table_.zone_above(asked.step.owner);
    if (asked.transaction) {
      return add(std::move(asked), zone);
    }
    const std::string method(to_string(asked.what));
    if (zone == nullptr) {
      return decline(method + ": there is no such zone");
    }
    if (!asked.step.owner.is_at_or_below(zone->apex)) {
      return decline(method + ": " + asked.step.owner.text() + " is not in the zone " +
                     zone->apex.text());
    }
    zone::zone_edit alone{.apex = zone->apex, .whole_zone = false, .steps = {}};
    alone.steps.push_back(std::move(asked.step));
    return {.wanted = std::move(alone)};
  }

  decision operator()(const commit_request& asked) {
    auto wanted = open_.commit(asked.transaction);
    if (!wanted) {
      return decline("commitTransaction: " + wanted.error());
    }
    return {.wanted = *std::move(wanted)};
  }

  decision operator()(const abort_request& asked) {
    const auto ended = open_.abort(asked.transaction);
    return ended ? granted() : decline("abortTransaction: " + ended.error());
  }

  decision operator()(const ents_request&) { return granted(); }

 private:
  decision add(step_request asked, const zone::contents* zone) {
    const zone::zone_edit* const pending = open_.pending();
    if (pending != nullptr && asked.zone_id && (zone == nullptr || zone->apex != pending->apex)) {
      open_.spoil("a step is for another zone than " + pending->apex.text());
    }
    const auto added = open_.add(*asked.transaction, std::move(asked.step));
    return added ? granted() : decline(std::string(to_string(asked.what)) + ": " + added.error());
  }

  decision granted() { return {.said = answered(out_, "true")}; }
  decision decline(std::string why) { return {.said = declined(out_, std::move(why))}; }

  transaction& open_;
  const answer_table& table_;
  std::string& out_;
};

std::string_view verb_of(zone::key_edit::action what) {
  switch (what) {
    using enum zone::key_edit::action;
  case remove:
    return "removal";
  case activate:
    return "activation";
  case deactivate:
    return "deactivation";
  case publish:
    return "publication";
  case unpublish:
    return "withdrawal";
  }
  return "change";
}

} // namespace

decision decide(write_request asked, transaction& open, const answer_table& table,
                std::string& out) {
  return std::visit(decider(open, table, out), std::move(asked));
}

void append_outcome(std::string& out, method what, const zone::edit_outcome& outcome) {
  if (!outcome.done) {
    append_result(out, "false", outcome.notes);
  } else if (what == method::add_domain_key) {
    append_result(out, std::to_string(outcome.key_id), outcome.notes);
  } else {
    append_result(out, "true", outcome.notes);
  }
}

std::string subject_of(const zone::edit& wanted) {
  struct visitor {
    std::string operator()(const zone::zone_edit& edit) const {
      return std::to_string(edit.steps.size()) +
             (edit.whole_zone ? " records as the whole of " : " changes of ") + edit.apex.text();
    }
    std::string operator()(const zone::metadata_edit& edit) const {
      return "metadata " + excerpt(edit.kind) + " of " + edit.apex.text();
    }
    std::string operator()(const zone::key_addition& edit) const {
      return "a new key of " + edit.apex.text();
    }
    std::string operator()(const zone::key_edit& edit) const {
      return std::string(verb_of(edit.what)) + " of key " + std::to_string(edit.id) + " of " +
             edit.apex.text();
    }
    std::string operator()(const zone::tsig_edit& edit) const {
      return (edit.secret ? "TSIG key " : "removal of TSIG key ") + edit.owner.text();
    }
  };
  return std::visit(visitor{}, wanted);
}

} // namespace thor::backend
