#include "backend/serve/edit_wait.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace thor::backend {

namespace asio = boost::asio;

void loop_gate::post(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  if (loop_ != nullptr) {
    asio::post(*loop_, std::move(task));
  }
}

void loop_gate::close() {
  const std::lock_guard lock(mutex_);
  loop_ = nullptr;
}

awaitable<std::optional<zone::edit_outcome>> edit_desk::apply(zone::edit wanted,
                                                              std::shared_ptr<edit_wait>& waiting) {
  auto mine = std::make_shared<edit_wait>(loop_);
  waiting = mine;
  // The sink may keep this for longer than the session lives, or the loop.
  sink_->submit(std::move(wanted),
                [gate = gate_, session = std::weak_ptr(mine)](zone::edit_outcome outcome) {
                  gate->post([session, told = std::move(outcome)]() mutable {
                    if (const auto waits = session.lock()) {
                      waits->outcome_ = std::move(told);
                      waits->wake_.cancel();
                    }
                  });
                });
  co_await mine->wake_.async_wait(awaiting);
  waiting.reset();
  co_return std::move(mine->outcome_);
}

} // namespace thor::backend
