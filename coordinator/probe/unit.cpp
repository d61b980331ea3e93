#include "coordinator/health/verdict.hpp"
#include "coordinator/probe/kinds.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <systemd/sd-bus.h>

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace thor::probe {
namespace {

namespace asio = boost::asio;

struct closes_bus {
  void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
};

std::string system_text(int negative_errno) {
  return std::generic_category().message(-negative_errno);
}

/// A connection to the system bus and one call: each probe finds the bus as it is then.
class unit_probe final : public under_way, public std::enable_shared_from_this<unit_probe> {
 public:
  unit_probe(asio::io_context& io, done on_end)
      : ready_(io)
      , on_end_(std::move(on_end)) {}

  void start(const std::string& unit) {
    const auto failed = ask(unit);
    if (failed < 0) {
      return end(std::unexpected("D-Bus: " + system_text(failed)));
    }
    process();
  }

  /// The owner has lost interest.
  void abandon() {
    on_end_ = nullptr;
    close();
  }

 private:
  /// Sends the question; below 0 is a negative errno.
  int ask(const std::string& unit) {
    sd_bus* bus = nullptr;
    if (const auto failed = sd_bus_open_system(&bus); failed < 0) {
      return failed;
    }
    bus_.reset(bus);
    const auto descriptor = ::fcntl(sd_bus_get_fd(bus), F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0) {
      return -errno;
    }
    ready_.assign(descriptor);
    char* path = nullptr;
    if (const auto failed =
            sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path);
        failed < 0) {
      return failed;
    }
    const auto asked = sd_bus_call_method_async(
        bus, nullptr, "org.freedesktop.systemd1", path, "org.freedesktop.DBus.Properties", "Get",
        on_answer, this, "ss", "org.freedesktop.systemd1.Unit", "ActiveState");
    std::free(path); // NOLINT(cppcoreguidelines-no-malloc): sd-bus allocates it
    return asked;
  }

  static int on_answer(sd_bus_message* answer, void* self, sd_bus_error* /*unused*/) {
    static_cast<unit_probe*>(self)->answer_ = read(answer);
    return 0;
  }

  static outcome read(sd_bus_message* answer) {
    if (const auto* failure = sd_bus_message_get_error(answer)) {
      return std::unexpected("systemd: " + health::reason_of(failure->message != nullptr
                                                                 ? failure->message
                                                                 : failure->name));
    }
    const char* state = nullptr;
    if (const auto failed = sd_bus_message_read(answer, "v", "s", &state); failed < 0) {
      return std::unexpected("systemd: " + system_text(failed));
    }
    const auto text = health::reason_of(state);
    if (text == "active" || text == "reloading") {
      return text;
    }
    return std::unexpected("it is " + text);
  }

  void process() {
    int more = 1;
    while (more > 0 && !answer_) {
      more = sd_bus_process(bus_.get(), nullptr);
    }
    if (answer_) {
      return end(*std::exchange(answer_, std::nullopt));
    }
    if (more < 0) {
      return end(std::unexpected("D-Bus: " + system_text(more)));
    }
    const auto wanted = sd_bus_get_events(bus_.get());
    const auto kind = (wanted & POLLOUT) != 0 ? asio::posix::stream_descriptor::wait_write
                                              : asio::posix::stream_descriptor::wait_read;
    ready_.async_wait(kind, [self = shared_from_this()](const boost::system::error_code& failure) {
      if (!failure && self->on_end_) {
        self->process();
      }
    });
  }

  void close() {
    boost::system::error_code ignored;
    ready_.close(ignored);
    bus_.reset();
  }

  void end(outcome result) {
    close();
    asio::post(ready_.get_executor(), [self = shared_from_this(), result = std::move(result)] {
      if (const auto tell = std::exchange(self->on_end_, nullptr)) {
        tell(result);
      }
    });
  }

  std::unique_ptr<sd_bus, closes_bus> bus_;
  asio::posix::stream_descriptor ready_;
  done on_end_;
  std::optional<outcome> answer_;
};

class owned final : public under_way {
 public:
  explicit owned(std::shared_ptr<unit_probe> probe)
      : probe_(std::move(probe)) {}
  ~owned() override { probe_->abandon(); }
  owned(const owned&) = delete;
  owned& operator=(const owned&) = delete;

 private:
  std::shared_ptr<unit_probe> probe_;
};

} // namespace

std::unique_ptr<under_way> begin_unit(asio::io_context& io, const unit_target& what, done on_end) {
  auto probe = std::make_shared<unit_probe>(io, std::move(on_end));
  probe->start(what.unit);
  return std::make_unique<owned>(std::move(probe));
}

} // namespace thor::probe
