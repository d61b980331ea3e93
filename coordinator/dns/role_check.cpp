#include "coordinator/dns/role_check.hpp"

#include "coordinator/model/presence.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace thor::dns {

namespace {

using zone::rr_type;

constexpr std::size_t string_octets_max = 255; // RFC 1035 section 3.3

std::string quoted(std::string_view text) {
  return model::printable(text);
}

bool is_visible_ascii(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

/// Other names exist in DNS, but not PowerDNS nor every client takes them.
constexpr std::string_view not_plain = "characters other than letters, digits, '-' and '_'";
bool is_plain(const zone::name& name) {
  return std::ranges::all_of(name.text(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

/// Begins with a scheme (RFC 3986 section 3.1).
bool is_uri(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto scheme = text.substr(0, text.find(':'));
  return scheme.size() + 1 < text.size() && !scheme.empty() && is_letter(scheme.front()) &&
         std::ranges::all_of(scheme, [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
         });
}

/// "sip.udp" of `_sip._udp` and of `_sip._udp.sub`; "" when the first two labels are not like that.
std::string service_of(const zone::name& owner) {
  const auto service = owner.first_label();
  const auto parent = owner.parent();
  const auto protocol = parent.first_label();
  if (!service.starts_with('_') || !protocol.starts_with('_'))
    return "";
  return std::string(service.substr(1)) + "." + std::string(protocol.substr(1));
}

class checker {
 public:
  explicit checker(const zone_config& config)
      : config_(config) {}

  std::vector<role_fault> run() {
    claim_infrastructure();
    for (role_ = 0; role_ < config_.roles.size(); ++role_)
      check_definition(config_.roles[role_]);
    for (role_ = 0; role_ < config_.roles.size(); ++role_)
      if (config_.roles[role_].is_public)
        check_replacements(config_.roles[role_].naptr);
    return std::move(faults_);
  }

 private:
  static constexpr std::string_view own_part{};

  void fault(std::string_view part, std::size_t index, std::string_view key, std::string why) {
    faults_.push_back({role_, part, index, key, std::move(why)});
  }

  void claim_infrastructure() {
    const auto claim_hosts = [&](const std::vector<fixed_host>& hosts, const std::string& whose) {
      for (const auto& host : hosts)
        if (const auto name = absolute(host.name))
          claimed_.try_emplace({*name, rr_type::a}, whose);
    };
    claim_hosts(config_.name_servers, "a name server");
    claim_hosts(config_.event_servers, "an event server");
    if (const auto bootstrap = config_.domain.descendant("_eventserver._tcp"))
      claimed_.try_emplace({*bootstrap, rr_type::srv}, "the event servers");
  }

  void check_definition(const role_definition& role) {
    if (!model::is_role_name(role.role))
      fault(own_part, 0, "role",
            quoted(role.role) + " is no role name ([a-z][a-z0-9_]*, at most 63 octets)");
    else if (model::is_overlay_role(role.role))
      fault(own_part, 0, "role",
            quoted(role.role) + " is one of the overlay's own (thor_*), which have no records");
    else if (!roles_.insert(role.role).second)
      fault(own_part, 0, "role", quoted(role.role) + " is defined twice");
    if (role.null_target && role.services.empty())
      fault(own_part, 0, "null_target", "is true, but there is no [[srv]] that it could mean");
    if (!role.address_name.empty())
      if (const auto owner = check_owner(own_part, 0, "address", role.address_name))
        claim(role, own_part, 0, "address", *owner, rr_type::a);
    check_services(role);
    check_naptr(role);
    check_texts(role);
    check_uris(role);
  }

  void check_services(const role_definition& role) {
    for (std::size_t i = 0; i < role.services.size(); ++i) {
      const auto& srv = role.services[i];
      const auto owner = check_owner("srv", i, "owner", srv.owner);
      if (!owner)
        continue;
      claim(role, "srv", i, "owner", *owner, rr_type::srv);
      if (!model::is_port_key(service_of(*owner)))
        fault("srv", i, "owner",
              quoted(srv.owner) + " does not begin with _service._protocol (RFC 2782), such as "
                                  "_sip._udp");
      else if (!model::is_port_key(srv.port_key))
        fault("srv", i, "port_key",
              quoted(srv.port_key) + " is not like \"sip.udp\", as members write their ports");
    }
  }

  void check_naptr(const role_definition& role) {
    for (std::size_t i = 0; i < role.naptr.size(); ++i) {
      const auto& rule = role.naptr[i];
      if (rule.service.empty() || rule.service.size() > string_octets_max ||
          !is_visible_ascii(rule.service))
        fault("naptr", i, "service",
              quoted(rule.service) + " is no NAPTR service such as SIP+D2U: 1 to 255 visible ASCII "
                                     "characters");
      const auto owner = check_owner("naptr", i, "owner", rule.owner);
      if (owner && role.is_public)
        naptr_owners_.insert(*owner);
    }
  }

  void check_texts(const role_definition& role) {
    for (std::size_t i = 0; i < role.texts.size(); ++i) {
      const auto& [owner_text, text] = role.texts[i];
      check_text("txt", i, "text", text);
      if (const auto owner = check_owner("txt", i, "owner", owner_text))
        claim(role, "txt", i, "owner", *owner, rr_type::txt);
    }
  }

  void check_uris(const role_definition& role) {
    for (std::size_t i = 0; i < role.uris.size(); ++i) {
      const auto& rule = role.uris[i];
      if (check_text("uri", i, "target", rule.target) &&
          (!is_uri(rule.target) || !is_visible_ascii(rule.target)))
        fault("uri", i, "target", quoted(rule.target) + " is no URI such as https://example.com/");
      if (const auto owner = check_owner("uri", i, "owner", rule.owner))
        claim(role, "uri", i, "owner", *owner, rr_type::uri);
    }
  }

  bool check_text(std::string_view part, std::size_t index, std::string_view key,
                  const std::string& text) {
    const bool fits = !text.empty() && text.size() <= rule_text_octets_max && !has_control(text);
    if (!fits)
      fault(part, index, key,
            "must have 1 to " + std::to_string(rule_text_octets_max) +
                " octets and no control characters");
    return fits;
  }

  std::optional<zone::name> check_owner(std::string_view part, std::size_t index,
                                        std::string_view key, const std::string& text) {
    if (text.ends_with('.')) {
      fault(part, index, key,
            quoted(text) + " has a dot at the end: it is relative to the overlay's domain");
      return std::nullopt;
    }
    const auto owner = config_.domain.descendant(text);
    if (!owner || text.empty()) {
      fault(part, index, key,
            quoted(text) + " is no DNS name: " + (owner ? "it is empty" : owner.error().detail));
      return std::nullopt;
    }
    for (const auto label : labels_of_the_overlay)
      if (const auto own = config_.domain.child(label); own && owner->is_at_or_below(*own)) {
        fault(part, index, key, quoted(text) + " is among the names of the overlay itself");
        return std::nullopt;
      }
    if (!is_plain(*owner)) {
      fault(part, index, key, quoted(text) + " has " + std::string(not_plain));
      return std::nullopt;
    }
    return *owner;
  }

  /// Each name and type is one role's, or all could not be told apart. NAPTR records can: by their
  /// service.
  void claim(const role_definition& role, std::string_view part, std::size_t index,
             std::string_view key, const zone::name& owner, rr_type type) {
    if (!role.is_public)
      return;
    const auto [holder, free] = claimed_.try_emplace({owner, type}, "role " + role.role);
    const bool grows = type == rr_type::txt || type == rr_type::uri;
    if (free || (grows && holder->second == "role " + role.role))
      return;
    const auto what = type == rr_type::a ? "addresses" : zone::to_string(type) + " records";
    fault(part, index, key,
          quoted(owner.relative_text(config_.domain)) + " has " + what + " of " + holder->second +
              " already");
  }

  void check_replacements(const std::vector<naptr_rule>& rules) {
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const auto& rule = rules[i];
      const auto target = absolute(rule.replacement);
      if (!target || target->is_root())
        fault("naptr", i, "replacement", quoted(rule.replacement) + " is no DNS name to go to");
      else if (!is_plain(*target))
        fault("naptr", i, "replacement",
              quoted(rule.replacement) + " has " + std::string(not_plain));
      else if (is_ours(rule.replacement, *target) && !leads_on(rule.flags, *target))
        fault("naptr", i, "replacement",
              quoted(rule.replacement) + " leads nowhere: there are no " +
                  (rule.flags == "s"   ? "SRV records"
                   : rule.flags == "a" ? "addresses"
                                       : "NAPTR records") +
                  " of a role at that name");
    }
  }

  /// Of a domain that is hosted elsewhere we know the names of the roles only.
  [[nodiscard]] bool is_ours(std::string_view text, const zone::name& target) const {
    return target.is_at_or_below(config_.domain) &&
           (config_.how == deployment::whole || !text.ends_with('.'));
  }

  [[nodiscard]] bool leads_on(std::string_view flags, const zone::name& target) const {
    if (flags == "s")
      return claimed_.contains({target, rr_type::srv});
    if (flags == "a")
      return claimed_.contains({target, rr_type::a});
    return naptr_owners_.contains(target);
  }

  /// A name that records point at.
  [[nodiscard]] std::optional<zone::name> absolute(const std::string& text) const {
    const auto name =
        text.ends_with('.') ? zone::name::parse(text) : config_.domain.descendant(text);
    return name && !text.empty() ? std::optional(*name) : std::nullopt;
  }

  const zone_config& config_;
  std::size_t role_ = 0; ///< which one is looked at
  std::vector<role_fault> faults_;
  std::set<std::string, std::less<>> roles_;
  std::map<std::pair<zone::name, rr_type>, std::string> claimed_; ///< and by whom
  std::set<zone::name> naptr_owners_;
};

} // namespace

std::vector<role_fault> check_roles(const zone_config& config) {
  return checker(config).run();
}

std::string to_text(const role_fault& fault, const std::vector<role_definition>& roles) {
  std::string text = "role " + roles[fault.role].role + ": " + std::string(fault.key);
  if (!fault.part.empty())
    text += " of [[" + std::string(fault.part) + "]] " + std::to_string(fault.index + 1);
  return text + " " + fault.why;
}

} // namespace thor::dns
