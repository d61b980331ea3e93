// Which status codes of a SIP or HTTP response mean that a service is well.
//
// PURE.
#pragma once

#include <bitset>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace thor::health {

class status_set {
 public:
  /// Reads "200", "4xx", and so on: codes from 100 to 699. The error is a sentence's end that
  /// quotes the wrong one: "has \"ok\", which is ...".
  static std::expected<status_set, std::string> parse(const std::vector<std::string>& texts);

  /// What a SIP server says that lives: any final response (RFC 3261 section 21) but 5xx, by which
  /// it tells that it has failed itself; 501 only says that it does not know OPTIONS.
  static status_set of_sip();
  /// 2xx and 3xx.
  static status_set of_http();

  [[nodiscard]] bool has(unsigned status) const {
    return status < codes_.size() && codes_.test(status);
  }
  friend bool operator==(const status_set&, const status_set&) = default;

 private:
  void add(unsigned first, unsigned last);
  std::bitset<700> codes_;
};

} // namespace thor::health
