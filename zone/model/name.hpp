// A DNS name in canonical form: absolute, lower-case, uncompressed wire octets.
//
// Names are values. Two names are equal when DNS says so (RFC 1035 section 2.3.3: ASCII case does
// not count); the order is the canonical order of RFC 4034 section 6.1. Everything here is pure and
// safe on any thread.
#pragma once

#include "zone/model/error.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

namespace thor::zone {

/// Octets of a name in wire form, the root's zero octet included (RFC 1035 section 2.3.4).
inline constexpr std::size_t name_octets_max = 255;
/// Octets of one label (RFC 1035 section 2.3.4).
inline constexpr std::size_t label_octets_max = 63;

class name {
 public:
  /// The root.
  name()
      : wire_(1, '\0') {}

  /// Reads presentation form (RFC 1035 section 5.1: `\.` and `\DDD` escapes). The trailing dot may
  /// be missing: the text is always taken as absolute. Refuses empty labels and names out of
  /// bounds.
  static std::expected<name, error> parse(std::string_view text);

  /// This name with one more label in front. `label` is raw octets, not presentation form.
  [[nodiscard]] std::expected<name, error> child(std::string_view label) const;

  /// Several labels in front, in presentation form without a trailing dot (`_sip._udp`); "@" and ""
  /// give this name itself.
  [[nodiscard]] std::expected<name, error> descendant(std::string_view relative) const;

  /// The name without its first label; the root's parent is the root.
  [[nodiscard]] name parent() const;

  /// Presentation form: lower-case, escaped where needed, with the trailing dot.
  [[nodiscard]] std::string text() const;

  /// Presentation form below `apex` without a trailing dot; "@" for the apex itself.
  /// Precondition: is_at_or_below(apex).
  [[nodiscard]] std::string relative_text(const name& apex) const;

  /// Canonical wire octets. Valid as long as this object.
  [[nodiscard]] std::string_view wire() const { return wire_; }
  /// The same without the root's octet: labels, each after its length.
  [[nodiscard]] std::string_view labels() const {
    return std::string_view(wire_).substr(0, wire_.size() - 1);
  }
  /// Raw octets of the first label, empty for the root.
  [[nodiscard]] std::string_view first_label() const;
  [[nodiscard]] std::size_t label_count() const;
  [[nodiscard]] bool is_root() const { return wire_.size() == 1; }
  [[nodiscard]] bool is_at_or_below(const name& ancestor) const;

  friend bool operator==(const name&, const name&) = default;
  friend std::strong_ordering operator<=>(const name& a, const name& b);

 private:
  friend class inline_name;
  explicit name(std::string wire)
      : wire_(std::move(wire)) {}
  std::string wire_;
};

/// A canonical name that holds its octets itself: for names that come and go with a question, which
/// take nothing from the heap.
class inline_name {
 public:
  /// The root.
  inline_name() = default;
  inline_name(const name& of); // NOLINT(google-explicit-constructor): the same name

  /// As name::parse().
  static std::expected<inline_name, error> parse(std::string_view text);

  /// As name::wire(). Valid as long as this object.
  [[nodiscard]] std::string_view wire() const { return {octets_.data(), size_}; }
  /// As name::labels().
  [[nodiscard]] std::string_view labels() const { return wire().substr(0, size_ - 1U); }

  explicit operator name() const;

  friend bool operator==(const inline_name& a, const inline_name& b) {
    return a.wire() == b.wire();
  }

 private:
  std::array<char, name_octets_max> octets_{};
  std::uint8_t size_ = 1;
};

/// Appends the presentation form of a name, of which `wire` are the canonical octets; see
/// name::text().
void append_text(std::string& out, std::string_view wire);

/// Canonical order (RFC 4034 section 6.1) of labels in canonical wire form, as name::labels() gives
/// them. A part of a name compares like a name: what stands below an apex is in the zone's order.
std::strong_ordering compare_labels(std::string_view a, std::string_view b);

} // namespace thor::zone

template <>
struct std::hash<thor::zone::name> {
  std::size_t operator()(const thor::zone::name& n) const noexcept {
    return std::hash<std::string_view>{}(n.wire());
  }
};
