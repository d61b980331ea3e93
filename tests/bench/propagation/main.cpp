// The two C++ halves of `contrib/dev bench propagation`; run.py plays the rounds with them.
#include "coordinator/runtime/log.hpp"
#include "tests/bench/propagation/members.hpp"
#include "tests/bench/propagation/probe.hpp"

#include <exception>
#include <iostream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  thor::runtime::start_log(thor::runtime::log_level::warn);
  try {
    if (words.size() == 5 && words[0] == "probe") {
      return thor::bench::probe(words[1], static_cast<std::uint16_t>(std::stoul(words[2])),
                                words[3], words[4]);
    }
    if (words.size() >= 4 && words[0] == "members") {
      return thor::bench::members({words.begin() + 3, words.end()}, words[1], words[2]);
    }
  } catch (const std::exception& wrong) {
    std::cerr << "bench_propagation: " << wrong.what() << '\n';
    return 1;
  }
  std::cerr << "usage: bench_propagation probe SERVER PORT OWNER SRV|A\n"
               "       bench_propagation members ROLE CERTIFICATES EVENT-SERVER...\n";
  return 2;
}
