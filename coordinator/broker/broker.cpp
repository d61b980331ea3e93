#include "coordinator/broker/broker.hpp"

#include <algorithm>
#include <utility>

namespace thor::broker {

using wire::close_code;
using wire::fact_state;

namespace {

constexpr std::size_t detail_octets_max = 400; // fits text_octets_max with what is put around it

frame encoded(const wire::server_message& m) {
  return std::make_shared<const std::string>(wire::encode(m));
}

std::uint64_t to_ms(model::duration d) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  return ms > 0 ? static_cast<std::uint64_t>(ms) : 0;
}

std::string to_string(const model::version& v) {
  return std::to_string(v.incarnation) + "." + std::to_string(v.sequence);
}

wire::fact fact_of(const model::node_id& id, const record& r, model::time_point now) {
  return {.id = id, .at = r.at, .state = r.state, .age_ms = to_ms(now - r.since)};
}

frame event_of(const wire::signed_body& what, std::optional<wire::fact> about = std::nullopt) {
  return encoded(wire::event{.what = what, .about = std::move(about)});
}

std::string_view type_of(const wire::client_message& m) {
  constexpr std::array<std::string_view, 4> names{"hello", "subscribe", "publish", "renew"};
  static_assert(std::variant_size_v<wire::client_message> == names.size());
  return names[m.index()];
}

} // namespace

broker::broker(options how, author_check authors, model::time_point started)
    : how_(std::move(how))
    , authors_(std::move(authors))
    , started_(started)
    , next_beat_(started + heartbeat_interval)
    , last_call_(started)
    , settled_at_(started + lease) {}

// ---- the two entrances

void broker::on_event(model::time_point now, const input& in, effects& out) {
  notice_pause(now, out);
  std::visit([&](const auto& what) { handle(now, what, out); }, in);
}

void broker::on_deadline(model::time_point now, effects& out) {
  notice_pause(now, out);
  for (const auto& id : members_.on_deadline(now))
    report(now, id, out);
  while (!silent_.empty() && silent_.begin()->first + hello_deadline <= now)
    drop(now, silent_.begin()->second, close_code::protocol_error, "no hello in time", "no_hello",
         fact_state::closed, out);
  if (next_beat_ <= now)
    beat(now, out);
}

model::time_point broker::next_deadline() const {
  auto next = std::min(next_beat_, members_.next_deadline());
  if (!silent_.empty())
    next = std::min(next, silent_.begin()->first + hello_deadline);
  return next;
}

// ---- sessions

void broker::refuse_session(const session_opened& in, std::size_t open, effects& out) {
  out.emplace_back(count{counter::refused, "too_many_sessions"});
  out.emplace_back(note{level::warn, in.who.id.text() + " at " + in.from.text() + ": refused, " +
                                         std::to_string(open) + " sessions are open" +
                                         (open < sessions_max ? " with its certificate" : "")});
  out.emplace_back(close{in.session, close_code::overloaded, "too many sessions"});
}

void broker::handle(model::time_point now, const session_opened& in, effects& out) {
  if (sessions_.size() >= sessions_max)
    return refuse_session(in, sessions_.size(), out);
  auto& of_this_id = sessions_of_[in.who.id];
  if (of_this_id >= sessions_per_id_max)
    return refuse_session(in, of_this_id, out);
  ++of_this_id;
  const auto rate = in.who.has_role(identity::role_manager) ? manager_rate : member_rate;
  sessions_.emplace(in.session, session{.number = in.session,
                                        .who = in.who,
                                        .from = in.from,
                                        .opened = now,
                                        .frames = rate_limit(rate)});
  silent_.emplace(now, in.session);
}

void broker::handle(model::time_point now, const session_closed& in, effects& out) {
  const auto found = sessions_.find(in.session);
  if (found == sessions_.end())
    return;
  out.emplace_back(note{level::info, found->second.name() + ": connection ended"});
  forget_session(now, in.session, fact_state::closed, out);
}

void broker::handle(model::time_point now, const peer_barred& in, effects& out) {
  const auto found = sessions_.find(in.session);
  if (found == sessions_.end())
    return;
  const auto word = identity::to_string(in.why.code);
  out.emplace_back(note{level::error, "ALARM: " + found->second.name() + " is cut off, " +
                                          std::string(word) + ": " + in.why.detail});
  out.emplace_back(count{counter::alarms, word});
  drop(now, in.session, close_code::revoked, std::string(word), word,
       in.why.code == identity::errc::expired ? fact_state::expired : fact_state::revoked, out);
}

void broker::handle(model::time_point, const admission_changed& in, effects&) {
  queued_ = in.queued;
}

void broker::drop(model::time_point now, session_id which, close_code code, std::string reason,
                  std::string_view label, fact_state how, effects& out) {
  out.emplace_back(count{counter::closed, label});
  out.emplace_back(close{which, code, std::move(reason)});
  forget_session(now, which, how, out);
}

/// Everything that a session's end means to the others.
void broker::forget_session(model::time_point now, session_id which, fact_state how, effects& out) {
  const auto found = sessions_.find(which);
  const auto id = found->second.who.id;
  silent_.erase({found->second.opened, which});
  for (auto& of_topic : subscribers_)
    of_topic.erase(which);
  sessions_.erase(found);
  if (const auto open = sessions_of_.find(id); --open->second == 0)
    sessions_of_.erase(open);
  if (const auto announced = announcing_.find(id);
      announced != announcing_.end() && announced->second == which)
    announcing_.erase(announced);
  if (const auto* r = members_.find(id); r != nullptr && r->session == which) {
    members_.end(id, how, now);
    report(now, id, out);
  }
}

// ---- frames

void broker::handle(model::time_point now, const frame_received& in, effects& out) {
  const auto found = sessions_.find(in.session);
  if (found == sessions_.end())
    return;
  const auto done = receive(now, found->second, in, out);
  if (done)
    return;
  refuse(found->second, done.error(), out);
  if (done.error().then)
    drop(now, in.session, *done.error().then, std::string(done.error().reason), done.error().reason,
         fact_state::closed, out);
}

void broker::refuse(const session& who, const refusal& why, effects& out) const {
  out.emplace_back(count{counter::refused, why.reason});
  out.emplace_back(
      note{level::warn, who.name() + ": refused " + std::string(why.reason) + ": " + why.detail});
  out.emplace_back(
      send{who.number, encoded(wire::refused{.reason = std::string(why.reason),
                                             .detail = why.detail.substr(0, detail_octets_max)})});
}

broker::accepted broker::receive(model::time_point now, session& from, const frame_received& in,
                                 effects& out) {
  if (!from.frames.pass(now))
    return std::unexpected(
        refusal{"too_many_frames", "frames come faster than allowed", close_code::overloaded});
  const auto decoded = wire::decode_client(in.text);
  if (!decoded) {
    const bool later_version = decoded.error().code == wire::errc::unknown_type && from.greeting;
    return std::unexpected(
        refusal{wire::to_string(decoded.error().code), decoded.error().detail,
                later_version ? std::nullopt : std::optional(close_code::protocol_error)});
  }
  if (std::holds_alternative<wire::hello>(*decoded) == from.greeting.has_value())
    return std::unexpected(refusal{"unexpected_frame",
                                   from.greeting ? "a second hello" : "hello must come first",
                                   close_code::protocol_error});
  out.emplace_back(count{counter::frames, type_of(*decoded)});
  if (const auto* m = std::get_if<wire::hello>(&*decoded))
    return greet(now, from, *m, out);
  if (const auto* m = std::get_if<wire::subscribe>(&*decoded))
    return subscribe(now, from, *m, out);
  if (const auto* m = std::get_if<wire::renew>(&*decoded))
    return renew(now, from, *m, out);
  return publish(now, from, std::get<wire::publish>(*decoded).what, in.wall, out);
}

broker::accepted broker::greet(model::time_point now, session& from, const wire::hello& m,
                               effects& out) {
  if (m.incarnation != 0)
    if (auto place = take_place(now, from, m.incarnation, out); !place)
      return place;
  from.greeting = m;
  silent_.erase({from.opened, from.number});
  out.emplace_back(
      note{level::info, from.name() + ": connected, " +
                            (from.announcing() ? "incarnation " + std::to_string(m.incarnation)
                                               : std::string("listening")) +
                            (m.software.empty() ? "" : ", " + m.software)});
  out.emplace_back(
      send{from.number, encoded(wire::welcome{.server = how_.server,
                                              .instance = how_.instance,
                                              .age_ms = age_ms(now),
                                              .admitting = admitting(now),
                                              .renew_ms = std::uint32_t{renew_interval.count()},
                                              .lease_ms = std::uint32_t{lease.count()}})});
  return {};
}

/// One process speaks for an id: the newest. The same incarnation on a second connection is the
/// same process, whose first connection may be dead without our knowing.
broker::accepted broker::take_place(model::time_point now, const session& newcomer,
                                    std::uint64_t incarnation, effects& out) {
  const auto& id = newcomer.who.id;
  const auto* r = members_.find(id);
  const auto held = announcing_.find(id);
  const auto stale = [&](std::uint64_t newest, close_code then) {
    return std::unexpected(refusal{"stale_incarnation",
                                   std::to_string(incarnation) + " is older than " +
                                       std::to_string(newest) + ", which announced this id",
                                   then});
  };
  if (held == announcing_.end()) {
    if (r != nullptr && incarnation < r->at.incarnation)
      return stale(r->at.incarnation, close_code::overloaded);
  } else {
    const auto& other = sessions_.at(held->second);
    const auto others = other.greeting->incarnation;
    const bool same = incarnation == others && newcomer.from == other.from;
    const bool late = r != nullptr && r->state == fact_state::late;
    if (!same && !late) {
      out.emplace_back(count{counter::alarms, "duplicate_id"});
      out.emplace_back(
          note{level::error, "ALARM: " + id.text() + " is announced by two: " + newcomer.name() +
                                 " (incarnation " + std::to_string(incarnation) + ") and " +
                                 other.name() + " (incarnation " + std::to_string(others) + ")"});
    }
    if (incarnation < others)
      return stale(others, close_code::replaced);
    if (incarnation == others && r != nullptr && r->session == held->second)
      members_.rebind(id, newcomer.number);
    drop(now, held->second, close_code::replaced, "replaced by " + newcomer.name(), "replaced",
         fact_state::closed, out);
  }
  announcing_.insert_or_assign(id, newcomer.number);
  return {};
}

broker::accepted broker::subscribe(model::time_point now, const session& from,
                                   const wire::subscribe& m, effects& out) {
  for (const auto about : m.topics)
    if (subscribers_[std::to_underlying(about)].contains(from.number))
      return std::unexpected(refusal{"already_subscribed", std::string(wire::to_string(about))});
  for (const auto about : m.topics) {
    const auto sent = send_retained(now, from.number, about, out);
    out.emplace_back(send{from.number, encoded(wire::synced{.about = about, .count = sent}), true});
    subscribers_[std::to_underlying(about)].insert(from.number);
  }
  return {};
}

std::uint64_t broker::send_retained(model::time_point now, session_id to, wire::topic about,
                                    effects& out) const {
  std::uint64_t sent = 0;
  const auto add = [&](frame text) {
    out.emplace_back(send{to, std::move(text), true});
    ++sent;
  };
  if (about == wire::topic::members) {
    for (const auto& f : status_.retained())
      add(f);
    return sent;
  }
  for (const auto& [id, r] : members_.all()) {
    if (about == wire::topic::presence && r.presence)
      add(event_of(*r.presence, fact_of(id, r, now)));
    else if (about == wire::topic::leave && r.leave)
      add(r.leave);
    else if (about == wire::topic::statistics && r.statistics)
      add(r.statistics);
  }
  return sent;
}

broker::accepted broker::renew(model::time_point now, const session& from, const wire::renew& m,
                               effects& out) {
  if (!from.announcing())
    return std::unexpected(refusal{"not_announcing", "hello said incarnation 0"});
  const auto* r = members_.find(from.who.id);
  if (r == nullptr || r->session != from.number || r->at != m.at)
    return std::unexpected(
        refusal{"unknown_version", "no presence " + to_string(m.at) + " from this connection"});
  if (members_.heard(from.who.id, now))
    report(now, from.who.id, out);
  return {};
}

// ---- publishing

broker::accepted broker::publish(model::time_point now, const session& from,
                                 const wire::signed_body& what, model::unix_time wall,
                                 effects& out) {
  if (!from.announcing())
    return std::unexpected(refusal{"not_announcing", "hello said incarnation 0"});
  const auto author =
      authors_(wire::signed_octets(what.about, what.body), what.signature, what.certificate, wall);
  if (!author)
    return std::unexpected(
        refusal{identity::to_string(author.error().code), author.error().detail});
  if (author->id != from.who.id)
    return std::unexpected(
        refusal{identity::to_string(identity::errc::id_not_in_certificate),
                "signed by " + author->id.text() + ", sent by " + from.who.id.text()});
  switch (what.about) {
  case wire::topic::presence:
    return publish_presence(now, from, *author, what, out);
  case wire::topic::leave:
    return publish_leave(now, from, *author, what, out);
  case wire::topic::members:
    return publish_status(*author, what, wall, out);
  case wire::topic::statistics:
    return publish_statistics(from, *author, what, out);
  }
  std::unreachable();
}

namespace {

template <class Refusal>
std::unexpected<Refusal> bad_body(const wire::error& e) {
  return std::unexpected(Refusal{"bad_body", e.detail});
}

} // namespace

broker::accepted broker::check_version(const session& from, const model::node_id& id,
                                       const model::version& at) const {
  if (at.incarnation != from.greeting->incarnation)
    return std::unexpected(
        refusal{"wrong_incarnation", std::to_string(at.incarnation) + ", but hello said " +
                                         std::to_string(from.greeting->incarnation)});
  const auto* r = members_.find(id);
  if (r != nullptr && at < r->at)
    return std::unexpected(
        refusal{"stale_version", to_string(at) + " is not later than " + to_string(r->at)});
  if (!members_.has_room_for(id))
    return std::unexpected(refusal{"too_many_members",
                                   std::to_string(members_max) + " members are known",
                                   close_code::overloaded});
  return {};
}

broker::accepted broker::publish_presence(model::time_point now, const session& from,
                                          const identity::peer& author,
                                          const wire::signed_body& what, effects& out) {
  const auto claimed = wire::decode_presence(what.body);
  if (!claimed)
    return bad_body<refusal>(claimed.error());
  if (auto ok = identity::check_presence(author, *claimed, from.from, how_.address_ranges); !ok)
    return std::unexpected(refusal{identity::to_string(ok.error().code), ok.error().detail});
  if (auto ok = check_version(from, claimed->id, claimed->at); !ok)
    return ok;
  const auto& id = claimed->id;
  if (const auto* r = members_.find(id); r != nullptr && r->at == claimed->at) {
    if (!r->presence || r->presence->body != what.body)
      return std::unexpected(refusal{
          "stale_version", to_string(claimed->at) + " is already the version of something else"});
    if (r->session == from.number && r->presence->certificate == what.certificate)
      return renew(now, from, {.at = claimed->at}, out);
  }
  members_.present(id, claimed->at, what, from.number, now);
  broadcast(wire::topic::presence, event_of(what, fact_of(id, *members_.find(id), now)), out);
  return {};
}

broker::accepted broker::publish_leave(model::time_point now, const session& from,
                                       const identity::peer& author, const wire::signed_body& what,
                                       effects& out) {
  const auto leaving = wire::decode_leave(what.body);
  if (!leaving)
    return bad_body<refusal>(leaving.error());
  if (leaving->id != author.id)
    return std::unexpected(refusal{identity::to_string(identity::errc::id_not_in_certificate),
                                   leaving->id.text() + " is not " + author.id.text()});
  if (auto ok = check_version(from, leaving->id, leaving->at); !ok)
    return ok;
  if (const auto* r = members_.find(leaving->id); r != nullptr && r->at == leaving->at)
    return std::unexpected(
        refusal{"stale_version", to_string(leaving->at) + " is not later than the last presence"});
  const auto text = event_of(what);
  members_.leave(leaving->id, leaving->at, text, std::chrono::milliseconds(leaving->hold_ms), now);
  out.emplace_back(
      note{level::info, from.name() + ": left" +
                            (leaving->hold_ms == 0
                                 ? ""
                                 : ", back within " + std::to_string(leaving->hold_ms) + " ms")});
  broadcast(wire::topic::leave, text, out);
  return {};
}

broker::accepted broker::publish_status(const identity::peer& author, const wire::signed_body& what,
                                        model::unix_time wall, effects& out) {
  if (auto manager = identity::check_manager(author); !manager)
    return std::unexpected(
        refusal{identity::to_string(manager.error().code), std::move(manager.error().detail)});
  const auto status = wire::decode_status(what.body);
  if (!status)
    return bad_body<refusal>(status.error());
  auto text = event_of(what);
  switch (status_.judge(*status, text->size(), wall)) {
  case status_log::verdict::stale:
    return std::unexpected(refusal{"stale_status", "a later status is retained"});
  case status_log::verdict::full_needed:
    return std::unexpected(
        refusal{"full_status_needed", "it does not continue what is retained here"});
  case status_log::verdict::far_future:
    out.emplace_back(count{counter::alarms, "far_future_epoch"});
    return std::unexpected(
        refusal{"far_future_epoch", "is the clock of " + author.id.text() + " right?"});
  case status_log::verdict::accepted:
    break;
  }
  broadcast(wire::topic::members, text, out);
  status_.keep(*status, std::move(text));
  return {};
}

broker::accepted broker::publish_statistics(const session& from, const identity::peer& author,
                                            const wire::signed_body& what, effects& out) {
  if (what.body.size() > wire::statistics_octets_max)
    return std::unexpected(refusal{
        "bad_body", "more than " + std::to_string(wire::statistics_octets_max) + " octets"});
  const auto figures = wire::decode_statistics(what.body);
  if (!figures)
    return bad_body<refusal>(figures.error());
  if (figures->id != author.id)
    return std::unexpected(refusal{identity::to_string(identity::errc::id_not_in_certificate),
                                   figures->id.text() + " is not " + author.id.text()});
  if (const auto* r = members_.find(author.id); r == nullptr || r->session != from.number)
    return std::unexpected(refusal{"no_presence", "statistics come after a presence"});
  auto text = event_of(what);
  broadcast(wire::topic::statistics, text, out);
  members_.keep_statistics(author.id, std::move(text));
  return {};
}

// ---- telling the others

void broker::broadcast(wire::topic about, const frame& text, effects& out) const {
  for (const auto to : subscribers_[std::to_underlying(about)])
    out.emplace_back(send{to, text});
}

/// The fact about `id` as it is now. After a leave there is nothing to report.
void broker::report(model::time_point now, const model::node_id& id, effects& out) const {
  const auto* r = members_.find(id);
  if (r == nullptr || !r->presence)
    return;
  const auto now_is = fact_of(id, *r, now);
  out.emplace_back(note{level::info, id.text() + " is " +
                                         std::string(wire::to_string(now_is.state)) + " (" +
                                         std::to_string(now_is.age_ms) + " ms)"});
  broadcast(wire::topic::presence, encoded(now_is), out);
}

void broker::beat(model::time_point now, effects& out) {
  const auto live = members_.live();
  const auto text = encoded(wire::heartbeat{.beat = ++beats_,
                                            .age_ms = age_ms(now),
                                            .admitting = admitting(now),
                                            .members = live.members,
                                            .digest = live.digest});
  for (const auto& [number, s] : sessions_)
    if (s.greeting)
      out.emplace_back(send{number, text});
  next_beat_ += heartbeat_interval;
}

/// The heartbeat's deadline is always set, so being called long after it means that nothing ran
/// since the last call.
void broker::notice_pause(model::time_point now, effects& out) {
  const auto pause = now - std::exchange(last_call_, now);
  if (now < next_beat_ + pause_min)
    return;
  members_.forgive(pause);
  settled_at_ = std::max(settled_at_, now + return_time);
  next_beat_ = now;
  out.emplace_back(count{counter::alarms, "paused"});
  out.emplace_back(note{level::warn, "this process was paused for " + std::to_string(to_ms(pause)) +
                                         " ms: no member is called late for that time"});
}

// ---- for people

std::size_t broker::subscribers(wire::topic about) const {
  return subscribers_[std::to_underlying(about)].size();
}

bool broker::admitting(model::time_point now) const {
  return queued_ || now < settled_at_;
}

std::uint64_t broker::age_ms(model::time_point now) const {
  return to_ms(now - started_);
}

} // namespace thor::broker
