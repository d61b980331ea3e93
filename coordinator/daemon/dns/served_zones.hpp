// What is answered now: the zones of the overlay as last published, the hosted zones, and the
// metadata of all of them, in the tables of the public and of the internal backend.
//
// A publication builds every zone aside, has ldns check what is new, and swaps all of them by one
// pointer exchange a backend; if one is refused nothing changes. The servers must outlive it. One
// thread, the overlay's.
#pragma once

#include "backend/serve/server.hpp"
#include "coordinator/dns/zone_plan.hpp"
#include "zone/build/build.hpp"

#include <expected>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace thor::dns {

using zones_metadata = std::map<zone::name, backend::zone_metadata>;

class served_zones {
 public:
  struct options {
    std::string server_id;
    std::shared_ptr<const backend::networks> networks; ///< of the sites' clients
    backend::server* everybody = nullptr;              ///< answers the zones that are not internal
    backend::server* internal = nullptr; ///< answers those that are; nullptr: nobody asks
  };
  /// The names of one zone whose answers differ.
  struct changed_zone {
    zone::name apex;
    bool internal = false;
    std::vector<zone::name> names;
    /// At the apex nothing but the serial; it is among the names.
    bool only_serial_at_apex = false;
  };
  struct publication {
    std::vector<changed_zone> changed; ///< zones without a change are not in it
    std::vector<zone::rejection> rejected;
  };

  explicit served_zones(options with)
      : with_(std::move(with)) {}

  /// The overlay's zones from now on; `plan` and `inputs` side by side. The error is what ldns has
  /// against one of them.
  std::expected<publication, zone::error> publish(std::span<const planned_zone> plan,
                                                  const std::vector<zone::zone_input>& inputs);

  /// What the operator's data say of all zones, besides records.
  struct particulars {
    std::shared_ptr<const zones_metadata> metadata;
    std::shared_ptr<const backend::secrets> secrets;
  };

  /// Hosted zones, and the particulars of all zones, from now on. The records have been checked,
  /// the answers are in `written`; see backend::table_input. Returns the zones whose metadata or
  /// keys are other than before.
  std::vector<zone::name> host(std::shared_ptr<const zone::snapshot> hosted,
                               std::shared_ptr<const backend::answer_table> written,
                               particulars fresh);

  /// The overlay's zones that are not internal, by apex.
  [[nodiscard]] const zone::snapshot& overlay() const { return *public_zones_; }
  /// Those of them of which all names are there: what others have to have as well, and what can be
  /// served from a disk.
  [[nodiscard]] zone::snapshot whole_overlay() const;
  /// The overlay's zones that are internal, by apex.
  [[nodiscard]] const zone::snapshot& internal() const { return *internal_zones_; }
  [[nodiscard]] const std::shared_ptr<const zone::snapshot>& hosted() const { return hosted_; }
  /// The zone with this apex that everybody may ask for, or nullptr.
  [[nodiscard]] const zone::contents* find(const zone::name& apex) const;
  [[nodiscard]] const zones_metadata& metadata() const { return *said_.metadata; }

 private:
  void swap();

  options with_;
  std::shared_ptr<const zone::snapshot> public_zones_ = std::make_shared<zone::snapshot>();
  std::shared_ptr<const zone::snapshot> internal_zones_ = std::make_shared<zone::snapshot>();
  std::shared_ptr<const zone::snapshot> hosted_ = std::make_shared<zone::snapshot>();
  std::shared_ptr<const backend::answer_table> written_; ///< the answers of hosted_
  particulars said_{std::make_shared<zones_metadata>(), std::make_shared<backend::secrets>()};
  std::shared_ptr<const backend::answer_table> public_table_;
  std::shared_ptr<const backend::answer_table> internal_table_;
};

} // namespace thor::dns
