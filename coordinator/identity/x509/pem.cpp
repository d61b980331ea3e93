#include "coordinator/identity/x509/pem.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace thor::identity::x509 {

namespace {

// Room for a list of 100,000 revoked certificates.
constexpr off_t file_octets_max = off_t{16} * 1024 * 1024;
// The group may read, nobody else may do anything.
constexpr mode_t unsafe_key_modes = 0037;

std::unexpected<error> refuse(errc code, const std::filesystem::path& file, std::string why) {
  ERR_clear_error();
  return std::unexpected(error{code, file.string() + ": " + std::move(why)});
}

std::string permissions(mode_t mode) {
  std::string octal = "0000";
  for (std::size_t digit = 0; digit < octal.size(); ++digit)
    octal[3 - digit] = static_cast<char>('0' + ((mode >> (3 * digit)) & 7U));
  return octal;
}

// Permissions are checked on the open file, so that nothing can come between check and use.
std::expected<bio_ptr, error> open_file(const std::filesystem::path& file, mode_t unsafe_modes) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return refuse(errc::unreadable, file, std::strerror(errno));
  bio_ptr opened(BIO_new_fd(fd, BIO_CLOSE));
  ensure(opened != nullptr, "opening a file");
  struct stat about{};
  if (::fstat(fd, &about) != 0)
    return refuse(errc::unreadable, file, std::strerror(errno));
  if (!S_ISREG(about.st_mode))
    return refuse(errc::unreadable, file, "is not a regular file");
  if (about.st_size > file_octets_max)
    return refuse(errc::unreadable, file, "is longer than 16 MiB");
  if ((about.st_mode & unsafe_modes) != 0)
    return refuse(errc::unsafe_permissions, file,
                  "has mode " + permissions(about.st_mode) +
                      ", so that others can get at the private key; make it 0600, or 0640 with the "
                      "group of the user thor");
  return opened;
}

// Reads blocks of one kind until there are no more. `read` returns nullptr at the end and on
// errors.
template <class Handle>
std::expected<std::vector<Handle>, error> read_all(const std::filesystem::path& file,
                                                   std::string_view kind, auto read) {
  auto opened = open_file(file, 0);
  if (!opened)
    return std::unexpected(opened.error());
  ERR_clear_error();
  std::vector<Handle> found;
  while (Handle next{read(opened->get(), nullptr, nullptr, nullptr)})
    found.push_back(std::move(next));
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
    return refuse(errc::bad_certificate, file, "is damaged: " + openssl_reason());
  if (found.empty())
    return refuse(errc::bad_certificate, file, "holds no " + std::string(kind) + " in PEM form");
  ERR_clear_error();
  return found;
}

template <class Write>
std::string written(Write write) {
  const bio_ptr out(BIO_new(BIO_s_mem()));
  ensure(out != nullptr && write(out.get()) == 1, "writing PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

} // namespace

std::expected<std::vector<certificate_ptr>, error>
read_certificates(const std::filesystem::path& file) {
  return read_all<certificate_ptr>(file, "certificate", PEM_read_bio_X509);
}

std::expected<std::vector<crl_ptr>, error> read_crls(const std::filesystem::path& file) {
  return read_all<crl_ptr>(file, "revocation list", PEM_read_bio_X509_CRL);
}

std::expected<key_ptr, error> read_key(const std::filesystem::path& file) {
  const auto opened = open_file(file, unsafe_key_modes);
  if (!opened)
    return std::unexpected(opened.error());
  ERR_clear_error();
  // Without a callback OpenSSL would ask for the passphrase on the terminal.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  key_ptr key(PEM_read_bio_PrivateKey(opened->get(), nullptr, no_passphrase, nullptr));
  if (key != nullptr)
    return key;
  if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_BAD_PASSWORD_READ)
    return refuse(errc::bad_certificate, file,
                  "is encrypted, but the programs start unattended; store the key unencrypted with "
                  "mode 0600");
  return refuse(errc::bad_certificate, file,
                "holds no private key in PEM form: " + openssl_reason());
}

std::string to_pem(X509* certificate) {
  return written([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

std::string to_pem(X509_CRL* list) {
  return written([&](BIO* out) { return PEM_write_bio_X509_CRL(out, list); });
}

std::string to_pem(EVP_PKEY* key) {
  return written([&](BIO* out) {
    return PEM_write_bio_PKCS8PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

} // namespace thor::identity::x509
