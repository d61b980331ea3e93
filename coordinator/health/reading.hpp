// A value that is read again and again (capacity, load), on its way into the presence: not every
// reading is worth telling the whole overlay, and capacity changes DNS.
//
// The first reading is published at once. A later one only when it differs enough (numbers: by
// `change_percent` of what is published, or to or from zero; other text: at all), and not before
// `rest` has passed since the last publication; what counts then is the latest reading.
//
// PURE, on injected time.
#pragma once

#include "coordinator/model/time.hpp"

#include <chrono>
#include <string>

namespace thor::health {

struct reading_settings {
  unsigned change_percent = 10;
  std::chrono::milliseconds rest{10'000};
  friend bool operator==(const reading_settings&, const reading_settings&) = default;
};

class reading {
 public:
  explicit reading(reading_settings how)
      : how_(how) {}

  /// Both say whether value() is another one now.
  bool on_reading(model::time_point now, std::string text);
  bool on_deadline(model::time_point now);
  [[nodiscard]] model::time_point next_deadline() const;

  /// What is published; "" before the first reading.
  [[nodiscard]] const std::string& value() const { return value_; }

 private:
  [[nodiscard]] bool is_worth_telling() const;
  bool publish(model::time_point now);

  reading_settings how_;
  std::string value_;
  std::string latest_;
  bool published_ = false;
  model::time_point next_at_ = model::time_point::min(); ///< not published again before
};

} // namespace thor::health
