// How the figures of a bench are taken and printed.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thor::bench {

/// Prints a case and its figures as a row of a table, or as one JSON object.
class report {
 public:
  using figure = std::pair<std::string_view, double>; ///< name with its unit, value

  explicit report(bool json, std::string bench = "backend")
      : json_(json)
      , bench_(std::move(bench)) {}

  void add(std::string_view name, const std::vector<figure>& figures) const {
    constexpr std::size_t name_width = 50;
    std::string line(name);
    if (json_) {
      line = R"({"bench":")" + bench_ + R"(","case":")" + line + "\"";
    } else {
      line.resize(std::max(name_width, line.size()), ' ');
    }
    for (const auto& [unit, value] : figures) {
      char number[32];
      std::snprintf(number, sizeof number, json_ ? "%.6g" : "%10.4g", value);
      line += json_ ? ",\"" + std::string(unit) + "\":" + number
                    : std::string("  ") + number + " " + std::string(unit);
    }
    std::printf("%s%s\n", line.c_str(), json_ ? "}" : "");
    std::fflush(stdout);
  }

 private:
  bool json_;
  std::string bench_;
};

using steady = std::chrono::steady_clock;

inline double microseconds(steady::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

/// The value below which `share` of all lie. Reorders them; precondition: not empty.
inline double quantile(std::vector<double>& values, double share) {
  const auto rank = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + rank);
  return values[static_cast<std::size_t>(rank)];
}

/// Microseconds one call of `work` takes: the median of batches, so that a neighbour on the machine
/// does not count.
template <typename Work>
double median_us(Work work, std::size_t batches, std::size_t calls) {
  std::vector<double> each;
  for (std::size_t batch = 0; batch < batches; ++batch) {
    const auto begin = steady::now();
    for (std::size_t i = 0; i < calls; ++i) {
      work(i);
    }
    each.push_back(microseconds(steady::now() - begin) / static_cast<double>(calls));
  }
  return quantile(each, 0.5);
}

} // namespace thor::bench
