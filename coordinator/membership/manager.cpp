#include "coordinator/membership/manager.hpp"

#include <algorithm>
#include <iterator>

namespace thor::membership {

void manager::on_event(model::time_point now, model::unix_time wall, const input& in,
                       effects& out) {
  effects decided;
  judge_.on_event(now, in, decided);
  pass_on(now, wall, std::move(decided), out);
  if (const auto* up = std::get_if<server_up>(&in))
    publisher_.on_server_up(now, wall, up->server, out);
}

void manager::on_status(model::time_point now, model::unix_time wall,
                        const model::status_event& heard, effects& out) {
  publisher_.on_status(now, wall, heard, out);
}

void manager::on_full_status_needed(model::time_point now, model::unix_time wall,
                                    const std::string& server, effects& out) {
  publisher_.on_full_status_needed(now, wall, server, out);
}

void manager::on_deadline(model::time_point now, model::unix_time wall, effects& out) {
  effects decided;
  judge_.on_deadline(now, decided);
  pass_on(now, wall, std::move(decided), out);
  publisher_.on_deadline(now, wall, out);
}

model::time_point manager::next_deadline() const {
  return std::min({judge_.next_deadline(), survey_.next_deadline(), publisher_.next_deadline()});
}

void manager::pass_on(model::time_point now, model::unix_time wall, effects decided, effects& out) {
  publisher_.on_members(now, wall, decided, out);
  std::ranges::move(decided, std::back_inserter(out));
  const auto& before = publisher_.retained();
  if (publisher_.started() || !survey_.complete(now, judge_.servers(), before.known))
    return;
  effects restored;
  judge_.on_event(now, retained{before.members}, restored);
  publisher_.on_members(now, wall, restored, out);
  std::ranges::move(restored, std::back_inserter(out));
  publisher_.start(now, wall, out);
}

} // namespace thor::membership
