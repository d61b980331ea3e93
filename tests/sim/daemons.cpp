#include "tests/sim/daemons.hpp"

#include "coordinator/daemon/dns/roles/role_files.hpp"
#include "coordinator/membership/hearing.hpp"
#include "tests/sim/laws.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

namespace thor::sim {

namespace {

/// How long thor-dns takes to have written down what it published.
constexpr auto disk_latency = 20ms;

model::node_id id_of(const host& h) {
  return *model::node_id::parse(h.name());
}

std::set<std::string> roles_of(const host& h) {
  switch (h.what()) {
  case kind::event_server:
    return {std::string(identity::role_event_server)};
  case kind::manager:
    return {std::string(identity::role_manager)};
  case kind::dns:
    return {std::string(identity::role_dns_manager)};
  case kind::node:
    return {"media_relay", "sip_proxy"};
  }
  std::unreachable();
}

identity::peer peer_of(const host& h) {
  return {.domain = "sip.example", .id = id_of(h), .roles = roles_of(h), .addresses = {}};
}

std::string certificate_of(const host& h) {
  auto text = h.name();
  for (const auto& role : roles_of(h))
    text += ' ' + role;
  return text;
}

std::expected<identity::peer, identity::error>
author_of(std::string_view, std::string_view, std::string_view certificate, model::unix_time) {
  std::istringstream words{std::string(certificate)};
  std::string word;
  words >> word;
  identity::peer author{
      .domain = "sip.example", .id = *model::node_id::parse(word), .roles = {}, .addresses = {}};
  while (words >> word)
    author.roles.insert(word);
  return author;
}

model::ip_address address_of(const host& h) {
  return model::ip_address::v4({192, 0, 2, static_cast<std::uint8_t>(h.index() + 1)});
}

/// Max(the last one + 1, unix time in milliseconds), as client/incarnation.hpp has it.
std::uint64_t take_incarnation(host& h) {
  const auto clock = std::chrono::milliseconds(h.wall().time_since_epoch()).count();
  h.kept.incarnation = std::max(h.kept.incarnation + 1, static_cast<std::uint64_t>(clock));
  return h.kept.incarnation;
}

std::vector<std::string> server_names(const world& in) {
  std::vector<std::string> names;
  for (const auto* server : in.all(kind::event_server))
    names.push_back(server->name());
  return names;
}

dns::zone_plan plan() {
  const auto domain = *zone::name::parse("sip.example");
  return dns::zone_plan::make({.domain = domain,
                               .ids = {{domain, 1}},
                               .soa = {},
                               .name_servers = {{"ns.elsewhere.example.", {}, 0}},
                               .event_servers = {},
                               .roles = dns::built_in_roles()})
      .value();
}

} // namespace

// ---- event_server

event_server::event_server(world& in, host& on)
    : in_(in)
    , on_(on)
    , machine_({.server = on.name(),
                .instance = fmt::format("{:08}{:08}", on.index(), on.run()),
                .address_ranges = {}},
               author_of, in.now()) {}

model::time_point event_server::next_deadline() const {
  return machine_.next_deadline();
}

void event_server::on_deadline() {
  broker::effects out;
  machine_.on_deadline(in_.now(), out);
  perform(out);
}

void event_server::on_accepted(connection_id which, host& peer) {
  tell(broker::session_opened{which, peer_of(peer), address_of(peer)});
}

void event_server::on_frame(connection_id which, const broker::frame& text) {
  tell(broker::frame_received{which, *text, on_.wall()});
}

void event_server::on_ended(connection_id which, std::uint16_t, const std::string&) {
  tell(broker::session_closed{which});
}

void event_server::tell(const broker::input& in) {
  broker::effects out;
  machine_.on_event(in_.now(), in, out);
  perform(out);
}

void event_server::perform(const broker::effects& out) {
  for (const auto& e : out) {
    if (const auto* s = std::get_if<broker::send>(&e)) {
      if (!in_.sabotage().keeps_from_subscriber(*s))
        in_.net().send(s->to, side::server, s->text);
    } else if (const auto* c = std::get_if<broker::close>(&e)) {
      in_.net().close(c->which, side::server, static_cast<std::uint16_t>(c->code), c->reason);
    } else if (const auto* n = std::get_if<broker::note>(&e)) {
      in_.tell("{}: {}", on_.name(), n->text);
    }
  }
}

// ---- member

member::member(world& in, host& on, const settings& how)
    : in_(in)
    , on_(on)
    , machine_({.id = id_of(on),
                .incarnation = how.announces ? take_incarnation(on) : 0,
                .software = "",
                .topics = how.topics,
                .servers = server_names(in)},
               static_cast<std::uint32_t>(on.index() * 1'000'003 + on.run())) {
  in.after(0us, [&on, run = on.run()] {
    on.call(run, [](daemon& d) { dynamic_cast<member&>(d).tell(agent::start{}); });
  });
}

model::time_point member::next_deadline() const {
  return machine_.next_deadline();
}

void member::on_deadline() {
  std::vector<agent::effect> out;
  machine_.on_deadline(in_.now(), out);
  perform(out);
}

void member::tell(const agent::input& in) {
  std::vector<agent::effect> out;
  machine_.on_event(in_.now(), in, out);
  perform(out);
}

void member::announce(std::map<std::string, model::role_offer> roles) {
  tell(agent::announce{{.id = id_of(on_),
                        .at = {},
                        .addresses = {address_of(on_)},
                        .roles = std::move(roles),
                        .site = "",
                        .software = "",
                        .attributes = {}}});
}

void member::stop(std::chrono::milliseconds hold) {
  in_.tell("{}: leaves, hold {} ms", on_.name(), hold.count());
  in_.law().on_leave(on_, hold);
  leaving_ = true;
  tell(agent::stop{hold});
}

// The network reports by its own numbers, the agent counts in its own.
void member::on_opened(connection_id which) {
  for (const auto& [at, line] : lines_)
    if (line == which) {
      if (const auto* server = in_.net().server_of(which))
        tell(agent::opened{at, id_of(*server), address_of(on_)});
      return;
    }
}

void member::on_ended(connection_id which, std::uint16_t code, const std::string& why) {
  const auto line =
      std::ranges::find_if(lines_, [&](const auto& entry) { return entry.second == which; });
  if (line == lines_.end())
    return;
  const auto at = line->first;
  lines_.erase(line);
  tell(agent::closed{at, code, why});
}

void member::on_frame(connection_id which, const broker::frame& text) {
  const auto line =
      std::ranges::find_if(lines_, [&](const auto& entry) { return entry.second == which; });
  if (line == lines_.end())
    return;
  const auto at = line->first;
  tell(agent::heard{at});
  const auto message = wire::decode_server(*text);
  if (const auto* hello = std::get_if<wire::welcome>(&*message))
    return tell(agent::welcomed{at, *hello});
  if (const auto server = server_of(at))
    on_message(*server, *message);
  if (const auto* refused = std::get_if<wire::refused>(&*message))
    tell(agent::refused{at, *refused});
}

std::optional<std::string> member::server_of(agent::connection at) const {
  for (const auto& [server, number] : up_)
    if (number == at)
      return server;
  return std::nullopt;
}

void member::publish(const std::string& server, wire::topic about, const std::string& body) {
  for (const auto& [name, at] : up_)
    if (server.empty() || server == name)
      send(at, wire::publish{{about, body, "good", certificate_of(on_)}});
}

void member::send(agent::connection at, const wire::client_message& what) {
  if (const auto line = lines_.find(at); line != lines_.end())
    in_.net().send(line->second, side::client,
                   std::make_shared<const std::string>(wire::encode(what)));
}

void member::perform(const std::vector<agent::effect>& out) {
  for (const auto& e : out)
    std::visit([this](const auto& which) { perform(which); }, e);
}

void member::perform(const agent::open& e) {
  lines_[e.at] = in_.net().open(on_, in_.named(e.server));
}

void member::perform(const agent::send& e) {
  send(e.at, e.what);
}

void member::perform(const agent::publish& e) {
  for (const auto at : e.to)
    send(at, wire::publish{{e.about, e.body, "good", certificate_of(on_)}});
}

void member::perform(const agent::close& e) {
  if (const auto line = lines_.find(e.at); line != lines_.end())
    in_.net().close(line->second, side::client, 1000, "closed by the member");
}

void member::perform(const agent::went_up& e) {
  up_.insert_or_assign(e.server, e.at);
  in_.tell("{}: connected to {}", on_.name(), e.server);
  on_up(e.server, e.hello);
}

void member::perform(const agent::went_down& e) {
  up_.erase(e.server);
  in_.tell("{}: lost {}: {}", on_.name(), e.server, e.why);
  on_down(e.server);
}

void member::perform(const agent::replaced& e) {
  in_.law().broken(
      "no_false_replacement",
      fmt::format("{} was told by {} that another process has its id", on_.name(), e.server));
}

void member::perform(const agent::stopped&) {
  in_.after(0us, [&on = on_, run = on_.run()] {
    if (run == on.run())
      on.end();
  });
}

// ---- node

node::node(world& in, host& on, std::vector<std::string> roles)
    : member(in, on, {.announces = true})
    , roles_(std::move(roles)) {
  set_state(model::role_state::active);
}

void node::set_state(model::role_state state) {
  std::map<std::string, model::role_offer> offers;
  for (const auto& role : roles_)
    offers[role].state = state;
  announce(std::move(offers));
}

// ---- manager

manager::manager(world& in, host& on, model::partition_rule rule)
    : member(
          in, on,
          {.topics = {std::begin(membership::manager_topics), std::end(membership::manager_topics)},
           .announces = true})
    , machine_({.id = on.name(),
                .rule = rule,
                .event_servers = in.all(kind::event_server).size(),
                .kept = on.kept.manager}) {
  announce({{std::string(membership::manager_role), {.ports = {}, .priority = 50}}});
}

model::time_point manager::next_deadline() const {
  return std::min(member::next_deadline(), machine_.next_deadline());
}

void manager::on_deadline() {
  if (member::next_deadline() <= in_.now())
    member::on_deadline();
  if (machine_.next_deadline() > in_.now())
    return;
  membership::effects out;
  machine_.on_deadline(in_.now(), on_.wall(), out);
  perform(out);
}

model::time_point manager::synced_since(const std::string& server) const {
  const auto found = synced_.find(server);
  return found == synced_.end() ? model::never : found->second;
}

void manager::on_up(const std::string& server, const wire::welcome& hello) {
  hear(server, membership::server_up{server, hello});
}

void manager::on_down(const std::string& server) {
  synced_.erase(server);
  hear(server, membership::server_down{server});
}

void manager::on_message(const std::string& server, const wire::server_message& m) {
  if (const auto* e = std::get_if<wire::event>(&m)) {
    if (e->what.about == wire::topic::members)
      return on_status(server, e->what.body);
    if (e->what.about == wire::topic::statistics)
      return on_statistics(e->what.body);
  }
  if (const auto* r = std::get_if<wire::refused>(&m); r && r->reason == "full_status_needed") {
    membership::effects out;
    machine_.on_full_status_needed(in_.now(), on_.wall(), server, out);
    return perform(out);
  }
  if (auto fact = membership::hear(server, m).value()) {
    if (std::holds_alternative<membership::server_synced>(*fact))
      synced_[server] = in_.now();
    hear(server, *std::move(fact));
  }
}

void manager::on_status(const std::string& server, const std::string& body) {
  membership::effects out;
  machine_.on_status(in_.now(), on_.wall(), server, *wire::decode_status(body), out);
  perform(out);
}

void manager::on_statistics(const std::string& body) {
  const auto figures = *wire::decode_statistics(body);
  const auto zone = *wire::zone_report_of(figures);
  if (!zone)
    return;
  membership::effects out;
  machine_.on_zone_report(in_.now(), on_.wall(), figures.id.text(), *zone, out);
  perform(out);
}

void manager::hear(const std::string& server, membership::input what) {
  if (in_.sabotage().keeps_from_judge(server))
    return;
  in_.sabotage().spoil(what);
  membership::effects out;
  machine_.on_event(in_.now(), on_.wall(), what, out);
  perform(out);
}

void manager::perform(const membership::effects& out) {
  for (const auto& e : out) {
    if (const auto* p = std::get_if<membership::publish>(&e)) {
      auto status = *p;
      in_.sabotage().spoil(status, on_.name(), on_.wall());
      in_.law().on_published(on_, status.what);
      publish(status.server, wire::topic::members, wire::encode_body(status.what));
    } else if (const auto* keep = std::get_if<membership::persist>(&e)) {
      on_.kept.manager = *keep;
    } else if (const auto* r = std::get_if<membership::resubscribe>(&e)) {
      in_.tell("{}: resubscribes to {}", on_.name(), r->server);
      tell(agent::resubscribe{r->server});
    } else if (const auto* a = std::get_if<membership::admitted>(&e)) {
      in_.tell("{}: admits {}", on_.name(), a->what.id.text());
    } else if (const auto* w = std::get_if<membership::withdrawn>(&e)) {
      in_.tell("{}: withdraws {}: {}", on_.name(), w->id.text(), model::to_string(w->reason));
      in_.law().on_withdrawn(on_, *this, *w);
    } else if (const auto* t = std::get_if<membership::transition>(&e)) {
      in_.tell("{}: {}, {}, epoch {}.{}", on_.name(), t->active ? "leads" : "follows",
               election::to_string(t->why), t->at.counter, t->at.manager);
    } else if (const auto* n = std::get_if<membership::note>(&e)) {
      in_.tell("{}: {} ({}): {}", on_.name(), n->about, n->word, n->detail);
    }
  }
}

// ---- dns_server

dns_server::dns_server(world& in, host& on, model::partition_policy policy)
    : member(in, on,
             {.topics = {wire::topic::members, wire::topic::leave, wire::topic::presence},
              .announces = true})
    , machine_(plan(), {.policy = policy, .event_servers = in.all(kind::event_server).size()}) {
  auto last = on.kept.zone;
  if (last)
    in.sabotage().spoil(*last);
  std::vector<dns::effect> out;
  machine_.start(in.now(), on.wall(), {}, last ? &*last : nullptr, out);
  perform(out);
  announce({{std::string(identity::role_dns_manager), {}}});
}

model::time_point dns_server::next_deadline() const {
  return std::min(member::next_deadline(), machine_.next_deadline());
}

void dns_server::on_deadline() {
  if (member::next_deadline() <= in_.now())
    member::on_deadline();
  if (machine_.next_deadline() > in_.now())
    return;
  std::vector<dns::effect> out;
  machine_.on_deadline(in_.now(), on_.wall(), out);
  perform(out);
}

void dns_server::on_up(const std::string& server, const wire::welcome& hello) {
  hear(membership::server_up{server, hello});
  // After the presence, which the agent publishes once it has told us.
  if (!figures_.empty())
    in_.after(0us, [&on = on_, run = on_.run(), server] {
      on.call(run, [server](daemon& d) {
        auto& self = dynamic_cast<dns_server&>(d);
        self.publish(server, wire::topic::statistics, self.figures_);
      });
    });
}

void dns_server::on_down(const std::string& server) {
  hear(membership::server_down{server});
}

void dns_server::on_message(const std::string& server, const wire::server_message& m) {
  const auto* e = std::get_if<wire::event>(&m);
  if (e != nullptr && e->what.about == wire::topic::members) {
    std::vector<dns::effect> out;
    machine_.on_status(in_.now(), on_.wall(), server, *wire::decode_status(e->what.body), out);
    return perform(out);
  }
  if (const auto fact = membership::hear(server, m).value())
    hear(*fact);
}

void dns_server::hear(const membership::input& what) {
  std::vector<dns::effect> out;
  machine_.on_facts(in_.now(), on_.wall(), what, out);
  perform(out);
}

void dns_server::perform(const std::vector<dns::effect>& out) {
  in_.law().on_view(on_, machine_);
  for (const auto& e : out) {
    if (std::holds_alternative<dns::publish_zones>(e) || std::holds_alternative<dns::remember>(e)) {
      write_down();
    } else if (std::holds_alternative<dns::report>(e)) {
      report();
    } else if (const auto* r = std::get_if<dns::resubscribe_to>(&e)) {
      in_.tell("{}: resubscribes to {}", on_.name(), r->server);
      tell(agent::resubscribe{r->server});
    } else if (const auto* n = std::get_if<dns::note>(&e)) {
      in_.tell("{}: {}", on_.name(), n->text);
    }
  }
}

/// The disk has its own thread, and a crash may be faster.
void dns_server::write_down() {
  if (machine_.state() == dns::feed_state::unknown)
    return;
  in_.after(disk_latency, [&on = on_, run = on_.run(), what = machine_.to_persist()] {
    if (run == on.run() && on.runs())
      on.kept.zone = what;
  });
}

void dns_server::report() {
  figures_ = wire::encode_body(
      wire::statistics_of(id_of(on_), {.serial = machine_.serial(),
                                       .digest = model::digest(machine_.shown()),
                                       .degraded = machine_.state() == dns::feed_state::degraded,
                                       .divergent = machine_.divergent()}));
  publish("", wire::topic::statistics, figures_);
}

} // namespace thor::sim
