#include "coordinator/daemon/ca/commands.hpp"

#include "coordinator/identity/x509/certificate.hpp"
#include "coordinator/identity/x509/pem.hpp"
#include "coordinator/runtime/atomic_file.hpp"

#include <algorithm>
#include <cctype>
#include <iomanip>
#include <ranges>
#include <utility>

namespace thor::ca {

namespace {

using x509::time_text;

constexpr mode_t public_mode = 0644;

std::string joined(const auto& words) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string joined(const std::vector<model::ip_address>& addresses) {
  std::vector<std::string> words;
  words.reserve(addresses.size());
  for (const model::ip_address& address : addresses)
    words.push_back(address.text());
  return joined(words);
}

// Never longer than the CA itself: a certificate that outlives it would fail without its own date
// saying why.
result<x509::period> validity(const store& s, model::unix_time now, days valid) {
  const auto ca_from = x509::not_before_of(s.ca().certificate());
  const auto ca_until = x509::not_after_of(s.ca().certificate());
  if (now >= ca_until)
    return std::unexpected("the CA in " + s.ca_file().string() + " expired on " +
                           time_text(ca_until) +
                           "; make a new one with `thor-ca init` in another directory and give the "
                           "nodes both certificates in ca.crt until all are renewed");
  if (now < ca_from)
    return std::unexpected("the CA in " + s.ca_file().string() + " is not valid before " +
                           time_text(ca_from) + "; is the clock of this machine right?");
  return x509::period{std::max(ca_from, now - backdating), std::min(ca_until, now + valid)};
}

x509::period list_validity(const store& s, model::unix_time now, std::optional<days> valid) {
  if (valid)
    return {now, now + *valid};
  const auto from = x509::this_update_of(s.list());
  const auto until = x509::next_update_of(s.list());
  return {now, now + (until ? *until - from : list_days_default)};
}

std::filesystem::path certificate_file(const std::filesystem::path& out, const std::string& id) {
  return (out / (id + ".crt")).lexically_normal();
}

std::filesystem::path key_file(const std::filesystem::path& out, const std::string& id) {
  return (out / (id + ".key")).lexically_normal();
}

result<void> check_out(const std::filesystem::path& out) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(out, ignored))
    return std::unexpected(out.string() + " is not a directory; create it, or choose another "
                                          "with --out");
  return {};
}

void print_line(std::ostream& out, std::string_view name, std::string_view value) {
  out << "  " << std::left << std::setw(12) << name << value << '\n';
}

void print_node(std::ostream& out, const identity::peer& who, X509* certificate) {
  print_line(out, "domain", who.domain);
  print_line(out, "id", who.id.text());
  print_line(out, "roles", joined(who.roles));
  print_line(out, "addresses",
             who.addresses.empty() ? "that of its connection" : joined(who.addresses));
  print_line(out, "key", x509::key_name(x509::public_key_of(certificate)));
  print_line(out, "valid",
             time_text(x509::not_before_of(certificate)) + " to " + time_text(who.not_after));
  print_line(out, "serial", who.serial);
}

void show_certificate(const context& c, X509* certificate) {
  const auto node = x509::read_certificate(certificate);
  const auto ca_form = x509::check_ca_form(certificate);
  c.out << "Certificate of " << x509::name_of(certificate) << '\n';
  if (node) {
    print_node(c.out, *node, certificate);
  } else if (ca_form) {
    const auto domain = x509::domain_of(certificate);
    print_line(c.out, "CA of", domain ? *domain : domain.error().detail);
    print_line(c.out, "key", x509::key_name(x509::public_key_of(certificate)));
    print_line(c.out, "valid",
               time_text(x509::not_before_of(certificate)) + " to " +
                   time_text(x509::not_after_of(certificate)));
  } else {
    print_line(c.out, "no node's", node.error().detail);
    print_line(c.out, "no CA's", ca_form.error().detail);
  }
  print_line(c.out, "SHA-256", x509::fingerprint_of(certificate));
  if (c.now >= x509::not_after_of(certificate))
    print_line(c.out, "expired", "yes");
}

void print_installation(std::ostream& out, const store& s, const std::filesystem::path& directory,
                        const std::string& id, bool with_key) {
  const auto line = [&](const std::filesystem::path& from, std::string_view to) {
    out << "  " << std::left << std::setw(32) << from.string() << " -> /etc/thor/tls/" << to
        << '\n';
  };
  out << "Install on the node (user thor must be able to read all, others not the key):\n";
  line(certificate_file(directory, id), "node.crt");
  if (with_key)
    line(key_file(directory, id), "node.key");
  line(s.ca_file(), "ca.crt");
  line(s.list_file(), "ca.crl");
}

// The key is written first: a recorded certificate whose key was lost would block its id.
result<void> hand_out(store& s, const context& c, const x509::node_request& what,
                      const x509::key_ptr& fresh_key, EVP_PKEY* holder,
                      const std::filesystem::path& out) {
  const auto certificate = s.ca().issue(what, holder);
  if (!certificate)
    return std::unexpected(certificate.error().detail);
  if (fresh_key != nullptr)
    if (auto written = write_private_file(key_file(out, what.id), x509::to_pem(fresh_key.get()));
        !written)
      return written;
  const auto who = x509::read_certificate(certificate->get());
  if (auto recorded = s.record(certificate->get(), who->serial); !recorded)
    return recorded;
  if (auto written = runtime::write_file_atomically(certificate_file(out, what.id),
                                                    x509::to_pem(certificate->get()), public_mode);
      !written)
    return written;
  c.out << "Issued\n";
  print_node(c.out, *who, certificate->get());
  if (what.valid.until == x509::not_after_of(s.ca().certificate()))
    c.out << "It ends with the CA: there may not be a longer one.\n";
  print_installation(c.out, s, out, what.id, fresh_key != nullptr);
  return {};
}

std::string state_text(const issued_certificate& certificate, model::unix_time now) {
  if (certificate.revoked)
    return "revoked " + time_text(certificate.revoked->at) + " (" +
           std::string(to_string(certificate.revoked->reason)) + ")";
  if (now >= certificate.who.not_after)
    return "expired";
  return now < certificate.not_before ? "not yet valid" : "valid";
}

// Serials as `openssl x509 -serial` and browsers write them: upper case, with colons.
std::string plain_serial(std::string text) {
  std::erase(text, ':');
  std::ranges::transform(text, text.begin(), [](unsigned char digit) {
    return static_cast<char>(std::tolower(digit));
  });
  return text;
}

void print_table(std::ostream& out, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i)
      out << std::left << std::setw(static_cast<int>(widths[i]) + 2) << row[i];
    out << row.back() << '\n';
  }
}

} // namespace

result<void> init(const context& c, const init_options& o) {
  const auto made = store::create(c.directory, o.domain, o.type,
                                  {c.now - backdating, c.now + o.valid}, c.now + list_days_default);
  if (!made)
    return std::unexpected(made.error());
  c.out << "Made the CA of " << made->ca().domain() << " in " << c.directory.string()
        << ", valid until " << time_text(x509::not_after_of(made->ca().certificate()))
        << ".\nWho has ca.key can join anything to the overlay: keep the directory off the nodes, "
           "and a copy of it in a safe place.\nNext: thor-ca issue ID --role ROLE\n";
  return {};
}

result<void> issue(const context& c, const issue_options& o) {
  if (auto good = check_out(o.out); !good)
    return good;
  auto s = store::open(c.directory);
  if (!s)
    return std::unexpected(s.error());
  const auto before = s->issued();
  if (!before)
    return std::unexpected(before.error());
  const auto same = std::ranges::find_if(*before, [&](const issued_certificate& i) {
    return i.who.id.text() == o.id && i.usable(c.now);
  });
  if (same != before->end())
    return std::unexpected(o.id + " has a certificate until " + time_text(same->who.not_after) +
                           " (serial " + same->who.serial +
                           "), and two nodes must not have one id; use `thor-ca renew " + o.id +
                           "` for a new one, or `thor-ca revoke " + o.id + "` first");
  const auto valid = validity(*s, c.now, o.valid);
  if (!valid)
    return std::unexpected(valid.error());
  if (std::error_code ignored; std::filesystem::exists(certificate_file(o.out, o.id), ignored))
    return std::unexpected(certificate_file(o.out, o.id).string() +
                           " exists already; move it away, or write elsewhere with --out");
  const x509::key_ptr key = x509::make_key(o.type);
  return hand_out(*s, c, {o.id, o.roles, o.addresses, *valid}, key, key.get(), o.out);
}

result<void> renew(const context& c, const renew_options& o) {
  if (auto good = check_out(o.out); !good)
    return good;
  auto s = store::open(c.directory);
  if (!s)
    return std::unexpected(s.error());
  const auto before = s->issued();
  if (!before)
    return std::unexpected(before.error());
  const auto same = [&](const issued_certificate& i) {
    return i.who.id.text() == o.id && !i.revoked;
  };
  // The latest: certificates of one id are in order of age.
  const auto last = std::ranges::find_if(std::views::reverse(*before), same);
  if (last == before->rend())
    return std::unexpected(o.id + " has no certificate that could be renewed; see `thor-ca list`, "
                                  "or issue one");
  const auto valid = validity(*s, c.now, o.valid);
  if (!valid)
    return std::unexpected(valid.error());
  const x509::key_ptr fresh = o.new_key ? x509::make_key(*o.new_key) : nullptr;
  EVP_PKEY* holder = fresh != nullptr ? fresh.get() : x509::public_key_of(last->certificate.get());
  return hand_out(*s, c,
                  {o.id, o.roles.empty() ? last->who.roles : o.roles,
                   o.addresses.empty() ? last->who.addresses : o.addresses, *valid},
                  fresh, holder, o.out);
}

result<void> list(const context& c) {
  const auto s = store::open(c.directory);
  if (!s)
    return std::unexpected(s.error());
  const auto issued = s->issued();
  if (!issued)
    return std::unexpected(issued.error());
  std::vector<std::vector<std::string>> rows{
      {"ID", "ROLES", "ADDRESSES", "EXPIRES", "SERIAL", "STATE"}};
  for (const issued_certificate& i : *issued)
    rows.push_back({i.who.id.text(), joined(i.who.roles),
                    i.who.addresses.empty() ? "-" : joined(i.who.addresses),
                    time_text(i.who.not_after), i.who.serial, state_text(i, c.now)});
  print_table(c.out, rows);
  return {};
}

result<void> revoke(const context& c, const revoke_options& o) {
  auto s = store::open(c.directory);
  if (!s)
    return std::unexpected(s.error());
  const auto issued = s->issued();
  if (!issued)
    return std::unexpected(issued.error());

  std::vector<const issued_certificate*> meant;
  for (const issued_certificate& i : *issued)
    if (i.who.id.text() == o.id_or_serial)
      meant.push_back(&i);
  if (meant.empty())
    for (const issued_certificate& i : *issued)
      if (i.who.serial == plain_serial(o.id_or_serial))
        meant.push_back(&i);
  if (meant.empty())
    return std::unexpected(o.id_or_serial +
                           " is neither the id nor the serial number of a certificate issued "
                           "here; see `thor-ca list`");

  std::vector<std::string> serials;
  for (const issued_certificate* i : meant)
    if (!i->revoked)
      serials.push_back(i->who.serial);
  if (auto written = s->revoke(serials, o.reason, list_validity(*s, c.now, std::nullopt)); !written)
    return written;
  for (const issued_certificate* i : meant)
    c.out << (i->revoked ? "Revoked before: " : "Revoked ") << i->who.id.text() << " (serial "
          << i->who.serial << ")\n";
  c.out << "Copy " << s->list_file().string()
        << " to every node as /etc/thor/tls/ca.crl: it is read again without a restart, and what "
           "it names is cut off.\n";
  return {};
}

result<void> crl(const context& c, const crl_options& o) {
  auto s = store::open(c.directory);
  if (!s)
    return std::unexpected(s.error());
  const x509::period valid = list_validity(*s, c.now, o.valid);
  if (auto written = s->revoke({}, x509::revocation_reason::unspecified, valid); !written)
    return written;
  c.out << "Wrote " << s->list_file().string() << ", the next one is due by "
        << time_text(valid.until) << "\n";
  return {};
}

result<void> show(const context& c, const std::filesystem::path& file) {
  const auto certificates = x509::read_certificates(file);
  if (!certificates)
    return std::unexpected(certificates.error().detail);
  for (const x509::certificate_ptr& certificate : *certificates)
    show_certificate(c, certificate.get());
  return {};
}

} // namespace thor::ca
