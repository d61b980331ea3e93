#include "coordinator/probe/kinds.hpp"
#include "coordinator/runtime/atomic_file.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace thor::probe {
namespace {

class file_probe final : public under_way {
 public:
  file_probe(boost::asio::io_context& io, const file_target& what, done on_end)
      : on_end_(std::make_shared<done>(std::move(on_end))) {
    boost::asio::post(io, [weak = std::weak_ptr(on_end_), path = what.path] {
      if (const auto alive = weak.lock()) {
        (*alive)(runtime::read_file(path, file_octets_max));
      }
    });
  }

 private:
  std::shared_ptr<done> on_end_;
};

} // namespace

std::unique_ptr<under_way> begin_file(boost::asio::io_context& io, const file_target& what,
                                      done on_end) {
  return std::make_unique<file_probe>(io, what, std::move(on_end));
}

} // namespace thor::probe
