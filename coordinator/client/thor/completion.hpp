// How overlay's async_ functions keep a completion handler of any type until it is called.
#pragma once

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace thor::detail {

using completion = std::function<void(boost::system::error_code)>;

/// A function that completes `handler` on its associated executor, `otherwise` where it has none,
/// and keeps that executor at work until then.
template <class Handler, class Executor>
completion keep(Handler handler, const Executor& otherwise) {
  const auto executor = boost::asio::get_associated_executor(handler, otherwise);
  auto kept = std::make_shared<Handler>(std::move(handler));
  return [kept, work = boost::asio::make_work_guard(executor)](boost::system::error_code result) {
    boost::asio::post(work.get_executor(), [kept, result] {
      boost::asio::get_associated_cancellation_slot(*kept).clear();
      std::move (*kept)(result);
    });
  };
}

} // namespace thor::detail
