#include "coordinator/runtime/command.hpp"

#include "coordinator/health/verdict.hpp"
#include "coordinator/probe/kinds.hpp"

#include <fmt/format.h>

#include <utility>

namespace thor::probe {
namespace {

/// The check gives up long before.
constexpr std::chrono::hours timeout{24};

outcome outcome_of(const runtime::command_result& ended) {
  if (ended.ok()) {
    return ended.output;
  }
  const auto said = health::reason_of(ended.output.empty() ? ended.errors : ended.output);
  return std::unexpected(said.empty() ? ended.text() : fmt::format("{}: {}", ended.text(), said));
}

class command_probe final : public under_way {
 public:
  command_probe(boost::asio::io_context& io, const command_target& what, done on_end)
      : running_(io, {.argv = what.argv, .input = {}, .timeout = timeout, .grace = {}},
                 [on_end = std::move(on_end)](const auto& ended) { on_end(outcome_of(ended)); }) {}

 private:
  runtime::command running_;
};

} // namespace

std::unique_ptr<under_way> begin_command(boost::asio::io_context& io, const command_target& what,
                                         done on_end) {
  return std::make_unique<command_probe>(io, what, std::move(on_end));
}

} // namespace thor::probe
