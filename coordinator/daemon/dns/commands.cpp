#include "coordinator/daemon/dns/commands.hpp"

#include "coordinator/daemon/dns/hosted_zones.hpp"
#include "coordinator/daemon/dns/overlay_records.hpp"
#include "coordinator/daemon/dns/planning.hpp"
#include "coordinator/runtime/control.hpp"
#include "schema/store/operator_store.hpp"
#include "zone/build/build.hpp"
#include "zone/check/check.hpp"
#include "zone/text/rdata_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

namespace thor::dns {

namespace {

constexpr std::chrono::milliseconds serving_poll_interval{20};
/// The template of a new domain.
constexpr std::string_view usual_template = "sip";
/// In place of a template: a zone of static records alone.
constexpr std::string_view no_template = "none";

/// Ends a command with a sentence and a code.
struct refusal : std::runtime_error {
  refusal(int with, const std::string& why)
      : std::runtime_error(why)
      , code(with) {}
  int code;
};

refusal wrong(const std::string& why) {
  return {runtime::exit_usage, why};
}
refusal failed(const std::string& why) {
  return {runtime::exit_failed, why};
}

template <typename T>
T value_of(std::expected<T, store::error> result) {
  if (!result)
    throw failed(result.error().detail);
  if constexpr (!std::is_void_v<T>)
    return *std::move(result);
}

zone::name read_name(const std::string& text) {
  auto name = zone::name::parse(text);
  if (!name)
    throw wrong(name.error().detail);
  return *std::move(name);
}

zone::rr_type read_type(const std::string& text) {
  const auto type = zone::parse_type(text);
  if (!type)
    throw wrong(type.error().detail);
  return *type;
}

std::uint32_t read_ttl(const std::string& text) {
  std::uint32_t ttl_s = 0;
  const auto* const end = text.data() + text.size();
  const auto [read, failure] = std::from_chars(text.data(), end, ttl_s);
  if (failure != std::errc{} || read != end || ttl_s > zone::ttl_s_max)
    throw wrong(
        fmt::format("TTL \"{}\" is no number of seconds within 0 and {}", text, zone::ttl_s_max));
  return ttl_s;
}

/// Types without a struct of their own take the form that ldns writes.
zone::rdata read_rdata(zone::rr_type type, const std::string& text) {
  auto data = zone::parse_rdata(type, text);
  if (!data)
    throw wrong(data.error().detail);
  if (!std::holds_alternative<zone::opaque_rdata>(*data))
    return *std::move(data);
  auto canonical = zone::canonical_rdata(type, text);
  if (!canonical)
    throw wrong(canonical.error().detail);
  return zone::opaque_rdata{*std::move(canonical)};
}

std::string line_of(const store::operator_record& record) {
  return fmt::format("{} {} {} {}", record.owner.text(), record.ttl_s, zone::to_string(record.type),
                     zone::to_text(record.data));
}

/// The operator's database, and what the daemon would make of its data.
class desk {
 public:
  desk(const settings& how, const runtime::overlay_config& overlay)
      : run_dir_(overlay.run_dir)
      , domain_(domain_of_certificate(overlay))
      , store_(value_of(store::operator_store::open(how.operator_db)))
      , plan_(plan_of(
            domain_, how,
            [this](const zone::name& apex) { return value_of(store_.ensure_domain(apex)); }))
      , hosting_(hosting_of(domain_, how)) {
    read();
  }

  store::operator_store& store() { return store_; }
  [[nodiscard]] const store::operator_data& data() const { return data_; }
  [[nodiscard]] const hosting& hosted() const { return hosting_; }
  void read() { data_ = value_of(store_.read()); }

  [[nodiscard]] bool is_of_overlay(const store::operator_zone& zone) const {
    return plan_.find_zone(zone.id) != nullptr;
  }
  [[nodiscard]] const store::operator_zone* find(const zone::name& apex) const {
    const auto found = std::ranges::find(data_.zones, apex, &store::operator_zone::apex);
    return found == data_.zones.end() ? nullptr : &*found;
  }

  /// The zone that the name belongs to.
  [[nodiscard]] const store::operator_zone& zone_of(const zone::name& owner) const {
    const store::operator_zone* deepest = nullptr;
    for (const auto& zone : data_.zones)
      if (owner.is_at_or_below(zone.apex) &&
          (deepest == nullptr || zone.apex.is_at_or_below(deepest->apex)))
        deepest = &zone;
    if (deepest == nullptr)
      throw failed(fmt::format("no domain here holds {}; thor-dns domain list shows those that are "
                               "there",
                               owner.text()));
    return *deepest;
  }

  /// Throws when the daemon would serve less with `fresh` among the records of `zone` than it
  /// would want to.
  void try_out(const store::operator_zone& zone, const store::operator_record& fresh) const {
    auto data = of_zone(zone);
    const auto before = not_served(data);
    data.records.push_back(fresh);
    const auto after = not_served(std::move(data));
    std::vector<std::string> more;
    std::ranges::set_difference(after, before, std::back_inserter(more));
    if (more.empty())
      return;
    std::string_view why = more.front();
    if (constexpr std::string_view row = "records row 0: "; why.starts_with(row))
      why.remove_prefix(row.size());
    throw failed(std::string(why));
  }

  /// What of the zone's data is not served.
  [[nodiscard]] std::vector<std::string> not_served(const store::operator_zone& zone) const {
    return not_served(of_zone(zone));
  }

  /// Waits until the daemon, if it runs, serves what was written, and says so.
  void await_daemon(const zone::name& apex) const {
    const auto socket = run_dir_ / "thor-dns.sock";
    const auto deadline = std::chrono::steady_clock::now() + serving_wait_max;
    while (true) {
      const auto answer = runtime::ask(socket, "serial " + apex.text());
      if (!answer) {
        fmt::print("written; the daemon was not asked: {}\n", answer.error());
        return;
      }
      if (answer->at("operator_revision").to_number<std::int64_t>() >= data_.revision &&
          !answer->at("pending").as_bool()) {
        const auto& serial = answer->at("serial");
        if (serial.is_null())
          fmt::print("{} is not served any more\n", apex.text());
        else
          fmt::print("{} is served with serial {}\n", apex.text(),
                     serial.to_number<std::uint32_t>());
        return;
      }
      if (std::chrono::steady_clock::now() >= deadline)
        throw failed(fmt::format("written, but the daemon does not serve it after {} s; look at "
                                 "thor-dns status and its log",
                                 serving_wait_max.count()));
      std::this_thread::sleep_for(serving_poll_interval);
    }
  }

 private:
  static zone::name domain_of_certificate(const runtime::overlay_config& overlay) {
    const auto own = identity::x509::credentials::load(overlay.files);
    if (!own)
      throw wrong(own.error().detail);
    return domain_of(own->self());
  }

  [[nodiscard]] store::operator_data of_zone(const store::operator_zone& zone) const {
    store::operator_data data{.zones = {zone},
                              .templates = data_.templates,
                              .records = {},
                              .metadata = {},
                              .quarantined = {}};
    std::ranges::copy_if(data_.records, std::back_inserter(data.records),
                         [&](const auto& record) { return record.zone_id == zone.id; });
    return data;
  }

  [[nodiscard]] std::vector<std::string> not_served(store::operator_data data) const {
    auto lines = hosted_zones(hosting_, "").take(data).not_served;
    auto own = read_overlay_records(plan_, data);
    std::ranges::move(own.not_served, std::back_inserter(lines));
    for (const auto& input : plan_.describe_unknown(own.rrsets, 1))
      for (const auto& [owner, type, content, reason] : zone::build(input, nullptr).rejected)
        lines.push_back(fmt::format("{} {} {}: {}", owner.text(), zone::to_string(type), content,
                                    reason.detail));
    std::ranges::sort(lines);
    return lines;
  }

  std::filesystem::path run_dir_;
  zone::name domain_;
  store::operator_store store_;
  zone_plan plan_;
  hosting hosting_;
  store::operator_data data_;
};

// ---- thor-dns domain

void add_domain(desk& at, const std::vector<std::string>& arguments) {
  const auto apex = read_name(arguments.at(0));
  std::string from = arguments.size() > 1 ? arguments.at(1) : std::string(usual_template);
  if (from == no_template)
    from.clear();
  if (const auto why = at.hosted().reserved(apex); !why.empty())
    throw failed(apex.text() + ": " + why);
  const auto known = std::ranges::find(at.data().templates, from, &store::operator_template::name);
  if (!from.empty() && known == at.data().templates.end()) {
    std::vector<std::string> names{std::string(no_template)};
    for (const auto& one : at.data().templates)
      names.push_back(one.name);
    throw failed(
        fmt::format("there is no template {}; there are {}", from, fmt::join(names, ", ")));
  }
  value_of(at.store().add_domain(apex, from));
  at.read();
  if (const auto* zone = at.find(apex))
    for (const auto& row : at.not_served(*zone))
      fmt::print(stderr, "not served: {}\n", row);
  at.await_daemon(apex);
}

void remove_domain(desk& at, const std::vector<std::string>& arguments) {
  const auto apex = read_name(arguments.at(0));
  const auto* zone = at.find(apex);
  if (zone != nullptr && at.is_of_overlay(*zone))
    throw failed(apex.text() + " is the overlay's own; it goes with [dns] of the configuration");
  value_of(at.store().remove_domain(apex));
  at.read();
  at.await_daemon(apex);
}

void list_domains(desk& at, const std::vector<std::string>& /*arguments*/) {
  for (const auto& zone : at.data().zones) {
    if (at.is_of_overlay(zone))
      fmt::print("{} overlay\n", zone.apex.text());
    else
      fmt::print("{} {} {}\n", zone.apex.text(),
                 zone.template_name.empty() ? no_template : zone.template_name, zone.serial);
  }
  for (const auto& row : at.data().quarantined)
    if (row.table == "domains")
      fmt::print(stderr, "not served: domains row {}: {}: {}\n", row.row, row.text,
                 row.reason.detail);
}

// ---- thor-dns record

std::string joined(const std::vector<std::string>& words, std::size_t from) {
  return fmt::format(
      "{}", fmt::join(words.begin() + static_cast<std::ptrdiff_t>(from), words.end(), " "));
}

void add_record(desk& at, const std::vector<std::string>& arguments) {
  const auto owner = read_name(arguments.at(0));
  const auto ttl_s = read_ttl(arguments.at(1));
  const auto type = read_type(arguments.at(2));
  const auto data = read_rdata(type, joined(arguments, 3));
  const auto zone = at.zone_of(owner);
  at.try_out(zone,
             {.zone_id = zone.id, .owner = owner, .type = type, .ttl_s = ttl_s, .data = data});
  value_of(at.store().add_record(zone.id, owner, type, ttl_s, data));
  at.read();
  at.await_daemon(zone.apex);
}

void remove_record(desk& at, const std::vector<std::string>& arguments) {
  const auto owner = read_name(arguments.at(0));
  const auto type = read_type(arguments.at(1));
  std::optional<zone::rdata> data;
  if (arguments.size() > 2)
    data = read_rdata(type, joined(arguments, 2));
  const auto zone = at.zone_of(owner);
  std::vector<std::int64_t> rows;
  for (const auto& record : at.data().records)
    if (record.zone_id == zone.id && record.owner == owner && record.type == type &&
        (!data || record.data == *data))
      rows.push_back(record.row);
  if (rows.empty())
    throw failed(fmt::format("the operator's data have no such record at {}", owner.text()));
  for (const auto row : rows)
    value_of(at.store().remove_record(row));
  at.read();
  at.await_daemon(zone.apex);
}

void list_records(desk& at, const std::vector<std::string>& arguments) {
  const store::operator_zone* only = nullptr;
  if (!arguments.empty()) {
    const auto apex = read_name(arguments.at(0));
    only = at.find(apex);
    if (only == nullptr)
      throw failed(fmt::format("there is no domain {}; thor-dns domain list shows those that are "
                               "there",
                               apex.text()));
  }
  for (const auto& record : at.data().records)
    if (only == nullptr || record.zone_id == only->id)
      fmt::print("{}\n", line_of(record));
  for (const auto& zone : at.data().zones)
    if (only == nullptr || zone.id == only->id)
      for (const auto& row : at.not_served(zone))
        fmt::print(stderr, "not served: {}\n", row);
}

using step = void (*)(desk&, const std::vector<std::string>&);

runtime::local_command command(const settings& how, std::string group, std::string name,
                               std::string summary, std::vector<std::string> arguments, step does) {
  return {.group = std::move(group),
          .name = std::move(name),
          .summary = std::move(summary),
          .arguments = std::move(arguments),
          .run = [&how, does](const runtime::invocation& asked) {
            try {
              desk at(how, asked.overlay);
              does(at, asked.arguments);
              return runtime::exit_ok;
            } catch (const refusal& why) {
              fmt::print(stderr, "thor-dns: {}\n", why.what());
              return why.code;
            } catch (const std::exception& failure) {
              fmt::print(stderr, "thor-dns: {}\n", failure.what());
              return runtime::exit_failed;
            }
          }};
}

} // namespace

std::vector<runtime::local_command> operator_commands(const settings& how) {
  return {
      command(how, "domain", "add",
              "host a domain, from the template sip unless another one is named; none: static "
              "records alone",
              {"NAME", "[TEMPLATE]"}, add_domain),
      command(how, "domain", "remove", "host a domain no more, and forget its records", {"NAME"},
              remove_domain),
      command(how, "domain", "list", "show all domains with template and serial", {}, list_domains),
      command(how, "record", "add", "add a static record to the zone that NAME lies in",
              {"NAME", "TTL", "TYPE", "CONTENT..."}, add_record),
      command(how, "record", "remove", "remove the static records of a name and type, or one",
              {"NAME", "TYPE", "[CONTENT...]"}, remove_record),
      command(how, "record", "list", "show the static records", {"[ZONE]"}, list_records)};
}

} // namespace thor::dns
