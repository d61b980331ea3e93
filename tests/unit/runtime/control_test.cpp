#include "coordinator/runtime/control.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include <sys/stat.h>

#include <future>
#include <thread>

namespace thor::runtime {
namespace {

namespace asio = boost::asio;
using local = asio::local::stream_protocol;
using testing::HasSubstr;

/// A server on a thread of its own, because ask() blocks.
class ControlSocket : public testing::Test {
 protected:
  void SetUp() override {
    server_.emplace(io_, path_);
    server_->on("echo", [](const std::vector<std::string>& words) {
      boost::json::object out;
      for (const auto& word : words) {
        out[word] = true;
      }
      return out;
    });
    server_->on("fail", [](const auto&) -> std::expected<boost::json::object, std::string> {
      return std::unexpected("not today");
    });
    server_->on("large", [](const auto&) {
      return boost::json::object{{"text", std::string(8U << 20, 'x')}};
    });
    thread_ = std::thread([this] { io_.run(); });
  }
  void TearDown() override {
    io_.stop();
    thread_.join();
  }

  /// Sends octets as they are and reads to the end.
  std::string exchange(const std::string& octets) {
    asio::io_context io;
    local::socket peer(io);
    peer.connect(local::endpoint(path_.string()));
    asio::write(peer, asio::buffer(octets));
    std::string answer;
    boost::system::error_code end;
    asio::read(peer, asio::dynamic_buffer(answer), end);
    return answer;
  }

  support::temporary_directory directory_;
  std::filesystem::path path_ = directory_.path() / "x.sock";
  asio::io_context io_{1};
  std::optional<control_server> server_;
  std::thread thread_;
};

TEST_F(ControlSocket, AnswersACommandWithItsArguments) {
  const auto answer = ask(path_, "echo one  two");
  ASSERT_TRUE(answer.has_value()) << answer.error();
  EXPECT_EQ(boost::json::serialize(*answer), R"({"one":true,"two":true})");
}

TEST_F(ControlSocket, ARefusalIsASentence) {
  EXPECT_EQ(ask(path_, "fail").error(), "not today");
  EXPECT_THAT(ask(path_, "bogus 1").error(),
              HasSubstr("unknown command \"bogus 1\"; there are: echo, fail, large"));
  EXPECT_THAT(ask(path_, "").error(), HasSubstr("unknown command"));
}

TEST_F(ControlSocket, AnswersOneLineAndCloses) {
  EXPECT_EQ(exchange("echo a\necho b\n"), "{\"a\":true}\n");
}

TEST_F(ControlSocket, ALineThatIsTooLongIsRefused) {
  EXPECT_THAT(exchange(std::string(control_line_octets_max + 1, 'x')), HasSubstr("too long"));
  EXPECT_TRUE(ask(path_, "echo a").has_value());
}

TEST_F(ControlSocket, LongAnswersArriveWhole) {
  EXPECT_EQ(ask(path_, "large")->at("text").as_string().size(), 8U << 20);
}

TEST_F(ControlSocket, OnlyOwnerAndGroupMayEnter) {
  struct stat found{};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0660U);
}

TEST_F(ControlSocket, ALiveOneIsNotTakenOver) {
  asio::io_context other;
  try {
    control_server second(other, path_);
    FAIL() << "took over a socket that answers";
  } catch (const std::runtime_error& refusal) {
    EXPECT_THAT(refusal.what(), HasSubstr("another process answers there"));
  }
  EXPECT_TRUE(ask(path_, "echo a").has_value()) << "and the first one is unharmed";
}

TEST_F(ControlSocket, MoreConnectionsThanAllowedAreTurnedAway) {
  asio::io_context io;
  std::vector<local::socket> silent;
  for (std::size_t i = 0; i < control_connections_max; ++i) {
    silent.emplace_back(io).connect(local::endpoint(path_.string()));
  }
  EXPECT_FALSE(ask(path_, "echo a").has_value());
  silent.clear();
  // The server notices the closes in its own time.
  while (!ask(path_, "echo a")) {
    std::this_thread::yield();
  }
}

TEST(ControlSocketFile, ALeftoverIsReplacedAndTheSocketRemovedInTheEnd) {
  const support::temporary_directory directory;
  const auto path = directory.path() / "x.sock";
  asio::io_context io;
  { // as a killed process leaves it: bound, nobody there
    const local::acceptor dead(io, local::endpoint(path.string()));
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  {
    const control_server server(io, path);
    EXPECT_TRUE(std::filesystem::is_socket(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ControlSocketFile, SomethingElseIsLeftAlone) {
  const support::temporary_directory directory;
  const auto path = directory.path() / "x.sock";
  std::filesystem::create_directory(path);
  asio::io_context io;
  EXPECT_THROW(control_server(io, path), std::runtime_error);
  EXPECT_TRUE(std::filesystem::is_directory(path));
}

TEST(ControlSocketFile, APathThatIsTooLongSaysSo) {
  asio::io_context io;
  EXPECT_THROW(control_server(io, "/tmp/" + std::string(200, 'x')), std::runtime_error);
}

TEST(ControlAsk, WithoutADaemonSaysWhatToDo) {
  EXPECT_THAT(ask("/nonexistent/x.sock", "status").error(), HasSubstr("is the daemon running?"));
}

} // namespace
} // namespace thor::runtime
