#include "schema/store/database.hpp"

#include "schema/store/replicated_tables.hpp"

#include <sqlite3.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace thor::store {
namespace {

/// Kept by the write-ahead log after a checkpoint.
constexpr std::int64_t journal_octets_max = 16 << 20;

errc code_of(int sqlite_code) {
  if (sqlite_code == SQLITE_CONSTRAINT_TRIGGER) {
    return errc::follower; // the only triggers that refuse
  }
  switch (sqlite_code & 0xff) {
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return errc::corrupt;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return errc::busy;
  case SQLITE_FULL:
    return errc::full;
  case SQLITE_READONLY:
    return errc::read_only;
  case SQLITE_CANTOPEN:
  case SQLITE_PERM:
  case SQLITE_AUTH:
    return errc::cannot_open;
  case SQLITE_CONSTRAINT:
    return errc::bad_value;
  default:
    return errc::failed;
  }
}

std::string_view advice(errc code) {
  switch (code) {
  case errc::busy:
    return "another program holds a transaction on it; end that one";
  case errc::full:
    return "make room on its file system";
  case errc::read_only:
  case errc::cannot_open:
    return "check owner and permissions of the file and its directory";
  default:
    return "";
  }
}

error make_error(const std::filesystem::path& file, errc code, std::string_view what,
                 std::string_view next) {
  std::string detail = file.string() + ": " + std::string(what);
  if (!next.empty()) {
    detail += "; ";
    detail += next;
  }
  return {code, std::move(detail)};
}

error system_error(const std::filesystem::path& file, int failure) {
  const errc code = failure == ENOSPC || failure == EDQUOT ? errc::full
                    : failure == EROFS                     ? errc::read_only
                                                           : errc::cannot_open;
  return make_error(file, code, std::strerror(failure), advice(code));
}

/// A file that root makes belongs to the owner of its directory: the daemon that is to use it.
std::expected<void, error> give_away(const std::filesystem::path& file, int made) {
  const std::filesystem::path parent = file.has_parent_path() ? file.parent_path() : ".";
  struct stat directory{};
  if (::geteuid() != 0) {
    return {};
  }
  if (::stat(parent.c_str(), &directory) != 0 ||
      ::fchown(made, directory.st_uid, directory.st_gid) != 0) {
    return std::unexpected(system_error(file, errno));
  }
  return {};
}

/// The file exists with at most `mode` before SQLite sees it. SQLite gives -wal and -shm the mode
/// and the owner of the database, so those of an earlier run are brought down to it too.
std::expected<void, error> secure_file(const std::filesystem::path& file, mode_t mode) {
  const int made = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (made >= 0) {
    auto given = give_away(file, made);
    ::close(made);
    return given;
  }
  if (errno != EEXIST) {
    return std::unexpected(system_error(file, errno));
  }
  for (const std::string_view suffix : {"", "-wal", "-shm"}) {
    const std::string path = file.string() + std::string(suffix);
    struct stat found{};
    if (::stat(path.c_str(), &found) != 0) {
      if (suffix.empty() || errno != ENOENT) {
        return std::unexpected(system_error(path, errno));
      }
      continue;
    }
    if (!S_ISREG(found.st_mode)) {
      return std::unexpected(make_error(path, errc::cannot_open, "not a regular file", ""));
    }
    if ((found.st_mode & 0777 & ~mode) != 0 && ::chmod(path.c_str(), found.st_mode & mode) != 0) {
      return std::unexpected(make_error(path, errc::cannot_open,
                                        "its mode is too wide and cannot be changed",
                                        "make it belong to the user of this program"));
    }
  }
  return {};
}

std::int64_t pragma(SQLite::Database& db, const std::string& name) {
  return db.execAndGet("PRAGMA " + name).getInt64();
}

void configure(SQLite::Database& db, const database_kind& kind) {
  db.exec("PRAGMA journal_mode = WAL");
  db.exec("PRAGMA synchronous = " + std::string(kind.synchronous));
  db.exec("PRAGMA foreign_keys = ON");
  db.exec("PRAGMA journal_size_limit = " + std::to_string(journal_octets_max));
  // The log stays when the last connection closes, so that a reader without write permission (a
  // PowerDNS on zone.sqlite3) can still open the database.
  int persist = 1;
  sqlite3_file_control(db.getHandle(), "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
}

/// Nothing when the database is ours or empty.
std::expected<void, error> recognise(SQLite::Database& db, const std::filesystem::path& file,
                                     const database_kind& kind) {
  const std::int64_t id = pragma(db, "application_id");
  const bool empty = db.execAndGet("SELECT count(*) FROM sqlite_schema").getInt64() == 0;
  if (id != kind.application_id && !(id == 0 && empty)) {
    return std::unexpected(make_error(file, errc::foreign,
                                      "a database, but not a Thor " + std::string(kind.what),
                                      "name another file in the configuration"));
  }
  return {};
}

std::expected<void, error> migrate(SQLite::Database& db, const std::filesystem::path& file,
                                   const database_kind& kind) {
  const without_triggers guards_of_a_follower(db); // its own rows change with the schema
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
  const auto known = static_cast<std::int64_t>(kind.migrations.size());
  const std::int64_t version = pragma(db, "user_version");
  if (version < 0 || version > known) {
    return std::unexpected(make_error(file, errc::newer_schema,
                                      "its schema has version " + std::to_string(version) +
                                          ", this program knows versions up to " +
                                          std::to_string(known),
                                      "install the newer Thor that made it"));
  }
  for (const std::string_view step : kind.migrations.subspan(static_cast<std::size_t>(version))) {
    db.exec(std::string(step));
  }
  if (version < known) {
    db.exec("PRAGMA application_id = " + std::to_string(kind.application_id));
    db.exec("PRAGMA user_version = " + std::to_string(known));
  }
  transaction.commit();
  return {};
}

std::expected<void, error> verify(SQLite::Database& db, const std::filesystem::path& file) {
  const std::string verdict = db.execAndGet("PRAGMA quick_check(1)").getString();
  if (verdict != "ok") {
    return std::unexpected(make_error(file, errc::corrupt, verdict, ""));
  }
  return {};
}

} // namespace

error to_error(const std::filesystem::path& file, const SQLite::Exception& failure) {
  const errc code = code_of(failure.getExtendedErrorCode());
  return make_error(file, code, failure.what(), advice(code));
}

std::expected<std::unique_ptr<SQLite::Database>, error>
open_database(const std::filesystem::path& file, const database_kind& kind) {
  if (auto secured = secure_file(file, kind.mode); !secured) {
    return std::unexpected(std::move(secured).error());
  }
  return guarded(file, [&]() -> std::expected<std::unique_ptr<SQLite::Database>, error> {
    auto db = std::make_unique<SQLite::Database>(file, SQLite::OPEN_READWRITE, busy_timeout_ms);
    if (auto recognised = recognise(*db, file, kind); !recognised) {
      return std::unexpected(std::move(recognised).error());
    }
    configure(*db, kind);
    if (auto verified = verify(*db, file); !verified) {
      return std::unexpected(std::move(verified).error());
    }
    if (auto migrated = migrate(*db, file, kind); !migrated) {
      return std::unexpected(std::move(migrated).error());
    }
    return db;
  });
}

} // namespace thor::store
