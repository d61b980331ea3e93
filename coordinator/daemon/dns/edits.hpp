// Edits of the operator's data that PowerDNS sends: from the thread that serves PowerDNS to the
// disk thread, and back when what was written is what is answered.
//
// An outcome is told after the new data have been published, so that whoever wrote reads what he
// wrote, over any connection. Every edit is logged, without secrets, and counted. All but submit()
// belongs to the io_context's thread; the arguments outlive it. When the program ends, outcomes
// that are still awaited are not told.
#pragma once

#include "coordinator/daemon/dns/disk.hpp"
#include "coordinator/dns/zone_plan.hpp"
#include "coordinator/runtime/metrics.hpp"
#include "zone/edit/edit.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace thor::dns {

/// Edits that wait for the disk; more are refused. PowerDNS has one for each of its connections.
inline constexpr std::size_t edits_waiting_max = 1000;

class edits final : public zone::edit_sink {
 public:
  struct callbacks {
    std::function<const zone_plan&()> plan;
    /// A publication of what was told last is still to come; on_published() follows it.
    std::function<bool()> publication_pending;
  };

  edits(boost::asio::io_context& io, disk& databases, runtime::metrics& counters, callbacks ask);

  void submit(zone::edit wanted, std::function<void(zone::edit_outcome)> told) override;

  /// What the operator's data said last is answered from now on.
  void on_published();

 private:
  using teller = std::function<void(zone::edit_outcome)>;
  struct description {
    std::string kind; ///< label of the counter
    std::string text; ///< for the log
  };

  void begin(zone::edit wanted, teller told);
  void finish(const description& what, edit_result result, const teller& told);
  void count(const std::string& kind, const std::string& outcome, double by);
  static description describe(const zone::edit& wanted);

  boost::asio::io_context& io_;
  disk& disk_;
  runtime::metrics& counters_;
  callbacks ask_;
  std::size_t waiting_ = 0; ///< for the disk
  std::vector<std::pair<teller, zone::edit_outcome>> unpublished_;
};

} // namespace thor::dns
