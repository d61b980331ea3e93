// A disk under SQLite that ends the process at a chosen step: a file system (VFS) around the real
// one that counts what goes through it.
//
// To be put in place in a child process, before it opens a database. A step is a write, a
// truncation, a sync, the removal of a file, or a lock that is taken or given back; between two
// locks SQLite writes the index of the log, which is memory shared by processes.
#pragma once

#include <sqlite3.h>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace thor::store {

/// How a process ends at its last step.
enum class ending : std::uint8_t {
  killed, ///< before the step (kill -9)
  torn,   ///< a write after its first half, another step before it
  lost,   ///< before the step, and nothing that was not synced reached the disk (loss of power)
};

class crashing_disk {
 public:
  /// Counts from now on, and ends the process at step `last` (1, 2, ...; 0 = never).
  static void install(ending how, std::uint64_t last);

  static std::uint64_t steps() { return state().steps; }
  /// Everything that was written has been synced.
  static bool is_synced() {
    return std::ranges::all_of(state().unsynced,
                               [](const auto& one) { return one.second.empty(); });
  }

 private:
  /// What a write or truncation replaced.
  struct undo {
    sqlite3_int64 size_before = 0;
    sqlite3_int64 offset = 0;
    std::string octets;
  };
  struct file {
    sqlite3_file base;
    sqlite3_file* real;
  };
  struct shared {
    ending how = ending::killed;
    std::uint64_t last = 0;
    std::uint64_t steps = 0;
    sqlite3_vfs* real = nullptr;
    std::map<sqlite3_file*, std::vector<undo>> unsynced; ///< by real file
  };

  static shared& state() {
    static shared all;
    return all;
  }
  static sqlite3_file* real_of(sqlite3_file* f) { return reinterpret_cast<file*>(f)->real; }

  static bool is_last() { return ++state().steps == state().last; }
  [[noreturn]] static void end() {
    if (state().how == ending::lost)
      for (auto& [f, writes] : state().unsynced)
        take_back(f, writes);
    ::kill(::getpid(), SIGKILL);
    ::_exit(1);
  }
  static void step() {
    if (is_last())
      end();
  }

  static void take_back(sqlite3_file* f, std::vector<undo>& writes) {
    for (auto one = writes.rbegin(); one != writes.rend(); ++one) {
      if (!one->octets.empty())
        f->pMethods->xWrite(f, one->octets.data(), static_cast<int>(one->octets.size()),
                            one->offset);
      f->pMethods->xTruncate(f, one->size_before);
    }
  }
  static void remember(sqlite3_file* f, sqlite3_int64 offset, sqlite3_int64 end) {
    undo one;
    f->pMethods->xFileSize(f, &one.size_before);
    one.offset = offset;
    const auto kept = std::clamp<sqlite3_int64>(one.size_before - offset, 0, end - offset);
    one.octets.resize(static_cast<std::size_t>(kept));
    if (kept > 0)
      f->pMethods->xRead(f, one.octets.data(), static_cast<int>(kept), offset);
    state().unsynced[f].push_back(std::move(one));
  }

  static int write(sqlite3_file* f, const void* octets, int count, sqlite3_int64 offset) {
    auto* real = real_of(f);
    if (is_last()) {
      if (state().how == ending::torn)
        real->pMethods->xWrite(real, octets, count / 2, offset);
      end();
    }
    remember(real, offset, offset + count);
    return real->pMethods->xWrite(real, octets, count, offset);
  }
  static int truncate(sqlite3_file* f, sqlite3_int64 size) {
    step();
    auto* real = real_of(f);
    sqlite3_int64 before = 0;
    real->pMethods->xFileSize(real, &before);
    remember(real, std::min(size, before), before);
    return real->pMethods->xTruncate(real, size);
  }
  static int sync(sqlite3_file* f, int flags) {
    step();
    auto* real = real_of(f);
    state().unsynced[real].clear();
    return real->pMethods->xSync(real, flags);
  }
  static int close(sqlite3_file* f) {
    auto* real = real_of(f);
    const int closed = real->pMethods->xClose(real);
    state().unsynced.erase(real);
    return closed;
  }
  static int lock(sqlite3_file* f, int level) {
    step();
    return real_of(f)->pMethods->xLock(real_of(f), level);
  }
  static int unlock(sqlite3_file* f, int level) {
    step();
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
  }
  static int shm_lock(sqlite3_file* f, int offset, int count, int flags) {
    step();
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, count, flags);
  }
  static void shm_barrier(sqlite3_file* f) {
    step();
    real_of(f)->pMethods->xShmBarrier(real_of(f));
  }
  static int remove(sqlite3_vfs* /*self*/, const char* name, int sync_directory) {
    step();
    return state().real->xDelete(state().real, name, sync_directory);
  }
  static int open(sqlite3_vfs* self, const char* name, sqlite3_file* f, int flags, int* out);

  static sqlite3_io_methods methods() {
    return {
        .iVersion = 3,
        .xClose = close,
        .xRead =
            [](sqlite3_file* f, void* to, int count, sqlite3_int64 offset) {
              return real_of(f)->pMethods->xRead(real_of(f), to, count, offset);
            },
        .xWrite = write,
        .xTruncate = truncate,
        .xSync = sync,
        .xFileSize =
            [](sqlite3_file* f, sqlite3_int64* size) {
              return real_of(f)->pMethods->xFileSize(real_of(f), size);
            },
        .xLock = lock,
        .xUnlock = unlock,
        .xCheckReservedLock =
            [](sqlite3_file* f, int* reserved) {
              return real_of(f)->pMethods->xCheckReservedLock(real_of(f), reserved);
            },
        .xFileControl =
            [](sqlite3_file* f, int what, void* with) {
              return real_of(f)->pMethods->xFileControl(real_of(f), what, with);
            },
        .xSectorSize =
            [](sqlite3_file* f) { return real_of(f)->pMethods->xSectorSize(real_of(f)); },
        .xDeviceCharacteristics =
            [](sqlite3_file* f) {
              return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
            },
        .xShmMap =
            [](sqlite3_file* f, int page, int size, int extend, void volatile** at) {
              return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, at);
            },
        .xShmLock = shm_lock,
        .xShmBarrier = shm_barrier,
        .xShmUnmap = [](sqlite3_file* f,
                        int forget) { return real_of(f)->pMethods->xShmUnmap(real_of(f), forget); },
        .xFetch =
            [](sqlite3_file* f, sqlite3_int64 offset, int count, void** at) {
              return real_of(f)->pMethods->xFetch(real_of(f), offset, count, at);
            },
        .xUnfetch = [](sqlite3_file* f, sqlite3_int64 offset,
                       void* at) { return real_of(f)->pMethods->xUnfetch(real_of(f), offset, at); },
    };
  }
};

inline int crashing_disk::open(sqlite3_vfs* /*self*/, const char* name, sqlite3_file* f, int flags,
                               int* out) {
  static const sqlite3_io_methods ours = methods();
  auto* made = reinterpret_cast<file*>(f);
  made->base.pMethods = nullptr;
  made->real = reinterpret_cast<sqlite3_file*>(made + 1);
  const int opened = state().real->xOpen(state().real, name, made->real, flags, out);
  if (made->real->pMethods != nullptr)
    made->base.pMethods = &ours;
  return opened;
}

inline void crashing_disk::install(ending how, std::uint64_t last) {
  auto& all = state();
  all.how = how;
  all.last = last;
  all.real = sqlite3_vfs_find(nullptr);
  static sqlite3_vfs vfs;
  vfs = *all.real;
  vfs.szOsFile = static_cast<int>(sizeof(file)) + all.real->szOsFile;
  vfs.zName = "crashing";
  vfs.xOpen = open;
  vfs.xDelete = remove;
  sqlite3_vfs_register(&vfs, 1);
}

} // namespace thor::store
