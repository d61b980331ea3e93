#include "schema/store/key_rows.hpp"

#include "schema/store/name_text.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace thor::store {
namespace {

/// RFC 4034 section 2.1.1, RFC 5011 section 2.1.
constexpr unsigned zone_key_flag = 0x100;
constexpr unsigned known_flags = 0x100 | 0x80 | 0x1;

/// As PowerDNS spells them (RFC 8945 section 6); GSS-TSIG has no shared secret.
constexpr std::array<std::string_view, 6> tsig_algorithms{
    "hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"};

zone::edit_outcome refused(std::string why) {
  return {.done = false, .key_id = 0, .notes = {std::move(why)}};
}

zone::edit_outcome done(std::uint32_t key_id = 0) {
  return {.done = true, .key_id = key_id, .notes = {}};
}

/// Whether `text` has a line that begins with `field` and goes on.
bool has_field(std::string_view text, std::string_view field) {
  for (std::size_t at = text.find(field); at != std::string_view::npos;
       at = text.find(field, at + 1)) {
    const std::size_t after = at + field.size();
    if ((at == 0 || text[at - 1] == '\n') && after < text.size() && text[after] != '\n') {
      return true;
    }
  }
  return false;
}

/// RFC 4648 section 4, padded.
bool is_base64(std::string_view text) {
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  return !text.empty() && text.size() % 4 == 0 &&
         std::ranges::all_of(text.substr(0, text.size() - padding), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '+' || c == '/';
         });
}

/// "UPDATE cryptokeys SET ...", or the whole statement.
std::string statement_of(zone::key_edit::action what) {
  using enum zone::key_edit::action;
  switch (what) {
  case remove:
    return "DELETE FROM cryptokeys";
  case activate:
    return "UPDATE cryptokeys SET active = 1";
  case deactivate:
    return "UPDATE cryptokeys SET active = 0";
  case publish:
    return "UPDATE cryptokeys SET published = 1";
  case unpublish:
    break;
  }
  return "UPDATE cryptokeys SET published = 0";
}

} // namespace

std::string short_algorithm(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (out.ends_with('.')) {
    out.pop_back();
  }
  return out == "hmac-md5.sig-alg.reg.int" ? "hmac-md5" : out;
}

std::string fault_of(const zone::dnssec_key& key) {
  if ((key.flags & zone_key_flag) == 0 || (key.flags & ~known_flags) != 0) {
    return "flags " + std::to_string(key.flags) + ": a key of a zone has 256 (ZSK) or 257 (KSK)";
  }
  if (key.content.size() > key_octets_max) {
    return "a key of more than " + std::to_string(key_octets_max) + " octets";
  }
  if (!key.content.starts_with("Private-key-format: v1.") ||
      !has_field(key.content, "Algorithm: ")) {
    return "no private key in BIND's format (Private-key-format: v1.2, Algorithm: ...)";
  }
  return "";
}

std::string fault_of(const zone::tsig_key& key) {
  if (std::ranges::find(tsig_algorithms, short_algorithm(key.algorithm)) == tsig_algorithms.end()) {
    return "its algorithm is none of hmac-md5, hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384 "
           "and hmac-sha512";
  }
  if (key.secret.size() > tsig_secret_octets_max || !is_base64(key.secret)) {
    return "its secret is not base64 of at most " + std::to_string(tsig_secret_octets_max) +
           " octets";
  }
  return "";
}

zone::edit_outcome apply(SQLite::Database& db, std::uint32_t zone_id,
                         const zone::key_addition& wanted) {
  if (auto why = fault_of(wanted.key); !why.empty()) {
    return refused(std::move(why));
  }
  SQLite::Statement count(db, "SELECT count(*) FROM cryptokeys WHERE domain_id = ?");
  count.bind(1, zone_id);
  count.executeStep();
  if (count.getColumn(0).getUInt() >= keys_of_zone_max) {
    return refused("a zone has at most " + std::to_string(keys_of_zone_max) +
                   " keys; remove old ones");
  }
  SQLite::Statement insert(db, "INSERT INTO cryptokeys (domain_id, flags, active, published, "
                               "content) VALUES (?, ?, ?, ?, ?)");
  insert.bind(1, zone_id);
  insert.bind(2, wanted.key.flags);
  insert.bind(3, wanted.key.active ? 1 : 0);
  insert.bind(4, wanted.key.published ? 1 : 0);
  insert.bind(5, wanted.key.content);
  insert.exec();
  return done(static_cast<std::uint32_t>(db.getLastInsertRowid()));
}

zone::edit_outcome apply(SQLite::Database& db, std::uint32_t zone_id,
                         const zone::key_edit& wanted) {
  SQLite::Statement change(db, statement_of(wanted.what) + " WHERE id = ? AND domain_id = ?");
  change.bind(1, wanted.id);
  change.bind(2, zone_id);
  if (change.exec() == 0) {
    return refused(wanted.apex.text() + " has no key " + std::to_string(wanted.id));
  }
  return done();
}

zone::edit_outcome apply(SQLite::Database& db, const zone::tsig_edit& wanted) {
  const std::string name = name_text(wanted.owner);
  if (!wanted.secret) {
    SQLite::Statement remove(db, "DELETE FROM tsigkeys WHERE name IN (?1, ?1 || '.')");
    remove.bind(1, name);
    return remove.exec() == 0 ? refused("there is no TSIG key " + wanted.owner.text()) : done();
  }
  zone::tsig_key key{wanted.owner, short_algorithm(wanted.algorithm), *wanted.secret};
  if (auto why = fault_of(key); !why.empty()) {
    return refused("TSIG key " + wanted.owner.text() + ": " + why);
  }
  SQLite::Statement remove(db, "DELETE FROM tsigkeys WHERE name = ? || '.'"); // the other spelling
  remove.bind(1, name);
  remove.exec();
  SQLite::Statement put(db, "INSERT INTO tsigkeys (name, algorithm, secret) VALUES (?, ?, ?) "
                            "ON CONFLICT DO UPDATE SET algorithm = excluded.algorithm, "
                            "secret = excluded.secret");
  put.bind(1, name);
  put.bind(2, key.algorithm);
  put.bind(3, key.secret);
  put.exec();
  return done();
}

} // namespace thor::store
