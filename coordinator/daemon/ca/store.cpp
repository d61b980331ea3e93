#include "coordinator/daemon/ca/store.hpp"

#include "coordinator/identity/x509/certificate.hpp"
#include "coordinator/identity/x509/pem.hpp"
#include "coordinator/runtime/atomic_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <tuple>
#include <utility>

namespace thor::ca {

namespace {

namespace fs = std::filesystem;

constexpr mode_t public_mode = 0644;
constexpr mode_t private_mode = 0600;
constexpr mode_t directory_mode = 0700;

std::unexpected<std::string> failed(std::string_view step, const fs::path& path) {
  const std::error_code reason(errno, std::generic_category());
  return std::unexpected("cannot " + std::string(step) + " " + path.string() + ": " +
                         reason.message());
}

result<void> make_directory(const fs::path& directory) {
  std::error_code failure;
  if (directory.has_parent_path() && !fs::create_directories(directory.parent_path(), failure) &&
      failure)
    return std::unexpected("cannot create " + directory.parent_path().string() + ": " +
                           failure.message());
  if (::mkdir(directory.c_str(), directory_mode) != 0 && errno != EEXIST)
    return failed("create", directory);
  return {};
}

result<void> check_empty(const fs::path& directory) {
  std::error_code ignored;
  if (fs::exists(directory / "ca.crt", ignored))
    return std::unexpected(directory.string() +
                           " holds a CA already; choose another directory with --dir");
  if (fs::exists(directory / "ca.key", ignored))
    return std::unexpected(directory.string() +
                           " holds ca.key without ca.crt, as an interrupted init leaves it; remove "
                           "the directory and run init again");
  return {};
}

} // namespace

result<void> write_private_file(const fs::path& file, std::string_view content) {
  const int fd =
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, private_mode);
  if (fd < 0 && errno == EEXIST)
    return std::unexpected(file.string() +
                           " exists already and a private key is never overwritten; move it away, "
                           "or write elsewhere with --out");
  if (fd < 0)
    return failed("create", file);
  const bool written =
      std::cmp_equal(::write(fd, content.data(), content.size()), content.size()) &&
      ::fsync(fd) == 0;
  if (::close(fd) != 0 || !written)
    return failed("write", file);
  return {};
}

store::lock_file::lock_file(lock_file&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

store::lock_file::~lock_file() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

result<store::lock_file> store::lock(const fs::path& directory) {
  const fs::path file = directory / "lock";
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, private_mode);
  if (fd < 0)
    return failed("open", file);
  lock_file held(fd);
  while (::flock(fd, LOCK_EX) != 0)
    if (errno != EINTR)
      return failed("lock", file);
  return held;
}

store::store(fs::path directory, lock_file held, x509::authority ca, x509::crl_ptr list)
    : directory_(std::move(directory))
    , held_(std::move(held))
    , ca_(std::move(ca))
    , list_(std::move(list)) {}

fs::path store::ca_file() const {
  return directory_ / "ca.crt";
}
fs::path store::list_file() const {
  return directory_ / "crl.pem";
}

result<store> store::create(const fs::path& directory, std::string_view domain, x509::key_type type,
                            x509::period valid, model::unix_time list_until) {
  if (auto made = make_directory(directory); !made)
    return std::unexpected(made.error());
  auto held = lock(directory);
  if (!held)
    return std::unexpected(held.error());
  if (auto empty = check_empty(directory); !empty)
    return std::unexpected(empty.error());
  if (auto made = make_directory(directory / "issued"); !made)
    return std::unexpected(made.error());

  auto ca = x509::authority::create(domain, type, valid);
  if (!ca)
    return std::unexpected(ca.error().detail);
  store made(directory, *std::move(held), *std::move(ca), nullptr);
  made.list_ = made.ca_.first_list({valid.from, list_until});
  // ca.crt comes last: with it the directory is a CA.
  if (auto written = write_private_file(directory / "ca.key", x509::to_pem(made.ca_.key()));
      !written)
    return std::unexpected(written.error());
  if (auto written =
          runtime::write_file_atomically(made.list_file(), x509::to_pem(made.list()), public_mode);
      !written)
    return std::unexpected(written.error());
  if (auto written = runtime::write_file_atomically(
          made.ca_file(), x509::to_pem(made.ca_.certificate()), public_mode);
      !written)
    return std::unexpected(written.error());
  return made;
}

result<store> store::open(const fs::path& directory) {
  std::error_code unreachable;
  if (!fs::exists(directory / "ca.crt", unreachable))
    return std::unexpected(
        directory.string() +
        (unreachable ? " cannot be read: " + unreachable.message()
                     : " holds no CA; make one with `thor-ca init --domain DOMAIN`, or say where "
                       "it is with --dir"));
  auto held = lock(directory);
  if (!held)
    return std::unexpected(held.error());
  auto certificates = x509::read_certificates(directory / "ca.crt");
  if (!certificates)
    return std::unexpected(certificates.error().detail);
  auto key = x509::read_key(directory / "ca.key");
  if (!key)
    return std::unexpected(key.error().detail);
  auto ca = x509::authority::open(std::move(certificates->front()), *std::move(key));
  if (!ca)
    return std::unexpected((directory / "ca.crt").string() + ": " + ca.error().detail);
  auto lists = x509::read_crls(directory / "crl.pem");
  if (!lists)
    return std::unexpected(lists.error().detail +
                           "; it is the record of what was revoked: restore it from a copy (every "
                           "node has one as ca.crl)");
  if (!x509::is_complete_list_of(ca->certificate(), lists->front().get()))
    return std::unexpected((directory / "crl.pem").string() + ": is not signed by this CA");
  return store(directory, *std::move(held), *std::move(ca), std::move(lists->front()));
}

result<std::vector<issued_certificate>> store::issued() const {
  std::vector<issued_certificate> found;
  std::error_code failure;
  for (fs::directory_iterator at(directory_ / "issued", failure), end; !failure && at != end;
       at.increment(failure)) {
    if (at->path().extension() != ".crt")
      continue;
    auto certificates = x509::read_certificates(at->path());
    if (!certificates)
      return std::unexpected(certificates.error().detail);
    x509::certificate_ptr& certificate = certificates->front();
    auto who = x509::read_certificate(certificate.get());
    if (!who)
      return std::unexpected(at->path().string() + ": " + who.error().detail);
    auto revoked = x509::find_revocation(list_.get(), who->serial);
    const auto not_before = x509::not_before_of(certificate.get());
    found.push_back({*std::move(who), not_before, revoked, std::move(certificate)});
  }
  if (failure)
    return std::unexpected("cannot read " + (directory_ / "issued").string() + ": " +
                           failure.message());
  std::ranges::sort(found, {}, [](const issued_certificate& c) {
    return std::tie(c.who.id, c.not_before, c.who.serial);
  });
  return found;
}

result<void> store::record(X509* certificate, const std::string& serial) {
  return runtime::write_file_atomically(directory_ / "issued" / (serial + ".crt"),
                                        x509::to_pem(certificate), public_mode);
}

result<void> store::revoke(const std::vector<std::string>& serials, x509::revocation_reason reason,
                           x509::period valid) {
  x509::crl_ptr next = ca_.next_list(list_.get(), serials, reason, valid);
  if (auto written =
          runtime::write_file_atomically(list_file(), x509::to_pem(next.get()), public_mode);
      !written)
    return written;
  list_ = std::move(next);
  return {};
}

} // namespace thor::ca
