// Where the publishing thread leaves the current table and the serving threads find it.
//
// Reading costs one atomic load as long as the table stays the same: each reader keeps a reference
// of its own and comes back to the cell, for the time of a pointer copy, only when the generation
// has changed.
#pragma once

#include "backend/answer/answer_table.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace thor::backend {

class table_cell {
 public:
  using pointer = std::shared_ptr<const answer_table>;

  /// One thread only.
  void store(pointer table) {
    {
      const std::lock_guard lock(mutex_);
      std::swap(table_, table);
      generation_.fetch_add(1, std::memory_order_release);
    }
    // A replaced table is destroyed here, after its last reader let go of it, so that no serving
    // thread spends its time on freeing ten thousand nodes.
    retired_.push_back(std::move(table));
    std::erase_if(retired_, [](const pointer& old) { return old.use_count() <= 1; });
  }

  [[nodiscard]] pointer load() const {
    const std::lock_guard lock(mutex_);
    return table_;
  }

  [[nodiscard]] std::uint64_t generation() const {
    return generation_.load(std::memory_order_acquire);
  }

 private:
  mutable std::mutex mutex_;
  pointer table_; ///< guarded by mutex_
  std::atomic<std::uint64_t> generation_ = 0;
  std::vector<pointer> retired_; ///< of the storing thread
};

/// One thread's view of a cell, which must outlive it.
class table_reader {
 public:
  explicit table_reader(const table_cell& cell)
      : cell_(cell) {}

  /// The table of now; nullptr before the first. A caller that keeps it beyond this request copies
  /// the pointer.
  const table_cell::pointer& current() {
    const std::uint64_t generation = cell_.generation();
    if (generation != seen_) {
      table_ = cell_.load();
      seen_ = generation;
    }
    return table_;
  }

 private:
  const table_cell& cell_;
  table_cell::pointer table_;
  std::uint64_t seen_ = 0;
};

} // namespace thor::backend
