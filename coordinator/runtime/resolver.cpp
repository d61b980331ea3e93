#include "coordinator/runtime/resolver.hpp"

#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/loop.hpp"

#include <ares.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <arpa/nameser.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <stdexcept>

namespace thor::runtime {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int tries_per_server = 2;

/// One c-ares channel and the descriptors it has open, driven by the loop. A channel serves one
/// look-up and reads the system's configuration when it is made.
///
/// c-ares calls back from within ares_process_fd(), where its channel must not be destroyed: the
/// owner learns of the end through the loop.
class channel {
 public:
  channel(asio::io_context& io, const std::string& servers)
      : io_(io)
      , wake_(io, [this](model::time_point) { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }) {
    ares_options how{};
    how.timeout = static_cast<int>(resolver_try.count());
    how.tries = tries_per_server;
    how.sock_state_cb = &channel::on_socket_state;
    how.sock_state_cb_data = this;
    int status = ares_init_options(&handle_, &how,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status == ARES_SUCCESS && !servers.empty()) {
      status = ares_set_servers_ports_csv(handle_, servers.c_str());
      if (status != ARES_SUCCESS) {
        ares_destroy(handle_);
      }
    }
    if (status != ARES_SUCCESS) {
      throw std::runtime_error(
          fmt::format("cannot set up the resolver: {}", ares_strerror(status)));
    }
  }

  ~channel() { ares_destroy(handle_); }
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  [[nodiscard]] ares_channel handle() const { return handle_; }

  /// To be called after each request: from now on the channel follows its own timeouts.
  void follow() {
    timeval wait{};
    const bool waiting = ares_timeout(handle_, nullptr, &wait) != nullptr;
    wake_.arm(waiting ? monotonic_now() + std::chrono::seconds(wait.tv_sec) +
                            std::chrono::microseconds(wait.tv_usec)
                      : model::never);
  }

 private:
  struct watched {
    asio::posix::stream_descriptor descriptor;
    bool wants_read = false;
    bool wants_write = false;
    bool reading = false;
    bool writing = false;
  };

  static void on_socket_state(void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<channel*>(self)->watch(fd, readable != 0, writable != 0);
  }

  void watch(ares_socket_t fd, bool read, bool write) {
    if (!read && !write) { // c-ares is about to close it
      if (const auto found = watched_.find(fd); found != watched_.end()) {
        found->second->descriptor.release();
        watched_.erase(found);
      }
      return;
    }
    auto& entry = watched_[fd];
    if (!entry) {
      entry = std::make_shared<watched>(asio::posix::stream_descriptor(io_, fd));
    }
    entry->wants_read = read;
    entry->wants_write = write;
    await(entry);
  }

  void await(const std::shared_ptr<watched>& entry) {
    if (entry->wants_read && !entry->reading) {
      entry->reading = true;
      entry->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                   [this, weak = std::weak_ptr(entry)](error_code failure) {
                                     on_ready(weak.lock(), true, failure);
                                   });
    }
    if (entry->wants_write && !entry->writing) {
      entry->writing = true;
      entry->descriptor.async_wait(asio::posix::stream_descriptor::wait_write,
                                   [this, weak = std::weak_ptr(entry)](error_code failure) {
                                     on_ready(weak.lock(), false, failure);
                                   });
    }
  }

  /// `entry` is gone when the descriptor, or the whole channel, is.
  void on_ready(const std::shared_ptr<watched>& entry, bool readable, error_code failure) {
    if (!entry || failure) {
      return;
    }
    (readable ? entry->reading : entry->writing) = false;
    const auto fd = entry->descriptor.native_handle();
    process(readable ? fd : ARES_SOCKET_BAD, readable ? ARES_SOCKET_BAD : fd);
    if (const auto still = watched_.find(fd); still != watched_.end() && still->second == entry) {
      await(entry);
    }
  }

  void process(ares_socket_t readable, ares_socket_t writable) {
    ares_process_fd(handle_, readable, writable);
    follow();
  }

  asio::io_context& io_;
  deadline_timer wake_;
  std::map<ares_socket_t, std::shared_ptr<watched>> watched_;
  ares_channel handle_ = nullptr;
};

struct service_target {
  std::uint16_t priority = 0;
  std::string host;
  std::uint16_t port = 0;
  friend auto operator<=>(const service_target&, const service_target&) = default;
};

std::vector<service_target> read_srv(const unsigned char* reply, int octets) {
  ares_srv_reply* first = nullptr;
  std::vector<service_target> out;
  if (ares_parse_srv_reply(reply, octets, &first) != ARES_SUCCESS) {
    return out;
  }
  for (const auto* entry = first; entry != nullptr; entry = entry->next) {
    const std::string_view host = entry->host;
    if (!host.empty() && host != ".") { // "." says: no such service here (RFC 2782)
      out.push_back({entry->priority, std::string(host), entry->port});
    }
  }
  ares_free_data(first);
  std::ranges::sort(out);
  if (out.size() > resolver_endpoints_max) {
    out.resize(resolver_endpoints_max);
  }
  return out;
}

std::vector<tcp::endpoint> read_addresses(const ares_addrinfo* found) {
  std::vector<tcp::endpoint> out;
  for (const auto* node = found->nodes; node != nullptr; node = node->ai_next) {
    tcp::endpoint where;
    if (node->ai_addrlen <= where.capacity()) {
      std::memcpy(where.data(), node->ai_addr, node->ai_addrlen);
      where.resize(node->ai_addrlen);
      out.push_back(where);
    }
  }
  std::ranges::sort(out); // IPv4 first, and the same order each time
  return out;
}

/// One question and what follows from it, until its handler is called.
class lookup {
 public:
  lookup(asio::io_context& io, const std::string& servers, std::string asked,
         std::function<void(resolver::result)> done)
      : asked_(std::move(asked))
      , done_(std::move(done))
      , channel_(io, servers)
      , deadline_(io, [this](model::time_point) { ares_cancel(channel_.handle()); }) {
    deadline_.arm(monotonic_now() + resolver_deadline);
  }

  void find_addresses(const endpoint& where) {
    targets_.push_back({this, where.port, {}});
    ask_addresses(where.host, targets_.front());
    settle();
  }

  void find_service(const std::string& name) {
    awaited_ = 1;
    ares_query(channel_.handle(), name.c_str(), ns_c_in, ns_t_srv, &lookup::on_srv, this);
    settle();
  }

 private:
  struct target {
    lookup* owner;
    std::uint16_t port;
    std::vector<tcp::endpoint> found;
  };

  static void on_srv(void* self, int status, int, unsigned char* reply, int octets) {
    auto& me = *static_cast<lookup*>(self);
    if (status == ARES_EDESTRUCTION) {
      return;
    }
    if (status != ARES_SUCCESS) {
      me.failures_.insert(ares_strerror(status));
    } else {
      const auto services = read_srv(reply, octets);
      me.targets_.reserve(services.size()); // c-ares keeps pointers to the elements
      for (const auto& service : services) {
        me.targets_.push_back({&me, service.port, {}});
        me.ask_addresses(service.host, me.targets_.back());
      }
    }
    --me.awaited_; // after asking, so that a target that answers at once does not end the look-up
    me.settle();
  }

  void ask_addresses(const std::string& host, target& into) {
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = ARES_AI_NOSORT;
    ++awaited_;
    ares_getaddrinfo(channel_.handle(), host.c_str(), nullptr, &hints, &lookup::on_addresses,
                     &into);
  }

  static void on_addresses(void* into, int status, int, ares_addrinfo* found) {
    auto& where = *static_cast<target*>(into);
    auto& me = *where.owner;
    --me.awaited_;
    if (status == ARES_SUCCESS) {
      where.found = read_addresses(found);
      ares_freeaddrinfo(found);
    } else if (status == ARES_EDESTRUCTION) {
      return;
    } else {
      me.failures_.insert(ares_strerror(status));
    }
    me.settle();
  }

  /// Ends the look-up when nothing is awaited any more.
  void settle() {
    if (awaited_ > 0 || !done_) {
      channel_.follow();
      return;
    }
    std::vector<tcp::endpoint> all;
    for (const auto& [owner, port, found] : targets_) {
      for (auto where : found) {
        where.port(port);
        if (std::ranges::find(all, where) == all.end() && all.size() < resolver_endpoints_max) {
          all.push_back(where);
        }
      }
    }
    const auto done = std::exchange(done_, nullptr);
    if (!all.empty()) {
      done(std::move(all));
    } else {
      done(std::unexpected(fmt::format(
          "{}: {}", asked_,
          failures_.empty() ? "no address" : fmt::format("{}", fmt::join(failures_, "; ")))));
    }
  }

  std::string asked_;
  std::function<void(resolver::result)> done_;
  std::vector<target> targets_;
  std::set<std::string> failures_;
  std::size_t awaited_ = 0;
  channel channel_; // after what its end calls back into
  deadline_timer deadline_;
};

std::string to_csv(const std::vector<std::string>& servers) {
  std::vector<std::string> out;
  for (const auto& server : servers) {
    const auto parsed = parse_address_endpoint(server, dns_port);
    if (!parsed) {
      throw std::runtime_error("resolver " + parsed.error());
    }
    out.push_back(to_text(*parsed));
  }
  return fmt::format("{}", fmt::join(out, ","));
}

} // namespace

/// Look-ups are kept by number; each is destroyed from the loop, after its channel has returned.
class resolver::impl {
 public:
  impl(asio::io_context& io, std::string servers)
      : io_(io)
      , servers_(std::move(servers)) {}

  static void answer(const std::shared_ptr<impl>& self, resolver::result what, handler done) {
    asio::post(self->io_,
               [weak = std::weak_ptr(self), what = std::move(what), done = std::move(done)] {
                 if (!weak.expired()) {
                   done(what);
                 }
               });
  }

  /// A new look-up whose end is posted, or nothing when there are too many.
  static lookup* begin(const std::shared_ptr<impl>& self, const std::string& asked, handler done) {
    if (self->lookups_.size() >= resolver_lookups_max) {
      answer(self, std::unexpected(asked + ": too many look-ups under way"), std::move(done));
      return nullptr;
    }
    const auto number = self->next_++;
    auto finish = [weak = std::weak_ptr(self), number, done = std::move(done)](result what) {
      if (const auto alive = weak.lock()) {
        asio::post(alive->io_, [weak, number, done, what = std::move(what)] {
          if (const auto still = weak.lock()) {
            still->lookups_.erase(number);
            done(what);
          }
        });
      }
    };
    auto entry = std::make_unique<lookup>(self->io_, self->servers_, asked, std::move(finish));
    return self->lookups_.emplace(number, std::move(entry)).first->second.get();
  }

 private:
  asio::io_context& io_;
  std::string servers_;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, std::unique_ptr<lookup>> lookups_;
};

resolver::resolver(asio::io_context& io, const std::vector<std::string>& servers)
    : impl_(std::make_shared<impl>(io, to_csv(servers))) {}
resolver::~resolver() = default;

void resolver::find(endpoint where, handler done) {
  if (const auto address = where.address()) {
    impl::answer(impl_, std::vector{tcp::endpoint(to_asio(*address), where.port)}, std::move(done));
    return;
  }
  if (auto* started = impl::begin(impl_, where.host, std::move(done))) {
    started->find_addresses(where);
  }
}

void resolver::find_event_servers(std::string domain, handler done) {
  const auto name = "_eventserver._tcp." + domain;
  if (auto* started = impl::begin(impl_, "SRV " + name, std::move(done))) {
    started->find_service(name);
  }
}

} // namespace thor::runtime
