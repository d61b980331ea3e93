#include "zone/model/name.hpp"

#include <algorithm>
#include <array>

namespace thor::zone {
namespace {

/// A name of 255 octets has at most 127 labels: one length and one other octet each.
constexpr std::size_t labels_max = 127;

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr std::size_t octet(char c) {
  return static_cast<unsigned char>(c);
}

/// Where each label starts, leftmost first. `labels` are in wire form, without the root's.
struct label_starts {
  explicit label_starts(std::string_view labels) {
    for (std::size_t at = 0; at < labels.size(); at += 1 + octet(labels[at])) {
      starts[count++] = static_cast<std::uint8_t>(at);
    }
  }
  std::array<std::uint8_t, labels_max> starts;
  std::size_t count = 0;
};

std::string_view label_at(std::string_view wire, std::size_t start) {
  return wire.substr(start + 1, octet(wire[start]));
}

/// Precondition: not the root.
std::string_view parent_wire(std::string_view wire) {
  return wire.substr(1 + octet(wire.front()));
}

/// One octet as it appears in a label, and how many characters of `text` wrote it; 0 when the
/// escape is broken.
struct unescaped {
  char value = 0;
  std::size_t consumed = 0;
};

unescaped read_octet(std::string_view text) {
  if (text.front() != '\\') {
    return {text.front(), 1};
  }
  if (text.size() < 2) {
    return {};
  }
  if (!is_digit(text[1])) {
    return {text[1], 2};
  }
  if (text.size() < 4 || !is_digit(text[2]) || !is_digit(text[3])) {
    return {};
  }
  const int value = (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');
  return value > 255 ? unescaped{} : unescaped{static_cast<char>(value), 4};
}

std::unexpected<error> refuse(errc code, std::string_view text, std::string_view why) {
  std::string detail = "name \"";
  detail += text.substr(0, 2 * name_octets_max);
  detail += "\": ";
  detail += why;
  return std::unexpected(error{code, std::move(detail)});
}

enum class last_dot : bool { refused, allowed };

/// The octets of a name that is being read. One more than a name may have finds room, so that what
/// is too long is seen before it is refused.
class octet_list {
 public:
  void push_back(char octet) {
    if (size_ < octets_.size()) {
      octets_[size_++] = octet;
    }
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  char& operator[](std::size_t at) { return octets_[at]; }
  [[nodiscard]] std::string_view view() const { return {octets_.data(), size_}; }

 private:
  std::array<char, name_octets_max + 1> octets_;
  std::size_t size_ = 0;
};

/// The labels of `text` in wire form without the root.
std::expected<octet_list, error> read_labels(std::string_view text, last_dot dot) {
  octet_list wire;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length_at = wire.size();
    wire.push_back('\0');
    while (at < text.size() && text[at] != '.') {
      const auto [value, consumed] = read_octet(text.substr(at));
      if (consumed == 0) {
        return refuse(errc::bad_name, text,
                      "a backslash needs a character or three digits up to 255");
      }
      wire.push_back(lower(value));
      at += consumed;
    }
    if (at + 1 == text.size() && dot == last_dot::refused) {
      return refuse(errc::bad_name, text, "a relative name does not end in a dot");
    }
    ++at; // the dot
    const std::size_t length = wire.size() - length_at - 1;
    if (length == 0) {
      return refuse(errc::bad_name, text, "empty label");
    }
    if (length > label_octets_max) {
      return refuse(errc::name_too_long, text, "a label is longer than 63 octets");
    }
    if (wire.size() + 1 > name_octets_max) {
      return refuse(errc::name_too_long, text, "longer than 255 octets");
    }
    wire[length_at] = static_cast<char>(length);
  }
  return wire;
}

void append_escaped(std::string& out, std::string_view label) {
  for (const char c : label) {
    const std::size_t value = octet(c);
    if (value <= ' ' || value > '~') {
      out += '\\';
      out += static_cast<char>('0' + value / 100);
      out += static_cast<char>('0' + value / 10 % 10);
      out += static_cast<char>('0' + value % 10);
      continue;
    }
    if (std::string_view(".\\\"();@$").contains(c)) {
      out += '\\';
    }
    out += c;
  }
}

/// Reads a whole name.
std::expected<octet_list, error> read_name(std::string_view text) {
  if (text == ".") {
    octet_list root;
    root.push_back('\0');
    return root;
  }
  if (text.empty()) {
    return refuse(errc::bad_name, text, "empty");
  }
  auto wire = read_labels(text, last_dot::allowed);
  if (wire) {
    wire->push_back('\0');
  }
  return wire;
}

} // namespace

std::expected<name, error> name::parse(std::string_view text) {
  auto wire = read_name(text);
  if (!wire) {
    return std::unexpected(std::move(wire).error());
  }
  return name(std::string(wire->view()));
}

inline_name::inline_name(const name& of)
    : size_(static_cast<std::uint8_t>(of.wire().size())) {
  std::ranges::copy(of.wire(), octets_.begin());
}

std::expected<inline_name, error> inline_name::parse(std::string_view text) {
  auto wire = read_name(text);
  if (!wire) {
    return std::unexpected(std::move(wire).error());
  }
  inline_name out;
  out.size_ = static_cast<std::uint8_t>(wire->size());
  std::ranges::copy(wire->view(), out.octets_.begin());
  return out;
}

inline_name::operator name() const {
  return name(std::string(wire()));
}

std::expected<name, error> name::child(std::string_view label) const {
  if (label.empty()) {
    return refuse(errc::bad_name, label, "empty label");
  }
  if (label.size() > label_octets_max) {
    return refuse(errc::name_too_long, label, "a label is longer than 63 octets");
  }
  if (1 + label.size() + wire_.size() > name_octets_max) {
    return refuse(errc::name_too_long, label, "longer than 255 octets below " + text());
  }
  std::string wire;
  wire.reserve(1 + label.size() + wire_.size());
  wire.push_back(static_cast<char>(label.size()));
  for (const char c : label) {
    wire.push_back(lower(c));
  }
  wire += wire_;
  return name(std::move(wire));
}

std::expected<name, error> name::descendant(std::string_view relative) const {
  if (relative.empty() || relative == "@") {
    return *this;
  }
  auto wire = read_labels(relative, last_dot::refused);
  if (!wire) {
    return std::unexpected(std::move(wire).error());
  }
  if (wire->size() + wire_.size() > name_octets_max) {
    return refuse(errc::name_too_long, relative, "longer than 255 octets below " + text());
  }
  std::string joined;
  joined.reserve(wire->size() + wire_.size());
  joined += wire->view();
  joined += wire_;
  return name(std::move(joined));
}

name name::parent() const {
  return is_root() ? *this : name(std::string(parent_wire(wire_)));
}

std::string name::text() const {
  std::string out;
  out.reserve(wire_.size());
  append_text(out, wire_);
  return out;
}

void append_text(std::string& out, std::string_view wire) {
  if (wire.size() == 1) {
    out += '.';
  }
  for (std::size_t at = 0; wire[at] != '\0'; at += 1 + octet(wire[at])) {
    append_escaped(out, label_at(wire, at));
    out += '.';
  }
}

std::string name::relative_text(const name& apex) const {
  if (wire_.size() == apex.wire_.size()) {
    return "@";
  }
  std::string out;
  const std::size_t end = wire_.size() - apex.wire_.size();
  for (std::size_t at = 0; at < end; at += 1 + octet(wire_[at])) {
    if (at != 0) {
      out += '.';
    }
    append_escaped(out, label_at(wire_, at));
  }
  return out;
}

std::string_view name::first_label() const {
  return label_at(wire_, 0);
}

std::size_t name::label_count() const {
  return label_starts(labels()).count;
}

bool name::is_at_or_below(const name& ancestor) const {
  if (!wire_.ends_with(ancestor.wire_)) {
    return false;
  }
  // The tail must start at a label: octets inside a label can look like a length.
  const std::size_t tail = wire_.size() - ancestor.wire_.size();
  std::size_t at = 0;
  while (at < tail) {
    at += 1 + octet(wire_[at]);
  }
  return at == tail;
}

std::strong_ordering operator<=>(const name& a, const name& b) {
  // Most names that are compared are children of one parent: only their first labels count.
  if (!a.is_root() && !b.is_root() && parent_wire(a.wire_) == parent_wire(b.wire_)) {
    return a.first_label().compare(b.first_label()) <=> 0;
  }
  return compare_labels(a.labels(), b.labels());
}

std::strong_ordering compare_labels(std::string_view a, std::string_view b) {
  const label_starts left(a);
  const label_starts right(b);
  std::size_t i = left.count;
  std::size_t j = right.count;
  while (i > 0 && j > 0) {
    const int order = label_at(a, left.starts[--i]).compare(label_at(b, right.starts[--j]));
    if (order != 0) {
      return order <=> 0;
    }
  }
  return i <=> j;
}

} // namespace thor::zone
