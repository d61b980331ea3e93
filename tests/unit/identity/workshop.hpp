// What the certificate tests make: a workbench, CAs, nodes, the files of a program, and a
// TLS handshake in memory.
#pragma once

#include "coordinator/identity/x509/certificate.hpp"
#include "coordinator/identity/x509/credentials.hpp"
#include "coordinator/identity/x509/issuing.hpp"
#include "coordinator/identity/x509/pem.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace thor::identity::x509 {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;

/// OpenSSL judges a handshake by the machine's clock, so what takes part in one is valid around it.
inline model::unix_time now() {
  static const auto started =
      std::chrono::floor<seconds>(std::chrono::system_clock::now()); // one moment for a whole test
  return started;
}

inline period around_now() {
  return {now() - hours(1), now() + days(30)};
}

/// A temporary directory to work in.
class workbench : public support::temporary_directory {
 public:
  std::filesystem::path operator/(std::string_view name) const { return path() / name; }

  /// Replaces the file in one step, as a careful operator does.
  std::filesystem::path write(std::string_view name, std::string_view content,
                              unsigned mode = 0600) const {
    const auto file = path() / name;
    const auto fresh = path() / "fresh";
    std::ofstream(fresh, std::ios::binary) << content;
    std::filesystem::permissions(fresh, std::filesystem::perms(mode));
    std::filesystem::rename(fresh, file);
    return file;
  }

  /// Runs a shell script in the directory and returns what it said; the test fails when it fails.
  std::string run(const std::string& script) const {
    write("script", script);
    const std::string command =
        "cd '" + path().string() + "' && bash -eu script >said 2>&1 </dev/null";
    const int code = std::system(command.c_str());
    std::ostringstream said;
    said << std::ifstream(path() / "said").rdbuf();
    EXPECT_EQ(code, 0) << script << said.str();
    return said.str();
  }
};

/// A certificate and its key.
struct holder {
  certificate_ptr certificate;
  key_ptr key;
};

inline authority make_ca(std::string_view domain = "sip.example", period valid = around_now(),
                         key_type type = key_type::p256) {
  return *authority::create(domain, type, valid);
}

inline holder make_node(const authority& ca, std::string_view id = "gw1",
                        std::set<std::string> roles = {"sip_proxy"}, period valid = around_now(),
                        key_type type = key_type::p256) {
  key_ptr key = make_key(type);
  certificate_ptr certificate =
      *ca.issue({std::string(id), std::move(roles), {}, valid}, key.get());
  return {std::move(certificate), std::move(key)};
}

inline std::string serial_of(const holder& node) {
  return serial_text(X509_get0_serialNumber(node.certificate.get()));
}

inline std::string pem_of(const std::vector<const authority*>& cas) {
  std::string text;
  for (const authority* ca : cas)
    text += to_pem(ca->certificate());
  return text;
}

/// The files of a program: <name>.crt, .key, .ca and, when there are lists, .crl.
inline files install(const workbench& at, const std::string& name, const holder& node,
                     const std::vector<const authority*>& cas, const std::string& lists = {}) {
  files f{.certificate = at.write(name + ".crt", to_pem(node.certificate.get())),
          .key = at.write(name + ".key", to_pem(node.key.get())),
          .ca = at.write(name + ".ca", pem_of(cas)),
          .crl = at / (name + ".crl")};
  if (!lists.empty())
    at.write(name + ".crl", lists);
  return f;
}

/// Loads, or fails the test with the reason.
inline credentials load(const files& from) {
  auto loaded = credentials::load(from);
  if (!loaded)
    throw std::runtime_error(loaded.error().detail);
  return *std::move(loaded);
}

inline error load_error(const files& from) {
  const auto loaded = credentials::load(from);
  EXPECT_FALSE(loaded);
  return loaded ? error{} : loaded.error();
}

/// Two ends of a connection in memory.
class connection {
 public:
  connection(SSL_CTX* client, SSL_CTX* server)
      : client_(SSL_new(client))
      , server_(SSL_new(server)) {
    BIO* client_end = nullptr;
    BIO* server_end = nullptr;
    BIO_new_bio_pair(&client_end, 0, &server_end, 0);
    SSL_set_bio(client_.get(), client_end, client_end);
    SSL_set_bio(server_.get(), server_end, server_end);
    SSL_set_connect_state(client_.get());
    SSL_set_accept_state(server_.get());
    established_ = shake_hands();
  }

  [[nodiscard]] bool established() const { return established_; }
  [[nodiscard]] SSL* client() const { return client_.get(); }
  [[nodiscard]] SSL* server() const { return server_.get(); }

 private:
  // Flights alternate: a side that waits for the other goes on when the other has had its turn.
  bool shake_hands() {
    constexpr int turns_max = 10;
    for (int turn = 0; turn < turns_max; ++turn) {
      const bool client_done = advance(client_.get());
      const bool server_done = advance(server_.get());
      if (failed_)
        return false;
      if (client_done && server_done)
        return true;
    }
    return false;
  }

  bool advance(SSL* side) {
    ERR_clear_error();
    const int result = SSL_do_handshake(side);
    if (result == 1)
      return true;
    const int why = SSL_get_error(side, result);
    failed_ = failed_ || (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE);
    return false;
  }

  struct ends {
    void operator()(SSL* side) const { SSL_free(side); }
  };
  std::unique_ptr<SSL, ends> client_;
  std::unique_ptr<SSL, ends> server_;
  bool failed_ = false;
  bool established_ = false;
};

} // namespace thor::identity::x509
