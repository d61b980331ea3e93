// What a client has heard and its observer lets wait, behind more urgent news.
//
// PURE: a value that decides when, with time as an argument. First in, first out. One thing is due
// when nothing urgent came for backlog_quiet, nor since it came itself, as what it tells of is
// often what the next urgent news is about; or when it has waited for backlog_wait_max. The caller
// takes one at a time, so that what is urgent waits for one of them at most.
#pragma once

#include "coordinator/model/time.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <utility>

namespace thor::client {

inline constexpr std::chrono::milliseconds backlog_quiet{10};
inline constexpr std::chrono::milliseconds backlog_wait_max{500};
/// Things that wait; with more the first is due at once.
inline constexpr std::size_t backlog_max = 1024;

template <typename Thing>
class backlog {
 public:
  void add(model::time_point now, Thing what) { things_.push_back({now, std::move(what)}); }
  /// Something urgent came.
  void put_off(model::time_point now) { quiet_at_ = now + backlog_quiet; }

  /// The first. Precondition: not empty.
  Thing take() {
    Thing first = std::move(things_.front().what);
    things_.pop_front();
    return first;
  }

  [[nodiscard]] bool empty() const { return things_.empty(); }
  /// When the first is to be taken; model::never when nothing waits.
  [[nodiscard]] model::time_point next_due() const {
    if (things_.empty()) {
      return model::never;
    }
    const auto since = things_.front().since;
    if (things_.size() > backlog_max) {
      return since;
    }
    return std::min(std::max(quiet_at_, since + backlog_quiet), since + backlog_wait_max);
  }

 private:
  struct waiting {
    model::time_point since;
    Thing what;
  };
  std::deque<waiting> things_;
  model::time_point quiet_at_{};
};

} // namespace thor::client
