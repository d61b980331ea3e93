#include "coordinator/health/reading.hpp"

#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

namespace thor::health {
namespace {

std::optional<double> number(const std::string& text) {
  double out = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, out);
  if (failure != std::errc() || stop != end || !std::isfinite(out))
    return std::nullopt;
  return out;
}

} // namespace

bool reading::on_reading(model::time_point now, std::string text) {
  latest_ = std::move(text);
  return (!published_ || now >= next_at_) && publish(now);
}

bool reading::on_deadline(model::time_point now) {
  return now >= next_deadline() && publish(now);
}

model::time_point reading::next_deadline() const {
  return published_ && is_worth_telling() ? next_at_ : model::never;
}

bool reading::is_worth_telling() const {
  if (latest_ == value_)
    return false;
  const auto was = number(value_);
  const auto is = number(latest_);
  if (!was || !is || *was == 0 || *is == 0)
    return true;
  return std::abs(*is - *was) * 100 >= std::abs(*was) * how_.change_percent;
}

bool reading::publish(model::time_point now) {
  if (published_ && !is_worth_telling())
    return false;
  published_ = true;
  value_ = latest_;
  next_at_ = now + how_.rest;
  return true;
}

} // namespace thor::health
