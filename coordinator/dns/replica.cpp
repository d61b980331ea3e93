#include "coordinator/dns/replica.hpp"

#include "coordinator/identity/peer.hpp"

#include <algorithm>
#include <utility>

namespace thor::dns {

namespace {

std::string term_of(const model::writer_claim& claim) {
  return claim.term == 0 ? "by configuration" : "term " + std::to_string(claim.term);
}

} // namespace

copy_peers peers_among(const model::member_map& members, const model::node_id& self) {
  copy_peers peers;
  for (const auto& [id, member] : members) {
    const auto role = member.what.roles.find(std::string(identity::role_dns_manager));
    const auto told = member.what.attributes.find(std::string(wire::writer_attribute));
    if (id == self || role == member.what.roles.end() || told == member.what.attributes.end())
      continue;
    const auto claim = model::parse_claim(told->second);
    if (!claim)
      continue;
    const auto port = role->second.ports.find(std::string(wire::copy_port_key));
    peers.emplace(id, copy_peer{member.what.addresses,
                                port == role->second.ports.end() ? std::uint16_t{0} : port->second,
                                *claim});
  }
  return peers;
}

model::writer_claim claim_at_start(const model::writer_claim& remembered,
                                   const std::string& configured) {
  return remembered.term > 0 ? remembered : model::writer_claim{0, configured};
}

replica::replica(model::node_id self, model::writer_claim claim, bool copied, std::uint32_t seed)
    : self_(std::move(self))
    , claim_(std::move(claim))
    , copied_(copied)
    , random_(seed) {}

// ---- who writes

void replica::on_peers(model::time_point now, const copy_peers& seen, effects& out) {
  for (const auto& [id, peer] : seen) {
    if (peers_.size() >= peers_max && !peers_.contains(id))
      continue;
    peers_.insert_or_assign(id, peer);
    consider(now, id, peer.claim, out);
  }
  if (!writes() && phase_ == phase::idle)
    open(now, out);
}

void replica::consider(model::time_point now, const model::node_id& from,
                       const model::writer_claim& claim, effects& out) {
  const bool both_write = claim.term == 0 && claim.writer == from.text() && writes();
  if (both_write && claim_.term == 0 && told_of_.insert(from).second)
    out.emplace_back(note{true, "operator_two_writers",
                          from.text() + " writes operator's data of its own, as this one does: "
                                        "name one of the two as writer in [dns] of the other"});
  if (!model::outranks(claim, claim_))
    return;
  if (claim.writer != self_.text())
    return adopt(now, claim, out);
  // We were promoted once, and our database does not know: it is not what the others have.
  if (std::exchange(missing_, claim) != claim)
    out.emplace_back(note{true, "operator_data_missing",
                          from.text() + " follows this one (" + term_of(claim) +
                              "), but the data of that time are not here: run `thor-dns promote` "
                              "where they are"});
}

void replica::adopt(model::time_point now, const model::writer_claim& claim, effects& out) {
  claim_ = claim;
  settled_ = false;
  differs_ = false;
  out.emplace_back(become_follower{claim});
  out.emplace_back(tell_claim{});
  out.emplace_back(note{false, "operator_writer",
                        claim.writer + " writes the operator's data from now on (" +
                            term_of(claim) + "); this one follows it"});
  end_all_sessions(claim.writer + " writes now", out);
  if (phase_ == phase::opening || phase_ == phase::up)
    out.emplace_back(disconnect{link_, "another one writes now"});
  tries_ = 0;
  lose_link(now, "another one writes now", true);
}

std::expected<void, std::string> replica::promote(model::time_point, effects& out) {
  if (writes())
    return std::unexpected("this name server writes the operator's data already (" +
                           term_of(claim_) + ")");
  if (promotion_)
    return std::unexpected("this name server is being promoted already");
  if (!copied_)
    return std::unexpected(
        "this name server never had a copy of the operator's data: all others would lose theirs. "
        "Promote one that has been in step, or make this one the writer in every configuration "
        "(writer of [dns]) to begin anew");
  const auto last = missing_ && model::outranks(*missing_, claim_) ? missing_->term : claim_.term;
  promotion_ = {last + 1, self_.text()};
  out.emplace_back(become_writer{*promotion_});
  return {};
}

void replica::on_writer(model::time_point, const model::writer_claim& as, const std::string& why,
                        effects& out) {
  promotion_.reset();
  if (!why.empty()) {
    out.emplace_back(note{true, "operator_promotion", "this name server was not promoted: " + why});
    return;
  }
  if (model::outranks(claim_, as))
    return; // another promotion was heard of meanwhile, and is already obeyed
  claim_ = as;
  if (phase_ == phase::opening || phase_ == phase::up)
    out.emplace_back(disconnect{link_, "this one writes now"});
  forget_link();
  phase_ = phase::idle;
  alarm_at_ = model::never;
  trouble_.clear();
  differs_ = false;
  out.emplace_back(tell_claim{});
  out.emplace_back(
      note{false, "operator_writer",
           "this name server writes the operator's data from now on (" + term_of(claim_) + ")"});
}

// ---- our data

void replica::on_data(model::time_point now, const model::data_state& state, effects& out) {
  const auto before = std::exchange(data_, state);
  if (before == state)
    return;
  if (writes())
    return serve(out);
  if (taking_ || !before)
    return request(out);
  if (settled_) {
    differs_ = true;
    out.emplace_back(note{true, "operator_written",
                          "somebody changed the operator's data here, past the triggers that "
                          "refuse it: the next copy undoes that. Write on " +
                              claim_.writer});
  }
  be_out_of_step(now);
  request(out);
}

// ---- following

void replica::open(model::time_point now, effects& out) {
  expect_step(now);
  const auto writer = model::node_id::parse(claim_.writer);
  const auto found = writer ? peers_.find(*writer) : peers_.end();
  if (found == peers_.end() || found->second.addresses.empty()) {
    phase_ = phase::idle;
    trouble_ = "it is not known where " + claim_.writer + " is: it is no member of the overlay";
    return;
  }
  if (found->second.port == 0) {
    phase_ = phase::idle;
    trouble_ = claim_.writer + " lets nobody copy: replica_listen is empty in its configuration";
    return;
  }
  const auto& addresses = found->second.addresses;
  phase_ = phase::opening;
  due_ = now + copy_connect_timeout;
  out.emplace_back(connect{++link_, addresses[tries_ % addresses.size()], found->second.port});
}

void replica::forget_link() {
  in_step_since_.reset();
  parts_.clear();
  part_octets_ = 0;
}

void replica::lose_link(model::time_point now, const std::string& why, bool at_once) {
  be_out_of_step(now);
  forget_link();
  trouble_ = why;
  phase_ = phase::waiting;
  due_ = at_once ? now : now + backoff();
}

void replica::drop_link(model::time_point now, const std::string& why, effects& out) {
  out.emplace_back(disconnect{link_, why});
  lose_link(now, why, false);
  out.emplace_back(note{false, "operator_link",
                        "not connected to " + claim_.writer +
                            ", keeping the operator's data as they are: " + why});
}

model::duration replica::backoff() {
  constexpr unsigned doublings_max = 6; // 100 ms << 6 is above copy_backoff_max
  constexpr unsigned permille_min = 500;
  constexpr unsigned permille_span = 1001; // 500 to 1500
  const model::duration base = std::min<model::duration>(
      copy_backoff_first * (1U << std::min(tries_++, doublings_max)), copy_backoff_max);
  return base * (permille_min + random_() % permille_span) / 1000;
}

void replica::on_connected(model::time_point now, link which, const model::node_id& peer,
                           effects& out) {
  if (phase_ != phase::opening || which != link_)
    return;
  if (peer.text() != claim_.writer)
    return drop_link(now, "where " + claim_.writer + " was expected is " + peer.text(), out);
  phase_ = phase::up;
  heard_ = now;
  trouble_.clear();
  request(out);
}

void replica::on_disconnected(model::time_point now, link which, const std::string& why,
                              effects& out) {
  const bool is_ours = phase_ == phase::opening || phase_ == phase::up;
  if (!is_ours || which != link_)
    return;
  drop_link(now, why, out);
}

/// What we have. Whatever comes back is judged against it, so nothing is asked while it changes.
void replica::request(effects& out) {
  if (phase_ == phase::up && data_ && !taking_)
    out.emplace_back(ask{link_, {claim_, *data_}});
}

void replica::on_message(model::time_point now, link which, wire::copy_message message,
                         effects& out) {
  if (phase_ != phase::up || which != link_)
    return;
  heard_ = now;
  std::visit([&](auto& m) { hear(now, m, out); }, message);
}

void replica::hear(model::time_point now, wire::copy_request&, effects& out) {
  drop_link(now, claim_.writer + " asks where it should answer", out);
}

void replica::hear(model::time_point now, wire::copy_state& m, effects& out) {
  if (m.of != claim_)
    return disagree(now, m.of, out);
  if (taking_ || !data_)
    return;
  if (m.have == *data_)
    return be_in_step(now, out);
  if (in_step_since_ && m.have.revision == data_->revision) {
    differs_ = true;
    out.emplace_back(note{true, "operator_digest",
                          "the operator's data differ from those of " + claim_.writer +
                              " in the same revision: asking for a copy"});
    request(out);
  }
  be_out_of_step(now);
}

void replica::hear(model::time_point now, wire::copy_rows& m, effects& out) {
  part_octets_ += m.part.rows.size();
  if (part_octets_ > copy_octets_max)
    return drop_link(now, "its copy is larger than 256 MiB", out);
  parts_.push_back(std::move(m.part));
}

void replica::hear(model::time_point now, wire::copy_end& m, effects& out) {
  if (m.of != claim_)
    return disagree(now, m.of, out);
  if (taking_)
    return drop_link(now, claim_.writer + " sent a copy that nobody asked for", out);
  taking_ = true;
  out.emplace_back(take_copy{{std::exchange(parts_, {}), m.have, std::move(m.takeovers)}});
  part_octets_ = 0;
}

void replica::disagree(model::time_point now, const model::writer_claim& said, effects& out) {
  if (const auto writer = model::node_id::parse(claim_.writer))
    consider(now, *writer, said, out);
  if (phase_ == phase::up) // still: we did not adopt what it says
    drop_link(now,
              claim_.writer + " says that " + said.writer + " writes (" + term_of(said) +
                  "), here it is " + claim_.writer + " (" + term_of(claim_) + ")",
              out);
}

void replica::on_copy_taken(model::time_point now, const copy_outcome& how, effects& out) {
  taking_ = false;
  if (!how.set_aside.empty())
    out.emplace_back(note{true, "operator_superseded",
                          "edits made here that " + claim_.writer + " never had are kept in " +
                              how.set_aside + ": look there for what is to be written again"});
  if (how.what == copy_outcome::kind::taken) {
    copied_ = true;
    differs_ = false;
    data_ = how.state;
    return request(out);
  }
  differs_ = how.what == copy_outcome::kind::differs;
  out.emplace_back(
      note{true, differs_ ? "operator_digest" : "operator_copy",
           "the operator's data could not be copied from " + claim_.writer + ": " + how.detail});
  if (phase_ == phase::up)
    drop_link(now, how.detail, out);
}

void replica::be_in_step(model::time_point now, effects& out) {
  tries_ = 0;
  settled_ = true;
  copied_ = true;
  differs_ = false;
  alarm_at_ = model::never;
  alarmed_ = false;
  if (in_step_since_)
    return;
  in_step_since_ = now;
  out.emplace_back(note{false, "operator_in_step",
                        "the operator's data are those of " + claim_.writer + ", revision " +
                            std::to_string(data_->revision)});
}

void replica::be_out_of_step(model::time_point now) {
  in_step_since_.reset();
  expect_step(now);
}

void replica::expect_step(model::time_point now) {
  if (!alarmed_)
    alarm_at_ = std::min(alarm_at_, now + out_of_step_max);
}

// ---- writing

void replica::on_session(model::time_point now, session which, const model::node_id& id,
                         effects& out) {
  const auto older =
      std::ranges::find_if(followers_, [&](const auto& entry) { return entry.second.id == id; });
  if (older != followers_.end()) {
    out.emplace_back(end_session{older->first, "a newer connection of " + id.text()});
    followers_.erase(older);
  }
  if (followers_.size() >= followers_max) {
    out.emplace_back(end_session{which, "too many name servers follow this one"});
    return;
  }
  followers_.emplace(which, follower{id, std::nullopt, false});
  if (beat_at_ == model::never)
    beat_at_ = now + copy_beat_interval;
}

void replica::on_session_end(session which) {
  followers_.erase(which);
  if (followers_.empty())
    beat_at_ = model::never;
}

void replica::on_request(model::time_point now, session which, const wire::copy_request& request,
                         effects& out) {
  auto found = followers_.find(which);
  if (found == followers_.end())
    return;
  auto& asking = found->second;
  if (!writes() || request.of != claim_) {
    out.emplace_back(answer{which, {claim_, data_.value_or(model::data_state{})}});
    // It may know more than we do. Adopting ends all sessions.
    const auto id = asking.id;
    consider(now, id, request.of, out);
    if (followers_.contains(which) && !writes()) {
      out.emplace_back(end_session{which, claim_.writer + " writes"});
      on_session_end(which);
    }
    return;
  }
  asking.has = request.have;
  asking.copy_under_way = false;
  if (data_ && *data_ == request.have)
    out.emplace_back(answer{which, {claim_, *data_}});
  serve(out);
}

void replica::serve(effects& out) {
  const bool wanted = std::ranges::any_of(followers_, [&](const auto& entry) {
    const auto& one = entry.second;
    return one.has && !one.copy_under_way && one.has != data_;
  });
  if (wanted && data_ && writes() && !std::exchange(reading_, true))
    out.emplace_back(read_copy{});
}

void replica::on_copy_read(model::time_point, const std::optional<model::data_state>& state,
                           effects& out) {
  reading_ = false;
  if (!state)
    return; // tried again with the next beat
  data_ = state;
  if (!writes())
    return;
  for (auto& [which, one] : followers_) {
    if (!one.has || one.copy_under_way || one.has == data_)
      continue;
    one.copy_under_way = true;
    out.emplace_back(send_copy{which});
  }
}

void replica::end_all_sessions(const std::string& why, effects& out) {
  for (const auto& [which, one] : std::exchange(followers_, {}))
    out.emplace_back(end_session{which, why});
  beat_at_ = model::never;
}

// ---- time

void replica::on_deadline(model::time_point now, effects& out) {
  if (phase_ == phase::waiting && now >= due_)
    open(now, out);
  if (phase_ == phase::opening && now >= due_)
    drop_link(now, claim_.writer + " does not answer", out);
  if (phase_ == phase::up && now >= heard_ + copy_silence_max)
    drop_link(now, claim_.writer + " is silent", out);
  if (!writes() && now >= alarm_at_) {
    alarm_at_ = model::never;
    alarmed_ = true;
    out.emplace_back(note{true, "operator_out_of_step",
                          "the operator's data here have not been those of " + claim_.writer +
                              " for a minute" + (trouble_.empty() ? "" : ": " + trouble_)});
  }
  if (now >= beat_at_) {
    beat_at_ = now + copy_beat_interval;
    for (const auto& [which, one] : followers_)
      if (one.has && data_)
        out.emplace_back(answer{which, {claim_, *data_}});
    serve(out);
  }
}

model::time_point replica::next_deadline() const {
  auto next = beat_at_;
  if (phase_ == phase::waiting || phase_ == phase::opening)
    next = std::min(next, due_);
  if (phase_ == phase::up)
    next = std::min(next, heard_ + copy_silence_max);
  if (!writes())
    next = std::min(next, alarm_at_);
  return next;
}

} // namespace thor::dns
