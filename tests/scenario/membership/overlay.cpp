#include "tests/scenario/membership/overlay.hpp"

#include "coordinator/membership/hearing.hpp"

#include <algorithm>

namespace thor::membership::test {

namespace {

model::node_id id(const std::string& text) {
  return *model::node_id::parse(text);
}

// In this world a certificate is the text "<id> <role> <role> ..." and a signature is "good".
std::string certificate_of(const identity::peer& who) {
  auto text = who.id.text();
  for (const auto& role : who.roles)
    text += ' ' + role;
  return text;
}

std::expected<identity::peer, identity::error>
check_author(std::string_view, std::string_view, std::string_view certificate, model::unix_time) {
  std::vector<std::string> words{""};
  for (const char c : certificate) {
    if (c == ' ')
      words.emplace_back();
    else
      words.back() += c;
  }
  return identity::peer{.domain = "sip.example",
                        .id = id(words[0]),
                        .roles = {words.begin() + 1, words.end()},
                        .addresses = {},
                        .not_after = {},
                        .serial = "",
                        .fingerprint = ""};
}

/// Another one for each start: sixteen digits.
std::string instance_started_at(model::time_point now) {
  auto digits = std::to_string(now.time_since_epoch().count());
  return digits.insert(0, 16 - digits.size(), '0');
}

} // namespace

// ---- event_server_process

event_server_process::event_server_process(overlay& world, std::string name)
    : world_(world)
    , name_(std::move(name)) {}

void event_server_process::start() {
  machine_.emplace(broker::options{.server = name_,
                                   .instance = instance_started_at(world_.now),
                                   .address_ranges = {*model::ip_network::parse("192.0.2.0/24")}},
                   check_author, world_.now);
  frozen = false;
}

void event_server_process::kill() {
  machine_.reset();
  inbox.clear();
  std::vector<broker::session_id> mine;
  for (const auto& [number, s] : world_.sessions_)
    if (s.server == name_)
      mine.push_back(number);
  for (const auto number : mine)
    world_.close_session(number, 0, "connection reset");
}

model::time_point event_server_process::next_deadline() const {
  return machine_ ? machine_->next_deadline() : model::never;
}

void event_server_process::on_deadline() {
  broker::effects out;
  machine_->on_deadline(world_.now, out);
  perform(out);
}

void event_server_process::tell(const broker::input& in) {
  if (!machine_)
    return;
  broker::effects out;
  machine_->on_event(world_.now, in, out);
  perform(out);
}

void event_server_process::perform(const broker::effects& out) {
  for (const auto& e : out) {
    if (const auto* s = std::get_if<broker::send>(&e)) {
      const auto found = world_.sessions_.find(s->to);
      if (found == world_.sessions_.end() || world_.is_cut(found->second))
        continue;
      world_.post(*found->second.member, [member = found->second.member, at = found->second.at,
                                          text = s->text] { member->hear(at, *text); });
    } else if (const auto* c = std::get_if<broker::close>(&e)) {
      world_.close_session(c->which, static_cast<std::uint16_t>(c->code), c->reason);
    }
  }
}

// ---- member_process

member_process::member_process(overlay& world, std::string name, std::set<std::string> roles,
                               std::vector<wire::topic> topics, bool announces)
    : world_(world)
    , name_(std::move(name))
    , roles_(std::move(roles))
    , machine_({.id = id(name_),
                .incarnation = announces ? world.next_incarnation_++ : 0,
                .software = "",
                .topics = std::move(topics),
                .servers = world.server_names()},
               static_cast<std::uint32_t>(world.next_incarnation_)) {
  world.post(*this, [this] { tell(agent::start{}); });
}

identity::peer member_process::identity() const {
  return {.domain = "sip.example",
          .id = id(name_),
          .roles = roles_,
          .addresses = {},
          .not_after = {},
          .serial = "",
          .fingerprint = ""};
}

model::time_point member_process::next_deadline() const {
  return machine_.next_deadline();
}

void member_process::on_deadline() {
  std::vector<agent::effect> out;
  machine_.on_deadline(world_.now, out);
  perform(out);
}

void member_process::tell(const agent::input& in) {
  std::vector<agent::effect> out;
  machine_.on_event(world_.now, in, out);
  perform(out);
}

void member_process::hang_up() {
  for (const auto& [at, number] : sessions_) {
    const auto found = world_.sessions_.find(number);
    if (found == world_.sessions_.end())
      continue;
    auto& server = *world_.servers_.at(found->second.server);
    world_.sessions_.erase(found);
    world_.post(server, [&server, number] { server.tell(broker::session_closed{number}); });
  }
  sessions_.clear();
}

const std::string* member_process::server_of(agent::connection at) const {
  const auto found = std::ranges::find(up_, at, [](const auto& entry) { return entry.second; });
  return found == up_.end() ? nullptr : &found->first;
}

void member_process::hear(agent::connection at, const std::string& frame) {
  tell(agent::heard{at});
  const auto message = wire::decode_server(frame);
  if (const auto* hello = std::get_if<wire::welcome>(&*message)) {
    tell(agent::welcomed{at, *hello});
    return;
  }
  if (const auto* refused = std::get_if<wire::refused>(&*message))
    tell(agent::refused{at, *refused});
  if (const auto* server = server_of(at))
    on_message(std::string(*server), *message);
}

void member_process::send(agent::connection at, const wire::client_message& what) {
  const auto number = sessions_.find(at);
  const auto found =
      number == sessions_.end() ? world_.sessions_.end() : world_.sessions_.find(number->second);
  if (found == world_.sessions_.end() || world_.is_cut(found->second))
    return;
  found->second.heard = world_.now;
  auto& server = *world_.servers_.at(found->second.server);
  world_.post(server,
              [&server, number = found->first, wall = world_.wall(), text = wire::encode(what)] {
                server.tell(broker::frame_received{number, text, wall});
              });
}

void member_process::publish_status(const std::string& server, const std::string& body) {
  for (const auto& [name, at] : std::map(up_))
    if (server.empty() || server == name)
      send(at, wire::publish{{wire::topic::members, body, "good", certificate_of(identity())}});
}

void member_process::perform(const std::vector<agent::effect>& effects) {
  for (const auto& e : effects) {
    if (const auto* o = std::get_if<agent::open>(&e)) {
      world_.connect(*this, o->at, o->server);
    } else if (const auto* s = std::get_if<agent::send>(&e)) {
      send(s->at, s->what);
    } else if (const auto* p = std::get_if<agent::publish>(&e)) {
      for (const auto at : p->to)
        send(at, wire::publish{{p->about, p->body, "good", certificate_of(identity())}});
    } else if (const auto* c = std::get_if<agent::close>(&e)) {
      if (const auto number = sessions_.find(c->at); number != sessions_.end()) {
        if (const auto found = world_.sessions_.find(number->second);
            found != world_.sessions_.end()) {
          auto& server = *world_.servers_.at(found->second.server);
          world_.post(server, [&server, gone = found->first] {
            server.tell(broker::session_closed{gone});
          });
        }
        world_.close_session(number->second, 1000, "closed by us");
      }
    } else if (const auto* u = std::get_if<agent::went_up>(&e)) {
      up_.insert_or_assign(u->server, u->at);
      on_up(u->server, u->hello);
    } else if (const auto* d = std::get_if<agent::went_down>(&e)) {
      up_.erase(d->server);
      on_down(d->server);
    }
  }
}

// ---- node_process

node_process::node_process(overlay& world, std::string name, const std::string& role)
    : member_process(world, std::move(name), {role}, {}, true)
    , role_(role) {
  announce(model::role_state::active);
}

void node_process::announce(model::role_state state) {
  tell(agent::announce{{.id = id(name()),
                        .at = {},
                        .addresses = {model::ip_address::v4({192, 0, 2, 1})},
                        .roles = {{role_, {.state = state, .ports = {}}}},
                        .site = "",
                        .software = "",
                        .attributes = {}}});
}

// ---- manager_process

manager_process::manager_process(overlay& world, const manager_options& how, persist& disk)
    : member_process(world, how.id, {std::string(manager_role)},
                     {std::begin(manager_topics), std::end(manager_topics)}, true)
    , disk_(disk)
    , machine_(how) {
  tell(agent::announce{
      {.id = id(how.id),
       .at = {},
       .addresses = {model::ip_address::v4({192, 0, 2, 200})},
       .roles = {{std::string(manager_role), {.ports = {}, .priority = how.priority}}},
       .site = "",
       .software = "",
       .attributes = {}}});
}

model::time_point manager_process::next_deadline() const {
  return std::min(member_process::next_deadline(), machine_.next_deadline());
}

void manager_process::on_deadline() {
  if (member_process::next_deadline() <= world_.now)
    member_process::on_deadline();
  if (machine_.next_deadline() > world_.now)
    return;
  effects out;
  machine_.on_deadline(world_.now, world_.wall(), out);
  perform(out);
}

void manager_process::on_up(const std::string& server, const wire::welcome& hello) {
  hear(server_up{server, hello});
}

void manager_process::on_down(const std::string& server) {
  hear(server_down{server});
}

void manager_process::on_message(const std::string& server, const wire::server_message& m) {
  if (const auto heard = *thor::membership::hear(server, m))
    return hear(*heard);
  effects out;
  if (const auto* e = std::get_if<wire::event>(&m); e && e->what.about == wire::topic::members)
    machine_.on_status(world_.now, world_.wall(), server, *wire::decode_status(e->what.body), out);
  else if (const auto* r = std::get_if<wire::refused>(&m); r && r->reason == "full_status_needed")
    machine_.on_full_status_needed(world_.now, world_.wall(), server, out);
  perform(out);
}

void manager_process::hear(const input& in) {
  effects out;
  machine_.on_event(world_.now, world_.wall(), in, out);
  perform(out);
}

void manager_process::perform(const effects& out) {
  for (const auto& e : out) {
    if (const auto* p = std::get_if<publish>(&e))
      publish_status(p->server, wire::encode_body(p->what));
    else if (const auto* keep = std::get_if<persist>(&e))
      disk_ = *keep;
    else if (const auto* r = std::get_if<resubscribe>(&e))
      tell(agent::resubscribe{r->server});
    else
      told.push_back(e);
  }
}

// ---- consumer_process

consumer_process::consumer_process(overlay& world, std::string name)
    : member_process(world, std::move(name), {"thor_dnsmanager"}, {wire::topic::members}, false) {}

void consumer_process::on_message(const std::string& server, const wire::server_message& m) {
  const auto* e = std::get_if<wire::event>(&m);
  if (e == nullptr)
    return;
  const bool had_members = !view.members.empty();
  const auto r = model::reduce(view, *wire::decode_status(e->what.body), world_.wall());
  if (r.what == model::verdict::gap) {
    ++gaps;
    tell(agent::resubscribe{server});
  }
  if (r.what == model::verdict::applied)
    applied_at = world_.now;
  if (view.known && (epochs.empty() || epochs.back() != view.where.at))
    epochs.push_back(view.where.at);
  if (view.known && (serials.empty() || serials.back() != view.serial))
    serials.push_back(view.serial);
  emptied += had_members && view.members.empty() ? 1 : 0;
}

// ---- overlay

overlay::overlay(std::size_t event_servers) {
  for (std::size_t i = 1; i <= event_servers; ++i) {
    const auto name = "es" + std::to_string(i);
    servers_.emplace(name, std::make_unique<event_server_process>(*this, name))
        .first->second->start();
  }
}

std::vector<std::string> overlay::server_names() const {
  std::vector<std::string> names;
  for (const auto& [name, s] : servers_)
    names.push_back(name);
  return names;
}

node_process& overlay::start_node(const std::string& name, const std::string& role) {
  nodes_.erase(name);
  return *nodes_.emplace(name, std::make_unique<node_process>(*this, name, role)).first->second;
}

void overlay::leave(const std::string& name, std::chrono::milliseconds hold) {
  nodes_.at(name)->tell(agent::stop{hold});
  run(5ms);
  nodes_.erase(name);
}

manager_process& overlay::start_manager(const std::string& name, model::partition_rule rule,
                                        std::uint16_t priority) {
  managers_.erase(name);
  auto& disk = manager_disks_[name];
  const manager_options how{.id = name,
                            .priority = priority,
                            .rule = rule,
                            .event_servers = servers_.size(),
                            .kept = disk};
  return *managers_.emplace(name, std::make_unique<manager_process>(*this, how, disk))
              .first->second;
}

std::vector<std::string> overlay::active_managers() const {
  std::vector<std::string> out;
  for (const auto& [name, m] : managers_)
    if (m->machine().publisher().publishing())
      out.push_back(name);
  return out;
}

consumer_process& overlay::start_consumer(const std::string& name) {
  return *consumers_.emplace(name, std::make_unique<consumer_process>(*this, name)).first->second;
}

void overlay::start_member(std::unique_ptr<member_process> member) {
  const auto name = member->name();
  others_[name] = std::move(member);
}

void overlay::connect(member_process& from, agent::connection at, const std::string& server) {
  auto& to = *servers_.at(server);
  if (cuts_.contains({from.name(), server}))
    return; // no answer: the agent gives up by itself
  if (!to.running()) {
    post(from, [&from, at] { from.tell(agent::closed{at, 0, "connection refused"}); });
    return;
  }
  const auto number = next_session_++;
  sessions_.emplace(number, session{server, &from, at, from.identity(), now});
  from.sessions_.insert_or_assign(at, number);
  post(to, [this, number, &to] {
    const auto found = sessions_.find(number);
    if (found == sessions_.end())
      return;
    auto& s = found->second;
    to.tell(broker::session_opened{number, s.who, model::ip_address::v4({127, 0, 0, 1})});
    post(*s.member, [member = s.member, connection = s.at, peer = id(s.server)] {
      member->tell(agent::opened{connection, peer, model::ip_address::v4({127, 0, 0, 1})});
    });
  });
}

void overlay::close_session(broker::session_id which, std::uint16_t code, const std::string& why) {
  const auto found = sessions_.find(which);
  if (found == sessions_.end())
    return;
  auto* member = found->second.member;
  const auto at = found->second.at;
  sessions_.erase(found);
  member->sessions_.erase(at);
  post(*member, [member, at, code, why] { member->tell(agent::closed{at, code, why}); });
}

void overlay::close_idle_sessions() {
  std::vector<broker::session_id> idle;
  for (const auto& [number, s] : sessions_)
    if ((s.member->frozen || is_cut(s)) && !servers_.at(s.server)->frozen &&
        s.heard + idle_max < now)
      idle.push_back(number);
  for (const auto number : idle) {
    auto& server = *servers_.at(sessions_.at(number).server);
    close_session(number, 0, "idle");
    post(server, [&server, number] { server.tell(broker::session_closed{number}); });
  }
}

std::vector<process*> overlay::processes() {
  std::vector<process*> all;
  for (const auto& [name, p] : servers_)
    all.push_back(p.get());
  for (const auto& [name, p] : nodes_)
    all.push_back(p.get());
  for (const auto& [name, p] : consumers_)
    all.push_back(p.get());
  for (const auto& [name, p] : managers_)
    all.push_back(p.get());
  for (const auto& [name, p] : others_)
    all.push_back(p.get());
  return all;
}

void overlay::run(model::duration time) {
  const auto end = now + time;
  const auto all = processes();
  while (true) {
    process* first = nullptr;
    auto when = end;
    for (auto* p : all) {
      if (p->frozen)
        continue;
      auto next = p->next_deadline();
      if (!p->inbox.empty())
        next = std::min(next, p->inbox.front().first);
      if (next <= when && (first == nullptr || next < when)) {
        first = p;
        when = next;
      }
    }
    if (first == nullptr)
      break;
    now = std::max(now, when);
    if (!first->inbox.empty() && first->inbox.front().first <= now) {
      const auto what = std::move(first->inbox.front().second);
      first->inbox.pop_front();
      what();
    } else {
      first->on_deadline();
    }
    close_idle_sessions();
  }
  now = end;
}

model::duration overlay::run_until(const std::function<bool()>& done, model::duration limit) {
  const auto begin = now;
  while (!done() && now < begin + limit)
    run(1ms);
  return now - begin;
}

} // namespace thor::membership::test
