// Who a member is: the node id of its certificate's CN. It becomes a DNS label, so it is one.
#pragma once

#include "coordinator/model/error.hpp"

#include <compare>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

namespace thor::model {

/// One lower-case LDH label of 1..63 octets, not starting or ending with a hyphen (RFC 1123
/// section 2.1).
class node_id {
 public:
  static std::expected<node_id, error> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  friend auto operator<=>(const node_id&, const node_id&) = default;

 private:
  explicit node_id(std::string text)
      : text_(std::move(text)) {}
  std::string text_;
};

} // namespace thor::model

template <>
struct std::hash<thor::model::node_id> {
  std::size_t operator()(const thor::model::node_id& id) const noexcept {
    return std::hash<std::string>{}(id.text());
  }
};
