#include "tests/unit/identity/workshop.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace thor::identity {
namespace {

using x509::authority;
using x509::key_type;

rc::Gen<std::string> text_of(std::string_view letters, int octets_min, int octets_max) {
  return rc::gen::mapcat(rc::gen::inRange(octets_min, octets_max + 1), [=](int octets) {
    return rc::gen::container<std::string>(static_cast<std::size_t>(octets),
                                           rc::gen::elementOf(std::string(letters)));
  });
}

rc::Gen<std::string> node_ids() {
  return text_of("abcxyz0189", 1, 63);
}

rc::Gen<std::string> role_names() {
  return rc::gen::map(text_of("abz09_", 0, 30), [](std::string rest) { return 'r' + rest; });
}

rc::Gen<model::ip_address> addresses() {
  // Few of them, so that claims meet what is allowed.
  return rc::gen::map(rc::gen::inRange(0, 12), [](int n) {
    const auto last = static_cast<std::uint8_t>(n);
    return n % 2 == 0
               ? model::ip_address::v4({192, 0, 2, last})
               : model::ip_address::v6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last});
  });
}

rc::Gen<std::set<std::string>> role_sets() {
  return rc::gen::map(
      rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
          "sip_proxy", "media_relay", "xcap_server", "call_control"))),
      [](const std::vector<std::string>& roles) {
        return std::set<std::string>(roles.begin(), roles.end());
      });
}

// None to two values, most of them good.
rc::Gen<std::vector<std::string>> mostly(const std::string& good) {
  return rc::gen::mapcat(rc::gen::element<std::size_t>(0, 1, 1, 1, 2), [=](std::size_t count) {
    return rc::gen::container<std::vector<std::string>>(
        count, rc::gen::weightedOneOf<std::string>(
                   {{4, rc::gen::just(good)}, {1, rc::gen::arbitrary<std::string>()}}));
  });
}

RC_GTEST_PROP(profile, never_accepts_what_is_not_in_it, ()) {
  const subject s{.organizations = *mostly("sip.example"),
                  .common_names = *mostly("gw1"),
                  .units = *mostly("sip_proxy"),
                  .addresses = {}};
  const auto p = read_profile(s);
  if (!p)
    return;
  RC_TAG("accepted");
  RC_ASSERT(s.organizations.size() == 1U);
  RC_ASSERT(s.common_names == std::vector{p->id.text()});
  RC_ASSERT(parse_domain(p->domain).value() == p->domain);
  RC_ASSERT(!p->roles.empty());
  RC_ASSERT(std::ranges::all_of(p->roles, [](const auto& r) { return model::is_role_name(r); }));
}

RC_GTEST_PROP(rules, allow_exactly_what_the_certificate_says, ()) {
  peer p = *read_profile(
      {.organizations = {"sip.example"},
       .common_names = {"gw1"},
       .units = {"placeholder"},
       .addresses = *rc::gen::container<std::vector<model::ip_address>>(addresses())});
  p.roles = *role_sets();
  const auto from = *addresses();
  const std::vector ranges{*model::ip_network::parse(
      *rc::gen::element<std::string>("192.0.2.0/30", "192.0.2.8/29", "2001:db8::/126"))};
  const auto id = *rc::gen::element<std::string>("gw1", "gw2");
  model::presence claimed{*model::node_id::parse(id), {}, {}, {}, {}, {}, {}};
  claimed.addresses = *rc::gen::container<std::vector<model::ip_address>>(addresses());
  for (const std::string& role : *role_sets())
    claimed.roles[role] = {};

  const bool id_right = id == "gw1";
  const bool roles_right =
      std::ranges::all_of(claimed.roles, [&](const auto& r) { return p.roles.contains(r.first); });
  const bool addresses_right = std::ranges::all_of(claimed.addresses, [&](const auto& address) {
    if (!p.addresses.empty())
      return std::ranges::find(p.addresses, address) != p.addresses.end();
    return address == from || ranges.front().contains(address);
  });
  RC_ASSERT(check_author(p, claimed).has_value() == (id_right && roles_right));
  RC_ASSERT(check_presence(p, claimed, from, ranges).has_value() ==
            (id_right && roles_right && addresses_right));
}

RC_GTEST_PROP(issuing, what_is_issued_says_what_was_asked_for, ()) {
  static const authority ca = x509::make_ca("sip.example", x509::around_now(), key_type::ed25519);
  static const x509::key_ptr key = x509::make_key(key_type::ed25519);
  const auto roles = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(role_names()));
  const auto from = x509::now() - x509::hours(*rc::gen::inRange(0, 1000));
  const x509::node_request what{
      .id = *node_ids(),
      .roles = {roles.begin(), roles.begin() + static_cast<long>(std::min<std::size_t>(
                                                   roles.size(), model::roles_max))},
      .addresses = *rc::gen::container<std::vector<model::ip_address>>(addresses()),
      .valid = {from, from + x509::hours(*rc::gen::inRange(1, 100'000))}};
  const auto issued = ca.issue(what, key.get());
  RC_ASSERT(issued.has_value());
  const auto who = x509::read_certificate(issued->get());
  RC_ASSERT(who.has_value());
  RC_ASSERT(who->id.text() == what.id);
  RC_ASSERT(who->domain == ca.domain());
  RC_ASSERT(who->roles == what.roles);
  RC_ASSERT(who->addresses == what.addresses);
  RC_ASSERT(who->not_after == what.valid.until);
  RC_ASSERT(x509::not_before_of(issued->get()) == what.valid.from);
}

// One author, once and for all; its message is then changed in one bit.
class author_message {
 public:
  static author_message& of(key_type type) {
    static author_message p256(key_type::p256);
    static author_message ed25519(key_type::ed25519);
    return type == key_type::p256 ? p256 : ed25519;
  }
  x509::workbench at;
  authority ca;
  x509::credentials who;
  std::string text = "thor.v1\nThor.Presence\n{\"id\":\"gw1\"}";
  std::string signature = who.sign(text);

 private:
  explicit author_message(key_type type)
      : ca(x509::make_ca("sip.example", x509::around_now(), type))
      , who(x509::load(x509::install(
            at, "gw1", x509::make_node(ca, "gw1", {"sip_proxy"}, x509::around_now(), type),
            {&ca}))) {}
};

RC_GTEST_PROP(author, is_not_believed_when_any_bit_was_changed, ()) {
  const author_message& message =
      author_message::of(*rc::gen::element(key_type::p256, key_type::ed25519));
  std::string text = message.text;
  std::string signature = message.signature;
  std::string certificate = message.who.certificate();
  x509::author_verifier& authors = message.who.authors();
  RC_ASSERT(authors.verify(text, signature, certificate, x509::now()).has_value());

  std::string& changed = **rc::gen::element(&text, &signature, &certificate);
  const auto bit = *rc::gen::inRange<std::size_t>(0, changed.size() * 8);
  changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
  RC_ASSERT(!authors.verify(text, signature, certificate, x509::now()).has_value());
}

RC_GTEST_PROP(parsing, survives_what_is_no_certificate, ()) {
  const author_message& message = author_message::of(key_type::p256);
  std::string der = message.who.certificate();
  const auto changes = *rc::gen::inRange(1, 8);
  for (int i = 0; i < changes; ++i)
    der[*rc::gen::inRange<std::size_t>(0, der.size())] = *rc::gen::arbitrary<char>();
  const auto certificate = x509::parse_certificate(der);
  if (!certificate)
    return;
  // Readable or refused with a reason: both are answers.
  const auto who = x509::read_certificate(certificate->get());
  RC_ASSERT(who.has_value() || !who.error().detail.empty());
}

} // namespace
} // namespace thor::identity
