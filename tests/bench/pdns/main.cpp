// The yardstick of `contrib/dev bench pdns`: a responder that does as little as a responder can. It
// knows all its answers beforehand, octet by octet, looks for nothing in a request but the method
// and the name, and has a blocking thread for each connection of PowerDNS.
//
//     bench_pdns ANSWERS UNIX-PATH
//
// Each line of the file ANSWERS is `<method> <name> <reply>`, parted by tabs; a method whose answer
// does not depend on a name has the name "". A lookup of another name gets an empty list, another
// method false. Prints the port at 127.0.0.1 where it speaks HTTP (post_json), serves PowerDNS's
// Unix connector at UNIX-PATH, and ends with its input.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

namespace {

constexpr std::size_t request_octets_max = 65536;
constexpr int backlog = 128;

/// One written-out reply for each connector.
struct reply {
  std::string http;
  std::string line;
};

reply reply_of(const std::string& json) {
  return {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
              std::to_string(json.size()) + "\r\n\r\n" + json,
          json + "\n"};
}

/// What stands between `before` and the next quotation mark, "" without it.
std::string_view quoted_after(std::string_view text, std::string_view before) {
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) {
    return {};
  }
  text.remove_prefix(at + before.size());
  return text.substr(0, text.find('"'));
}

class answers {
 public:
  explicit answers(const char* file) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
      const std::size_t method = line.find('\t');
      const std::size_t name = line.find('\t', method + 1);
      if (method == std::string::npos || name == std::string::npos) {
        throw std::runtime_error("no answer: " + line);
      }
      known_.emplace(line.substr(0, name), reply_of(line.substr(name + 1)));
    }
  }

  /// `key` is a buffer of the caller.
  const reply& find(std::string_view request, std::string& key) const {
    key.assign(quoted_after(request, "\"method\": \"")); // as PowerDNS writes it
    key += '\t';
    for (const std::string_view field : {"\"qname\": \"", "\"name\": \""}) {
      if (const auto name = quoted_after(request, field); !name.empty()) {
        key += name;
        break;
      }
    }
    for (char& c : key) {
      c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    const auto found = known_.find(key);
    if (found != known_.end()) {
      return found->second;
    }
    return key.starts_with("lookup\t") ? nothing_ : refused_;
  }

 private:
  std::unordered_map<std::string, reply> known_;
  reply nothing_ = reply_of(R"({"result":[]})");
  reply refused_ = reply_of(R"({"result":false})");
};

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (written <= 0) {
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// The length of the first whole request in `text`, 0 when it is not whole.
std::size_t http_length(std::string_view text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    return 0;
  }
  constexpr std::string_view field = "Content-Length: ";
  const std::string_view head = text.substr(0, end);
  std::size_t body = 0;
  if (const std::size_t at = head.find(field); at != std::string_view::npos) {
    std::from_chars(head.data() + at + field.size(), head.data() + head.size(), body);
  }
  const std::size_t whole = end + 4 + body;
  return whole <= text.size() ? whole : 0;
}

std::size_t line_length(std::string_view text) {
  return text.find('\n') + 1;
}

/// Answers one connection until it ends.
void serve(int fd, const answers& from, bool http) {
  std::string key;
  std::array<char, request_octets_max> buffer{};
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t got = ::recv(fd, buffer.data() + filled, buffer.size() - filled, 0);
    if (got <= 0) {
      break;
    }
    filled += static_cast<std::size_t>(got);
    std::string_view rest(buffer.data(), filled);
    while (const std::size_t length = http ? http_length(rest) : line_length(rest)) {
      const reply& chosen = from.find(rest.substr(0, length), key);
      if (!write_all(fd, http ? chosen.http : chosen.line)) {
        ::close(fd);
        return;
      }
      rest.remove_prefix(length);
    }
    std::memmove(buffer.data(), rest.data(), rest.size());
    filled = rest.size();
  }
  ::close(fd);
}

void accept_forever(int listener, const answers& from, bool http) {
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      continue;
    }
    if (http) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    std::thread(serve, fd, std::cref(from), http).detach();
  }
}

template <typename Address>
int listen_at(const Address& address) {
  const auto* const where = reinterpret_cast<const sockaddr*>(&address);
  const int fd = ::socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::bind(fd, where, sizeof address) != 0 || ::listen(fd, backlog) != 0) {
    throw std::runtime_error(std::string("cannot listen: ") + std::strerror(errno));
  }
  return fd;
}

int listen_for_http() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return listen_at(address);
}

int listen_for_unix(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw std::runtime_error("the path is too long");
  }
  std::ranges::copy(path, address.sun_path);
  return listen_at(address);
}

int port_of(int listener) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: bench_pdns ANSWERS UNIX-PATH\n";
    return 2;
  }
  try {
    const answers known(argv[1]);
    const int http = listen_for_http();
    const int local = listen_for_unix(argv[2]);
    std::thread(accept_forever, http, std::cref(known), true).detach();
    std::thread(accept_forever, local, std::cref(known), false).detach();
    std::cout << port_of(http) << std::endl;
    std::cin.ignore(std::numeric_limits<std::streamsize>::max());
    std::_Exit(0); // the threads still use what main owns
  } catch (const std::exception& wrong) {
    std::cerr << "bench_pdns: " << wrong.what() << '\n';
    return 1;
  }
}
