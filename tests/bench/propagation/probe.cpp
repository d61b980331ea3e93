#include "tests/bench/propagation/probe.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace thor::bench {
namespace {

using clock = std::chrono::steady_clock; // CLOCK_MONOTONIC, as Python's time.monotonic_ns()
using octets = std::span<const std::uint8_t>;

constexpr std::chrono::milliseconds interval{1};
constexpr std::size_t header_octets = 12;
constexpr std::uint16_t type_a = 1;
constexpr std::uint16_t type_srv = 33;
// Fields of the second word of the header (RFC 1035 section 4.1.1).
constexpr unsigned truncated = 0x0200;
constexpr unsigned rcode = 0x000F;

void put16(std::vector<std::uint8_t>& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8U));
  out.push_back(static_cast<std::uint8_t>(value));
}

/// A query for the records of `owner` with EDNS (RFC 6891) for 1232 octets; the id comes later.
std::vector<std::uint8_t> make_query(const std::string& owner, std::uint16_t type) {
  std::vector<std::uint8_t> out{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1};
  for (std::size_t begin = 0; begin < owner.size();) {
    const auto end = std::min(owner.find('.', begin), owner.size());
    out.push_back(static_cast<std::uint8_t>(end - begin));
    out.insert(out.end(), owner.begin() + static_cast<std::ptrdiff_t>(begin),
               owner.begin() + static_cast<std::ptrdiff_t>(end));
    begin = end + 1;
  }
  out.push_back(0);
  put16(out, type);
  put16(out, 1);
  out.insert(out.end(), {0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, 0, 0, 0, 0});
  return out;
}

class reader {
 public:
  explicit reader(octets message)
      : message_(message) {}

  std::uint8_t u8() {
    if (at_ >= message_.size()) {
      throw std::runtime_error("the answer ends too early");
    }
    return message_[at_++];
  }
  std::uint16_t u16() {
    const unsigned high = u8();
    return static_cast<std::uint16_t>(high << 8U | u8());
  }
  void skip(std::size_t count) { at_ += count; }
  [[nodiscard]] std::size_t position() const { return at_; }
  void seek(std::size_t at) { at_ = at; }

  std::string octets_of(std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back(static_cast<char>(u8()));
    }
    return out;
  }

  /// Skips a name where it stands and returns its first label (RFC 1035 section 4.1.4).
  std::string name() {
    std::optional<std::string> first;
    std::optional<std::size_t> resume;
    for (int hops = 0; hops < 128; ++hops) {
      const std::uint8_t length = u8();
      if (length >= 0xC0) {
        const std::size_t target = (length & 0x3FU) << 8U | u8();
        resume = resume.value_or(at_);
        at_ = target;
      } else if (length == 0) {
        at_ = resume.value_or(at_);
        return first.value_or("");
      } else {
        std::string label;
        for (std::uint8_t i = 0; i < length; ++i) {
          label.push_back(static_cast<char>(u8()));
        }
        first = first.value_or(label);
      }
    }
    throw std::runtime_error("a name of the answer does not end");
  }

 private:
  octets message_;
  std::size_t at_ = 0;
};

struct answer {
  std::uint16_t id = 0;
  bool usable = false; ///< NOERROR and whole
  /// Of the records in whatever order: what the watcher has seen before it need not look at.
  std::size_t digest = 0;
  std::vector<std::string> records;
};

answer read_answer(octets message) {
  reader in(message);
  answer out;
  out.id = in.u16();
  out.usable = (in.u16() & (truncated | rcode)) == 0;
  const unsigned questions = in.u16();
  const unsigned answers = in.u16();
  in.seek(header_octets);
  for (unsigned i = 0; i < questions; ++i) {
    in.name();
    in.skip(4);
  }
  for (unsigned i = 0; i < answers; ++i) {
    in.name();
    const std::uint16_t type = in.u16();
    in.skip(6);
    const std::size_t length = in.u16();
    const std::size_t end = in.position() + length;
    if (type == type_srv) {
      in.skip(6);
      out.records.push_back(in.name());
    } else if (type == type_a) {
      out.records.push_back(in.octets_of(length));
    }
    in.seek(end);
  }
  for (const auto& record : out.records) {
    out.digest += std::hash<std::string>()(record);
  }
  return out;
}

/// Follows every record's coming and going.
class watcher {
 public:
  explicit watcher(std::uint16_t type)
      : type_(type) {}

  void on_answer(clock::time_point sent, clock::time_point received, const answer& got) {
    ++answers_;
    if (got.digest == agreed_) {
      return;
    }
    const std::set<std::string> records(got.records.begin(), got.records.end());
    for (const auto& record : records) {
      sights_.try_emplace(record);
    }
    bool agrees = true;
    for (auto& [record, seen] : sights_) {
      if (seen.present != records.contains(record) && sent >= seen.changed) {
        seen.present = !seen.present;
        seen.changed = received;
        std::printf("%lld %c %s %llu\n",
                    static_cast<long long>(received.time_since_epoch().count()),
                    seen.present ? '+' : '-', text_of(record).c_str(), answers_ - seen.since);
        seen.since = answers_;
      }
      agrees &= seen.present == records.contains(record);
    }
    agreed_ = agrees ? std::optional(got.digest) : std::nullopt;
    std::fflush(stdout);
  }

 private:
  struct sight {
    bool present = false;
    clock::time_point changed = clock::time_point::min();
    unsigned long long since = 0; ///< answers until then
  };

  [[nodiscard]] std::string text_of(const std::string& record) const {
    if (type_ != type_a) {
      return record;
    }
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, record.data(), text.data(), text.size());
    return text.data();
  }

  const std::uint16_t type_;
  std::map<std::string, sight> sights_;
  unsigned long long answers_ = 0;
  std::optional<std::size_t> agreed_; ///< digest of the answer that shows what `sights_` say
};

class connection {
 public:
  connection(const std::string& server, std::uint16_t port)
      : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    if (::inet_pton(AF_INET, server.c_str(), &to.sin_addr) != 1 || fd_ < 0 ||
        ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      throw std::runtime_error("cannot reach " + server);
    }
  }
  ~connection() { ::close(fd_); }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

} // namespace

int probe(const std::string& server, std::uint16_t port, const std::string& owner,
          const std::string& type) {
  const connection to(server, port);
  auto query = make_query(owner, type == "A" ? type_a : type_srv);
  std::vector<clock::time_point> sent_at(1U << 16U);
  std::array<std::uint8_t, 65536> buffer{};
  watcher watch(type == "A" ? type_a : type_srv);
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;

  auto next = clock::now();
  std::array<pollfd, 2> waits{{{to.fd(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
  while (true) {
    const auto now = clock::now();
    if (now >= next) {
      const auto id = static_cast<std::uint16_t>(sent++);
      query[0] = static_cast<std::uint8_t>(id >> 8U);
      query[1] = static_cast<std::uint8_t>(id);
      sent_at[id] = now;
      // A refused datagram is an unanswered query.
      (void)::send(to.fd(), query.data(), query.size(), 0);
      // After a pause of the machine no backlog is sent at once.
      next = std::max(next + interval, now);
    }
    const auto wait = std::max(clock::duration::zero(), next - clock::now());
    const timespec timeout{0, wait.count()};
    if (::ppoll(waits.data(), waits.size(), &timeout, nullptr) > 0 && waits[1].revents != 0) {
      break;
    }
    ssize_t size = 0;
    while ((size = ::recv(to.fd(), buffer.data(), buffer.size(), 0)) > 0) {
      const auto received = clock::now();
      const auto got = read_answer(octets(buffer).first(static_cast<std::size_t>(size)));
      ++answered;
      if (got.usable) {
        watch.on_answer(sent_at[got.id], received, got);
      } else {
        ++failed;
      }
    }
  }
  std::printf("end %llu %llu %llu\n", static_cast<unsigned long long>(sent),
              static_cast<unsigned long long>(sent - answered),
              static_cast<unsigned long long>(failed));
  return 0;
}

} // namespace thor::bench
