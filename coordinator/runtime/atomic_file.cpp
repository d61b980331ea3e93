#include "coordinator/runtime/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace thor::runtime {
namespace {

class descriptor {
 public:
  descriptor(const std::filesystem::path& path, int flags, mode_t mode = 0)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool ok() const { return fd_ >= 0; }
  /// Some file systems tell about a failed write only here.
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

std::unexpected<std::string> failed(std::string_view step, const std::filesystem::path& path) {
  const std::error_code reason(errno, std::generic_category());
  return std::unexpected("cannot " + std::string(step) + " " + path.string() + ": " +
                         reason.message());
}

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const auto written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno != EINTR) {
      return false;
    }
    if (written > 0) {
      content.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  return true;
}

} // namespace

std::expected<void, std::string> write_file_atomically(const std::filesystem::path& path,
                                                       std::string_view content, mode_t mode) {
  // One fixed name: what a crash leaves behind is overwritten by the next write.
  const std::filesystem::path temporary = path.string() + ".new";
  descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
  if (!file.ok()) {
    return failed("create", temporary);
  }
  if (::fchmod(file.get(), mode) != 0) {
    return failed("set the mode of", temporary);
  }
  if (!write_all(file.get(), content) || ::fsync(file.get()) != 0 || !file.close()) {
    return failed("write", temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return failed("replace", path);
  }
  const auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const descriptor directory(parent, O_RDONLY | O_DIRECTORY);
  if (!directory.ok() || ::fsync(directory.get()) != 0) {
    return failed("sync", parent);
  }
  return {};
}

std::expected<std::string, std::string> read_file(const std::filesystem::path& path,
                                                  std::size_t octets_max) {
  const descriptor file(path, O_RDONLY);
  if (!file.ok()) {
    return failed("read", path);
  }
  std::string content;
  std::array<char, 16384> block{};
  while (true) {
    const auto got = ::read(file.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return failed("read", path);
    }
    if (got == 0) {
      return content;
    }
    content.append(block.data(), static_cast<std::size_t>(got));
    if (content.size() > octets_max) {
      return std::unexpected(path.string() + " is larger than " + std::to_string(octets_max) +
                             " octets");
    }
  }
}

} // namespace thor::runtime
