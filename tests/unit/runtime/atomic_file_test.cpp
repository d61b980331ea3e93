#include "coordinator/runtime/atomic_file.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>

#include <sys/stat.h>

namespace thor::runtime {
namespace {

using testing::HasSubstr;

mode_t mode_of(const std::filesystem::path& path) {
  struct stat found{};
  EXPECT_EQ(::stat(path.c_str(), &found), 0);
  return found.st_mode & 0777U;
}

TEST(AtomicFile, WritesAndReplacesWithTheGivenMode) {
  const support::temporary_directory directory;
  const auto path = directory.path() / "state";
  ASSERT_TRUE(write_file_atomically(path, "first\n", 0600));
  EXPECT_EQ(mode_of(path), 0600U);
  ASSERT_TRUE(write_file_atomically(path, "second\n", 0640));
  EXPECT_EQ(mode_of(path), 0640U);
  EXPECT_EQ(read_file(path, 100), "second\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1)
      << "no temporary file is left";
}

TEST(AtomicFile, WhatACrashLeftBehindIsInNobodysWay) {
  const support::temporary_directory directory;
  const auto path = directory.path() / "state";
  ASSERT_TRUE(write_file_atomically(path.string() + ".new", "half a wri", 0600));
  ASSERT_TRUE(write_file_atomically(path, "whole\n", 0600));
  EXPECT_EQ(read_file(path, 100), "whole\n");
}

TEST(AtomicFile, AFailureNamesPathAndReasonAndKeepsTheOldFile) {
  const auto nowhere = write_file_atomically("/nonexistent/state", "x");
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_THAT(nowhere.error(), HasSubstr("/nonexistent/state.new: No such file or directory"));

  const support::temporary_directory directory;
  const auto path = directory.path() / "state";
  ASSERT_TRUE(write_file_atomically(path, "old\n"));
  std::filesystem::create_directory(path.string() + ".new");
  EXPECT_FALSE(write_file_atomically(path, "new\n"));
  EXPECT_EQ(read_file(path, 100), "old\n");
}

TEST(ReadFile, IsBounded) {
  const support::temporary_directory directory;
  const auto path = directory.path() / "state";
  ASSERT_TRUE(write_file_atomically(path, std::string(100, 'x')));
  EXPECT_TRUE(read_file(path, 100));
  EXPECT_FALSE(read_file(path, 99));
  EXPECT_FALSE(read_file(directory.path() / "missing", 99));
}

} // namespace
} // namespace thor::runtime
