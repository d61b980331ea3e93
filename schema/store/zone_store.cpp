#include "schema/store/zone_store.hpp"

#include "schema/store/database.hpp"
#include "schema/store/member_json.hpp"
#include "schema/store/migrations.hpp"
#include "schema/store/sql_value.hpp"
#include "schema/store/zone_writer.hpp"

#include <utility>

namespace thor::store {
namespace {

constexpr int application_id = 0x54685a6f; // "ThZo"

database_kind zone_database() {
  return {.what = "zone database",
          .application_id = application_id,
          .mode = 0640,
          .synchronous = "NORMAL",
          .migrations = zone_migrations()};
}

/// The member, or what is wrong with the row.
std::expected<model::member, std::string> member_of(SQLite::Statement& row) {
  const auto id = model::node_id::parse(row.getColumn(0).getString());
  auto addresses = read_addresses(row.getColumn(4).getString());
  auto roles = read_roles(row.getColumn(5).getString());
  auto attributes = read_attributes(row.getColumn(8).getString());
  if (!id || !addresses || !roles || !attributes) {
    return std::unexpected(!id ? "id" : !addresses ? "addresses" : !roles ? "roles" : "attributes");
  }
  model::member member{
      .what = {.id = *id,
               .at = {restored(row.getColumn(1).getInt64()), restored(row.getColumn(2).getInt64())},
               .addresses = *std::move(addresses),
               .roles = *std::move(roles),
               .site = row.getColumn(6).getString(),
               .software = row.getColumn(7).getString(),
               .attributes = *std::move(attributes)},
      .since = time_of(row.getColumn(3).getInt64())};
  if (const auto valid = validate(member.what); !valid) {
    return std::unexpected(valid.error().detail);
  }
  return member;
}

/// Renames the file and its log, so that it can be looked at later.
std::expected<void, error> set_aside(const std::filesystem::path& file, model::unix_time now) {
  const std::string aside = file.string() + ".corrupt-" + std::to_string(stored(now));
  for (const std::string suffix : {"", "-wal", "-shm"}) {
    std::error_code failure;
    std::filesystem::rename(file.string() + suffix, aside + suffix, failure);
    if (failure && suffix.empty()) {
      return std::unexpected(error{errc::cannot_open, file.string() + ": damaged, and cannot be " +
                                                          "renamed: " + failure.message()});
    }
  }
  return {};
}

} // namespace

struct zone_store::impl {
  std::filesystem::path file;
  std::unique_ptr<SQLite::Database> db = nullptr;
  std::vector<std::string> notices{};
  std::optional<shown> written = std::nullopt;

  /// Opens the database afresh; a damaged file is replaced.
  std::expected<void, error> open(model::unix_time now) {
    db.reset();
    written.reset();
    auto opened = open_database(file, zone_database());
    if (!opened &&
        (opened.error().code == errc::corrupt || opened.error().code == errc::newer_schema)) {
      if (auto done = set_aside(file, now); !done) {
        return done;
      }
      notices.push_back(opened.error().detail + "; set aside as " + file.string() + ".corrupt-" +
                        std::to_string(stored(now)) + ", a new one is made");
      opened = open_database(file, zone_database());
    }
    if (!opened) {
      return std::unexpected(std::move(opened).error());
    }
    db = *std::move(opened);
    return {};
  }

  std::expected<void, error> write(const publication& p) {
    return guarded(file, [&]() -> std::expected<void, error> {
      SQLite::Transaction transaction(*db, SQLite::TransactionBehavior::IMMEDIATE);
      {
        zone_writer w(*db, p);
        w.write_zones(written ? &*written : nullptr);
        std::vector<std::string> told_before;
        w.write_members(written ? written->members : read_members(told_before),
                        written.has_value());
        w.write_published();
      }
      transaction.commit();
      written = {p.zones, p.hosted, p.status.members};
      return {};
    });
  }

  std::expected<std::optional<last_publication>, error> read() {
    if (db == nullptr) {
      return std::unexpected(error{errc::cannot_open, file.string() + ": could not be replaced"});
    }
    return guarded(file, [&]() -> std::expected<std::optional<last_publication>, error> {
      const SQLite::Transaction one_view(*db);
      SQLite::Statement row(*db,
                            "SELECT epoch_counter, epoch_manager, sequence, serial, heard_at, "
                            "published_at, zones_digest, own_members, divergent FROM published");
      if (!row.executeStep()) {
        return std::nullopt;
      }
      last_publication last{.status = {.where = {.at = {restored(row.getColumn(0).getInt64()),
                                                        row.getColumn(1).getString()},
                                                 .sequence = restored(row.getColumn(2).getInt64())},
                                       .serial = row.getColumn(3).getUInt(),
                                       .heard_at = time_of(row.getColumn(4).getInt64()),
                                       .own_members = row.getColumn(7).getInt() != 0,
                                       .divergent = row.getColumn(8).getInt() != 0,
                                       .members = read_members(notices)},
                            .at = time_of(row.getColumn(5).getInt64()),
                            .zones_digest = restored(row.getColumn(6).getInt64())};
      return last;
    });
  }

  /// Those that can be read; `unreadable` names the others.
  model::member_map read_members(std::vector<std::string>& unreadable) {
    model::member_map members;
    SQLite::Statement row(*db, "SELECT id, incarnation, sequence, since, addresses, roles, site, "
                               "software, attributes FROM member");
    while (row.executeStep()) {
      if (auto member = member_of(row)) {
        members.emplace(member->what.id, *std::move(member));
      } else {
        unreadable.push_back(file.string() + ": member \"" + row.getColumn(0).getString() +
                             "\" is left out, it cannot be read: " + member.error());
      }
    }
    return members;
  }
};

zone_store::zone_store(std::unique_ptr<impl> made)
    : impl_(std::move(made)) {}
zone_store::zone_store(zone_store&&) noexcept = default;
zone_store& zone_store::operator=(zone_store&&) noexcept = default;
zone_store::~zone_store() = default;

std::expected<zone_store, error> zone_store::open(const std::filesystem::path& file,
                                                  model::unix_time now) {
  auto made = std::make_unique<impl>(file);
  if (auto opened = made->open(now); !opened) {
    return std::unexpected(std::move(opened).error());
  }
  return zone_store(std::move(made));
}

std::expected<std::optional<last_publication>, error> zone_store::last_published() {
  return impl_->read();
}

std::expected<void, error> zone_store::publish(const publication& p) {
  if (impl_->db != nullptr) {
    auto written = impl_->write(p);
    if (written || written.error().code != errc::corrupt) {
      return written;
    }
  }
  if (auto opened = impl_->open(p.at); !opened) {
    return opened;
  }
  return impl_->write(p);
}

std::vector<std::string> zone_store::take_notices() {
  return std::exchange(impl_->notices, {});
}

} // namespace thor::store
