// How the figures of a bench are taken and printed.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace thor::bench {

/// Prints figures as rows of a table, or as one JSON object a line.
class report {
 public:
  explicit report(bool json)
      : json_(json) {}

  void add(std::string_view name, std::string_view figure, double value) const {
    if (json_) {
      std::printf("{\"bench\":\"backend\",\"case\":\"%.*s\",\"%.*s\":%.4g}\n",
                  static_cast<int>(name.size()), name.data(), static_cast<int>(figure.size()),
                  figure.data(), value);
    } else {
      std::printf("%-52.*s %12.4g  %.*s\n", static_cast<int>(name.size()), name.data(), value,
                  static_cast<int>(figure.size()), figure.data());
    }
    std::fflush(stdout);
  }

 private:
  bool json_;
};

using steady = std::chrono::steady_clock;

inline double microseconds(steady::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
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
  std::ranges::nth_element(each, each.begin() + static_cast<std::ptrdiff_t>(batches / 2));
  return each[batches / 2];
}

} // namespace thor::bench
