#include "coordinator/daemon/dns/dns_service.hpp"

#include "coordinator/daemon/dns/backend_metrics.hpp"
#include "coordinator/daemon/dns/overlay_records.hpp"
#include "coordinator/daemon/dns/planning.hpp"
#include "coordinator/daemon/dns/token.hpp"
#include "coordinator/daemon/dns/zone_commands.hpp"
#include "coordinator/membership/hearing.hpp"
#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/endpoint.hpp"
#include "zone/text/digest.hpp"

#include <boost/asio/post.hpp>
#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <expected>
#include <iterator>
#include <set>
#include <span>
#include <stdexcept>
#include <utility>
#include <variant>

namespace thor::dns {

namespace {

/// Lines of one kind in the log: one in this time.
constexpr std::chrono::seconds repeated_line_interval{10};
/// Rows that are not served, in the log at one time.
constexpr std::size_t not_served_lines_max = 20;

const zone::name* apex_of(const store::operator_data& data, std::uint32_t zone_id) {
  const auto zone = std::ranges::lower_bound(data.zones, zone_id, {}, &store::operator_zone::id);
  return zone != data.zones.end() && zone->id == zone_id ? &zone->apex : nullptr;
}

/// Of all domains.
served_zones::particulars particulars_of(const store::operator_data& data) {
  auto metadata = std::make_shared<zones_metadata>();
  auto secrets = std::make_shared<backend::secrets>();
  for (const auto& entry : data.metadata)
    if (const auto* apex = apex_of(data, entry.zone_id))
      (*metadata)[*apex][entry.kind] = entry.values;
  for (const auto& one : data.keys)
    if (const auto* apex = apex_of(data, one.zone_id))
      secrets->keys[*apex].push_back(one.key);
  for (const auto& key : data.tsig_keys)
    secrets->tsig_keys.emplace(key.owner, key);
  return {std::move(metadata), std::move(secrets)};
}

/// Which clients see through the view of which site.
std::shared_ptr<const backend::networks> networks_of(const std::vector<site>& sites,
                                                     const site_views& views) {
  std::vector<backend::viewing_network> all;
  for (const auto& one : sites)
    for (const auto& network : one.networks)
      all.push_back({.where = backend::ip_prefix::parse(network.text()).value(),
                     .view = views.view_of(one.name)});
  return std::make_shared<const backend::networks>(std::move(all));
}

/// What the zone is made of follows the configuration; the rest is that of the start.
void take_zone(const settings& from, settings& into) {
  into.slice = from.slice;
  into.soa = from.soa;
  into.name_servers = from.name_servers;
  into.event_servers = from.event_servers;
  into.roles = from.roles;
}

backend::server_options server_options_of(const settings& how, zone::edit_sink& edits) {
  backend::server_options options;
  options.edits = &edits;
  if (how.http) {
    options.http = runtime::to_text(*how.http);
    options.http_token = read_or_create_token(how.http_token_file);
  }
  options.unix_path = how.unix_socket.string();
  options.unix_users = how.unix_users;
  options.unix_group = how.unix_group;
  options.threads = how.serving_threads;
  return options;
}

std::unique_ptr<backend::server> make_internal_server(const settings& how, zone::edit_sink& edits,
                                                      const backend::log_sink& log) {
  if (!how.internal)
    return nullptr;
  backend::server_options options;
  options.edits = &edits;
  options.unix_path = how.internal->unix_socket.string();
  options.unix_users = how.unix_users;
  options.unix_group = how.unix_group;
  return std::make_unique<backend::server>(options, log);
}

void log_backend(backend::log_level level, const std::string& line) {
  using enum backend::log_level;
  switch (level) {
  case debug:
    return spdlog::debug("backend: {}", line);
  case info:
    return spdlog::info("backend: {}", line);
  case warning:
    return spdlog::warn("backend: {}", line);
  case error:
    return spdlog::error("backend: {}", line);
  }
}

bool is_internal(const zone_plan& plan, const zone::name& apex) {
  const auto own = std::ranges::find(plan.zones(), apex, &planned_zone::apex);
  return own != plan.zones().end() && own->internal;
}

std::set<std::string> names_of(const std::vector<role_definition>& roles) {
  std::set<std::string> names;
  for (const auto& one : roles)
    names.insert(one.role);
  return names;
}

enum class manners : std::uint8_t { announces, only_listens };

std::unique_ptr<client::client> make_client(runtime::service& host, manners with,
                                            client::observer& seen) {
  client::options options{.event_servers = host.overlay().event_servers,
                          .resolvers = host.overlay().resolvers,
                          .topics = {wire::topic::members},
                          .software = std::string("thor-dns ") + THOR_VERSION,
                          .incarnation_file = {},
                          .counters = &host.counters()};
  // For our own judgement, should no manager live: leaves before presences, as a judge wants them.
  if (host.overlay().partition.policy == model::partition_policy::available)
    options.topics.insert(options.topics.end(), {wire::topic::leave, wire::topic::presence});
  if (with == manners::announces)
    options.incarnation_file = host.overlay().state_dir / "thor-dns.incarnation";
  return std::make_unique<client::client>(host.io(), std::move(options), host.credentials(), seen);
}

} // namespace

dns_service::dns_service(runtime::service& host, const settings& how)
    : host_(host)
    , configured_(how)
    , how_(how)
    , limiter_(repeated_line_interval)
    , disk_(host.io(), how.operator_db, how.zone_db, runtime::unix_now())
    , replica_(host, how.replica, disk_,
               {.members = [this]() -> const model::member_map& { return machine_.shown(); },
                .claim_changed = [this] { announce(); },
                .data_changed =
                    [this] {
                      machine_.on_figures_changed(runtime::monotonic_now());
                      timer_.arm(machine_.next_deadline());
                    },
                .alarm = [this](const std::string& kind,
                                const std::string& text) { alarm(kind, text); }})
    , machine_(plan_of(domain_of(host.credentials().self()), how,
                       [this](const zone::name& apex) { return disk_.ensure_domain(apex); }),
               how.coordination)
    , edits_(host.io(), disk_, host.counters(),
             {.plan = [this]() -> const zone_plan& { return machine_.plan(); },
              .publication_pending = [this] { return machine_.publication_pending(); }})
    , server_(server_options_of(how, edits_), log_backend)
    , internal_server_(make_internal_server(how, edits_, log_backend))
    , served_({.server_id = host.credentials().self().id.text(),
               .networks = networks_of(how.sites, machine_.plan().sites()),
               .everybody = &server_,
               .internal = internal_server_.get()})
    , name_servers_(host.io(), host.counters())
    , timer_(host.io(),
             [this](model::time_point now) {
               std::vector<effect> effects;
               machine_.on_deadline(now, runtime::unix_now(), effects);
               perform(effects);
             })
    , roles_(host.counters(), names_of(machine_.plan().roles())) {
  client_ = make_client(host, manners::announces, *this);
  for (const auto& path : how.pdns_control)
    name_servers_.add(path, false);
  if (how.internal)
    for (const auto& path : how.internal->pdns_control)
      name_servers_.add(path, true);
  begin({hosting_of(machine_.plan().domain(), how), host.credentials().self().id.text()});
  host_.on_status([this](boost::json::object& into) { describe_status(into); });
  host_.on_metrics([this] {
    update_metrics();
    std::vector<const backend::serve_counters*> servers{&server_.counters()};
    if (internal_server_ != nullptr)
      servers.push_back(&internal_server_->counters());
    show_backend(servers, host_.counters());
  });
  answer_zone_commands(host_.control(), served_,
                       [this]() -> const zone_plan& { return machine_.plan(); });
  host_.control().on("serial", [this](const auto& arguments) { return tell_serial(arguments); });
  host_.control().on("promote",
                     [this](const std::vector<std::string>&) { return replica_.promote(); });
}

/// The last good zones are served before anything else happens.
void dns_service::begin(hosted_zones hosted) {
  operator_ = disk_.read_operator_data(std::move(hosted));
  auto rrsets = accept(operator_, machine_.plan());
  auto found = disk_.last_published();
  std::optional<restored> last;
  if (found)
    last = restored{.where = found->status.where,
                    .serial = found->status.serial,
                    .heard_at = found->status.heard_at,
                    .own_members = found->status.own_members,
                    .divergent = found->status.divergent,
                    .members = std::move(found->status.members)};
  std::vector<effect> effects;
  const auto now = runtime::monotonic_now();
  machine_.start(now, runtime::unix_now(), std::move(rrsets), last ? &*last : nullptr, effects);
  perform(effects);
  if (served_.overlay().zones.empty())
    throw std::runtime_error("the first zone cannot be published, the line before this says why");
  if (machine_.state() == feed_state::stale &&
      zone::digest(served_.whole_overlay()) != found->zones_digest) {
    effects.clear();
    machine_.on_zone_differs(now, effects);
    perform(effects);
  }
  spdlog::info("serving {} serial {}, membership {}: {} members", machine_.plan().domain().text(),
               machine_.serial(), to_string(machine_.state()), machine_.shown().size());
}

void dns_service::run() {
  disk_.start(
      {.operator_data = [this](operator_news news) { on_operator_data(std::move(news)); },
       .operator_state = [this](const model::data_state& state) { replica_.on_data(state); },
       .failure = [this](const std::string& what) { alarm("disk", what); },
       .notice = [](const std::string& what) { spdlog::warn("{}", what); }});
  announce();
  client_->start();
  replica_.start();
  host_.ready();
  host_.run([this] { stop(); },
            [this] {
              announce();
              client_->credentials_reloaded();
              replica_.recheck();
            },
            [this] { reconfigure(); });
  server_.stop();
  if (internal_server_ != nullptr)
    internal_server_->stop();
}

void dns_service::reconfigure() {
  auto wanted = how_;
  take_zone(configured_, wanted);
  auto plan = next_plan(machine_.plan(), wanted);
  if (!plan)
    return alarm("configuration",
                 "[dns] not reloaded, the old one stays in force: " + plan.error().detail);
  how_ = std::move(wanted);
  if (configured_ != how_)
    spdlog::warn("what changed in [dns] besides soa, name_server, event_server, slice and roles "
                 "takes a restart");
  roles_.expect(names_of(plan->roles()));
  auto rrsets = accept(operator_, *plan);
  std::vector<effect> effects;
  machine_.on_plan(runtime::monotonic_now(), std::move(*plan), std::move(rrsets), effects);
  perform(effects);
  disk_.host(hosting_of(machine_.plan().domain(), how_));
  spdlog::info("{} roles, serial {}", machine_.plan().roles().size(), machine_.serial());
}

void dns_service::stop() {
  client_->stop(std::chrono::milliseconds{0},
                [this] { replica_.stop([this] { host_.finish(); }); });
}

// ---- a member among others

void dns_service::announce() {
  if (replaced_)
    return;
  const auto& self = host_.credentials().self();
  model::role_offer offer;
  if (const auto port = replica_.port(); port != 0)
    offer.ports.emplace(wire::copy_port_key, port);
  client_->announce({.id = self.id,
                     .at = {},
                     .addresses = self.addresses,
                     .roles = {{std::string(identity::role_dns_manager), std::move(offer)}},
                     .site = "",
                     .software = std::string("thor-dns ") + THOR_VERSION,
                     .attributes = {{std::string(wire::writer_attribute),
                                     model::to_text(replica_.machine().claim())}}});
}

void dns_service::tell_figures() {
  wire::zone_report zone{.serial = served_.overlay().zones.front()->serial,
                         .digest = zone::digest(served_.whole_overlay()),
                         .degraded = machine_.state() == feed_state::degraded,
                         .divergent = machine_.divergent()};
  if (const auto& data = replica_.machine().data())
    zone.operator_data = {replica_.machine().claim(), *data};
  figures_ = wire::encode_body(wire::statistics_of(host_.credentials().self().id, zone));
  if (!replaced_)
    client_->publish(wire::topic::statistics, figures_);
}

/// The zone has to be followed all the same. The client cannot be exchanged from within its call.
void dns_service::on_replaced(const std::string& server) {
  replaced_ = true;
  alarm("replaced",
        fmt::format("event server {}: another thor-dns runs with this certificate; this one "
                    "goes on serving its zone and only listens. Each needs a certificate "
                    "of its own",
                    server));
  boost::asio::post(host_.io(), [this] { listen_only(); });
}

void dns_service::listen_only() {
  client_ = make_client(host_, manners::only_listens, *this);
  client_->start();
}

// ---- the feed

void dns_service::on_server_up(const std::string& server, const wire::welcome& hello) {
  hear(membership::server_up{server, hello});
  if (!figures_.empty() && !replaced_)
    client_->publish_to(server, wire::topic::statistics, figures_);
}

void dns_service::on_server_down(const std::string& server, const std::string& /*why*/) {
  hear(membership::server_down{server});
}

void dns_service::on_message(const std::string& server, const wire::server_message& message,
                             const identity::peer* /*author*/) {
  const auto* event = std::get_if<wire::event>(&message);
  if (event != nullptr && event->what.about == wire::topic::members)
    return on_status(server, event->what.body);
  auto fact = membership::hear(server, message);
  if (!fact)
    return malformed(server, fact.error());
  if (*fact)
    hear(**fact);
}

void dns_service::on_status(const std::string& server, const std::string& body) {
  const auto status = wire::decode_status(body);
  if (!status)
    return malformed(server, status.error());
  if (model::position_of(*status) < machine_.view().where)
    host_.counters()
        .counter("thor_stale_events_total",
                 "Well signed, but older than what is known: late copies, or replays.",
                 {{"topic", std::string(wire::to_string(wire::topic::members))}})
        .Increment();
  std::vector<effect> effects;
  machine_.on_status(runtime::monotonic_now(), runtime::unix_now(), server, *status, effects);
  perform(effects);
}

void dns_service::hear(const membership::input& fact) {
  std::vector<effect> effects;
  machine_.on_facts(runtime::monotonic_now(), runtime::unix_now(), fact, effects);
  perform(effects);
}

void dns_service::malformed(const std::string& server, const wire::error& why) {
  alarm("malformed_body", fmt::format("a message from {} cannot be read: {}", server, why.detail));
}

// ---- the operator's data

void dns_service::on_operator_data(operator_news news) {
  const auto hosted_before = served_.hosted();
  operator_ = std::move(news);
  std::map<zone::name, std::uint32_t> ids;
  for (const auto& zone : operator_.data.zones)
    ids.emplace(zone.apex, zone.id);
  std::vector<effect> effects;
  const bool other_ids = machine_.on_zone_ids(runtime::monotonic_now(), ids, effects);
  auto rrsets = accept(operator_, machine_.plan());
  announce_hosted(operator_.hosted);
  machine_.on_operator_rrsets(runtime::monotonic_now(), std::move(rrsets), effects);
  perform(effects);
  if (other_ids)
    name_servers_.rediscover(); // PowerDNS asks by id
  if (served_.hosted() != hosted_before && machine_.state() != feed_state::unknown)
    write_down("operator data");
  spdlog::info("read the operator's data, revision {}: {} hosted domains ({} added, {} removed, {} "
               "changed), {} rows not served",
               operator_.data.revision, served_.hosted()->zones.size(),
               operator_.hosted.added.size(), operator_.hosted.removed.size(),
               operator_.hosted.changed.size(), not_served_.size());
}

/// Serves the hosted zones. The overlay's own records that may be served are returned; what is not
/// served is listed with the reason.
std::vector<zone::rrset> dns_service::accept(const operator_news& news, const zone_plan& plan) {
  const auto& data = news.data;
  auto read = read_overlay_records(plan, data);
  auto& not_served = read.not_served;
  not_served.insert(not_served.end(), news.hosted.not_served.begin(), news.hosted.not_served.end());
  for (const auto& row : data.quarantined)
    not_served.push_back(
        fmt::format("{} row {}: {}: {}", row.table, row.row, row.text, row.reason.detail));
  const auto other = served_.host(news.hosted.zones, news.hosted.written, particulars_of(data));
  name_servers_.forget(other, [&](const zone::name& apex) { return is_internal(plan, apex); });
  for (const auto& apex : other)
    notify_secondaries(apex); // there may be new ones
  tell_not_served(std::move(not_served));
  return std::move(read.rrsets);
}

/// Each row once, as long as it stays wrong.
void dns_service::tell_not_served(std::vector<std::string> rows) {
  std::ranges::sort(rows);
  std::vector<std::string> fresh;
  std::ranges::set_difference(rows, not_served_, std::back_inserter(fresh));
  for (const auto& row : std::span(fresh).first(std::min(fresh.size(), not_served_lines_max)))
    spdlog::warn("not served: {}", row);
  if (fresh.size() > not_served_lines_max)
    spdlog::warn("not served: {} more; thor-dns status lists them",
                 fresh.size() - not_served_lines_max);
  not_served_ = std::move(rows);
}

/// PowerDNS learns of hosted zones that came or went, and forgets what changed.
void dns_service::announce_hosted(const hosted_zones::update& news) {
  name_servers_.tell(news);
  for (const auto& apex : news.added)
    notify_secondaries(apex);
  for (const auto& zone : news.changed)
    notify_secondaries(zone.apex);
}

// ---- publication

void dns_service::perform(const std::vector<effect>& effects) {
  for (const auto& one : effects) {
    if (const auto* wanted = std::get_if<publish_zones>(&one)) {
      publish(*wanted);
    } else if (std::holds_alternative<remember>(one)) {
      write_down("unchanged");
    } else if (std::holds_alternative<report>(one)) {
      tell_figures();
    } else if (const auto* again = std::get_if<resubscribe_to>(&one)) {
      client_->resubscribe(again->server);
    } else if (const auto* told = std::get_if<note>(&one)) {
      if (told->alarm) {
        alarm(std::string(told->word), told->text);
      } else {
        spdlog::info("{}", told->text);
      }
    }
  }
  timer_.arm(machine_.next_deadline());
}

void dns_service::publish(const publish_zones& wanted) {
  show_zones(wanted);
  edits_.on_published();
}

void dns_service::show_zones(const publish_zones& wanted) {
  const auto done = served_.publish(machine_.plan().zones(), wanted.inputs);
  if (!done)
    return alarm("zone_check", fmt::format("nothing was published, the zones before stay: {}",
                                           done.error().detail));
  tell_rejected(done->rejected);
  std::size_t names = 0;
  for (const auto& zone : done->changed) {
    name_servers_.purge(zone);
    notify_secondaries(zone.apex);
    names += zone.names.size();
  }
  // On disk stays the last zone that was whole: what a restart and the gsqlite3 backend can serve.
  // PowerDNS is told first.
  boost::asio::post(host_.io(), [this, cause = wanted.cause] {
    if (machine_.state() != feed_state::unknown)
      write_down(cause);
  });
  spdlog::debug("published serial {}: {} names changed ({})", machine_.serial(), names,
                wanted.cause);
}

/// Those in the zone's ALSO-NOTIFY. The name servers in its NS records are not meant: each has a
/// thor-dns of its own, and PowerDNS would look their names up with the machine's resolver, during
/// which it takes no purges.
void dns_service::notify_secondaries(const zone::name& apex) {
  const auto described = served_.metadata().find(apex);
  if (described == served_.metadata().end() || !described->second.contains("ALSO-NOTIFY"))
    return;
  const auto& planned = machine_.plan().zones();
  const auto own = std::ranges::find(planned, apex, &planned_zone::apex);
  const bool is_overlay = own != planned.end();
  if (is_overlay && machine_.state() == feed_state::unknown)
    return; // a zone with unknown names is handed to nobody
  name_servers_.notify(apex, is_overlay && own->internal);
}

void dns_service::write_down(const std::string& cause) {
  auto keep = machine_.to_persist();
  store::publication what;
  what.zones = served_.whole_overlay();
  what.hosted = served_.hosted();
  what.status = {.where = keep.where,
                 .serial = keep.serial,
                 .heard_at = keep.heard_at,
                 .own_members = keep.own_members,
                 .divergent = keep.divergent,
                 .members = std::move(keep.members)};
  what.cause = cause;
  what.at = runtime::unix_now();
  disk_.publish(std::move(what));
}

// ---- what people see

void dns_service::tell_rejected(const std::vector<zone::rejection>& rejected) {
  rejected_.clear();
  for (const auto& one : rejected) {
    rejected_.push_back(fmt::format("{} {} {}: {}", one.owner.text(), zone::to_string(one.type),
                                    one.content, one.reason.detail));
    if (limiter_.pass("rejected " + one.owner.text(), runtime::monotonic_now()))
      spdlog::warn("not served: {}", rejected_.back());
  }
}

void dns_service::alarm(const std::string& kind, const std::string& text) {
  host_.counters()
      .counter("thor_alarms_total", "Things an operator should look at, by kind.", {{"kind", kind}})
      .Increment();
  if (limiter_.pass(kind, runtime::monotonic_now()))
    spdlog::error("{}", text);
}

void dns_service::describe_status(boost::json::object& into) const {
  boost::json::array listen;
  for (const auto& endpoint : server_.endpoints()) {
    listen.emplace_back(endpoint);
    into[endpoint.starts_with('/') ? "unix" : "http"] = endpoint;
  }
  into["listen"] = std::move(listen);
  into["state"] = to_string(machine_.state());
  into["serial"] = machine_.serial();
  into["divergent"] = machine_.divergent();
  into["members"] = machine_.shown().size();
  boost::json::array roles;
  for (const auto& one : machine_.plan().roles())
    roles.emplace_back(one.role);
  into["roles"] = std::move(roles);
  const auto& where = machine_.view().where;
  into["epoch"] = {{"counter", where.at.counter}, {"manager", where.at.manager}};
  into["sequence"] = where.sequence;
  boost::json::array servers;
  for (const auto& server : client_->connected_servers())
    servers.emplace_back(server);
  into["event_servers"] = std::move(servers);
  into["judge"] = describe_judge();
  into["operator"] = replica_.describe();
  into["replaced"] = replaced_;
  boost::json::array rows;
  for (const auto& row : not_served_)
    rows.emplace_back(row);
  for (const auto& row : rejected_)
    rows.emplace_back(row);
  into["not_served"] = std::move(rows);
  into["hosted_domains"] = served_.hosted()->zones.size();
  into["operator_revision"] = operator_.data.revision;
}

/// For commands that wait until a zone is served from the data they wrote: `serial APEX`. The
/// serial is null when the zone is not served.
std::expected<boost::json::object, std::string>
dns_service::tell_serial(const std::vector<std::string>& arguments) const {
  const auto apex = zone::name::parse(arguments.empty() ? "" : arguments.front());
  if (!apex)
    return std::unexpected(apex.error().detail);
  boost::json::object answer{{"operator_revision", operator_.data.revision},
                             {"pending", machine_.publication_pending()},
                             {"serial", nullptr}};
  if (const auto* zone = served_.find(*apex))
    answer["serial"] = zone->serial;
  return answer;
}

/// Our own judgement, shown in DNS only while degraded.
boost::json::object dns_service::describe_judge() const {
  boost::json::array servers;
  for (const auto& server : machine_.judge().servers())
    if (server.up)
      servers.emplace_back(boost::json::object{{"server", server.link},
                                               {"id", server.id},
                                               {"counts", server.reachable()},
                                               {"members", server.live_members}});
  return {{"members", machine_.judge().members().size()},
          {"sees_manager", machine_.judge().sees_manager()},
          {"event_servers", std::move(servers)}};
}

void dns_service::update_metrics() {
  auto& counters = host_.counters();
  counters.gauge("thor_zone_serial", "SOA serial of the zone that is served.")
      .Set(machine_.serial());
  roles_.show(machine_.shown());
  counters.gauge("thor_epoch_counter", "Counter of the epoch in force.")
      .Set(static_cast<double>(machine_.view().where.at.counter));
  counters.gauge("thor_members", "Members that the zone is made of.")
      .Set(static_cast<double>(machine_.shown().size()));
  counters.gauge("thor_divergent", "1 while the serial is one of our own, ahead of the managers'.")
      .Set(machine_.divergent() ? 1 : 0);
  counters
      .gauge("thor_judge_event_servers",
             "Event servers whose word counts in our own judgement of the members.")
      .Set(static_cast<double>(
          std::ranges::count_if(machine_.judge().servers(), &membership::event_server::reachable)));
  for (const auto state :
       {feed_state::unknown, feed_state::stale, feed_state::degraded, feed_state::fresh})
    counters
        .gauge("thor_feed_state", "1 for the state of the network status, 0 for the others.",
               {{"state", std::string(to_string(state))}})
        .Set(state == machine_.state() ? 1 : 0);
  counters.gauge("thor_operator_rows_not_served", "Rows of the operator's data with a fault.")
      .Set(static_cast<double>(not_served_.size() + rejected_.size()));
  counters.gauge("thor_hosted_domains", "Hosted domains that are served.")
      .Set(static_cast<double>(served_.hosted()->zones.size()));
}

} // namespace thor::dns
