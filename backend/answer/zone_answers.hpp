// All answers of one zone. Pure, immutable, shared between tables.
#pragma once

#include "backend/answer/node_answers.hpp"
#include "zone/model/contents.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thor::backend {

/// A table with the wire form of names as keys.
template <typename Value>
using by_wire_name =
    boost::unordered_flat_map<std::string_view, Value, std::hash<std::string_view>>;

class zone_answers {
 public:
  /// Writes the answers of `contents`, taking over from `previous` (may be nullptr) those of nodes
  /// that are the same object.
  zone_answers(std::shared_ptr<const zone::contents> contents, std::uint64_t server_seed,
               const zone_answers* previous);

  [[nodiscard]] const zone::contents& contents() const { return *contents_; }
  [[nodiscard]] bool is_written_from(const std::shared_ptr<const zone::contents>& contents) const {
    return contents_ == contents;
  }

  /// The answers of an existing name, or nullptr. `wire` is a zone::name's.
  [[nodiscard]] const node_answers* find(std::string_view wire) const;

  /// What makes the records of a name that is directly below an existing one and does not exist
  /// itself, or nullptr: then there is no such name.
  [[nodiscard]] const zone::synthesis* synthesis_of(std::string_view wire) const;

  /// Whether anything can be said about a name at or below the apex, in wire form: not if its
  /// records are unknown, nor if it does not exist and the nearest name above it is unknown.
  [[nodiscard]] bool is_known(std::string_view wire) const;
  /// Whether every name of the zone is known.
  [[nodiscard]] bool is_whole() const { return unavailable_count_ == 0; }

  [[nodiscard]] const std::vector<std::shared_ptr<const node_answers>>& nodes() const {
    return nodes_;
  }
  [[nodiscard]] std::size_t record_count() const { return record_count_; }
  /// The zone in getDomainInfo and getAllDomains: {"id":1,"zone":"example.",...}
  [[nodiscard]] std::string_view domain_object() const { return domain_object_; }

 private:
  std::shared_ptr<const zone::contents> contents_;
  std::vector<std::shared_ptr<const node_answers>> nodes_; ///< canonical order
  /// The keys lie in the nodes.
  by_wire_name<const node_answers*> by_name_;
  std::string domain_object_;
  std::size_t record_count_ = 0;
  std::size_t unavailable_count_ = 0;
};

} // namespace thor::backend
