#!/usr/bin/python3
"""check.py finds what it is there for: each violation planted into a small tree is reported, and nothing else."""

import pathlib
import tempfile
import unittest

import check

HEADER = "// A thing. Promises nothing.\n#pragma once\n\n"


class Planted(unittest.TestCase):
    def found(self, name, text):
        """What the checker says about a tree that is in order but for the file `name`."""
        with tempfile.TemporaryDirectory() as root:
            for path, content in {
                    "zone/model/name.hpp": HEADER,
                    "backend/answer/answer.hpp": HEADER + '#include "zone/model/name.hpp"\n',
                    "coordinator/model/member.hpp": HEADER + "#include <vector>\n",
                    "coordinator/runtime/loop.hpp": HEADER + "#include <boost/asio/io_context.hpp>\n",
                    name: text}.items():
                target = pathlib.Path(root) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text if path == name else content)
            return check.House(root).check()

    def expect(self, name, text, *lines):
        """Exactly these lines of the file are reported."""
        said = self.found(name, text)
        self.assertEqual([f"{name}:{line}" for line in lines], [v.rsplit(":", 1)[0].split(": ")[0] for v in said], said)

    def test_a_tree_in_order_is_silent(self):
        self.expect("zone/build/build.cpp",
                    '#include "zone/model/name.hpp"\n#include <map>\n'
                    '// std::chrono::steady_clock::now() is not asked here, nor "time(".\n'
                    'const char* text = "::now()"; auto lead_time(int) -> int; int x = lead_time(1\'000);\n')

    def test_folders_include_only_what_they_may(self):
        self.expect("zone/build/build.cpp", '#include "coordinator/model/member.hpp"\n', 1)
        self.expect("zone/model/name.cpp", '\n#include "backend/answer/answer.hpp"\n', 2)
        self.expect("backend/serve/http.cpp", '#include "coordinator/model/member.hpp"\n', 1)
        self.expect("coordinator/dns/plan.cpp", '#include "backend/answer/answer.hpp"\n', 1)
        self.expect("coordinator/broker/broker.cpp", '#  include "coordinator/runtime/loop.hpp"\n', 1)

    def test_the_composition_root_may_include_everything_but_no_library_it_need_not_know(self):
        self.expect("coordinator/daemon/dns/main.cpp",
                    '#include "backend/answer/answer.hpp"\n#include "coordinator/runtime/loop.hpp"\n'
                    "#include <CLI/CLI.hpp>\n")
        self.expect("coordinator/daemon/dns/main.cpp", "#include <ldns/ldns.h>\n#include <sqlite3.h>\n", 1, 2)

    def test_libraries_stay_in_their_folders(self):
        self.expect("zone/model/name.cpp", "#include <ldns/ldns.h>\n", 1)
        self.expect("coordinator/dns/plan.cpp", "#include <SQLiteCpp/Database.h>\n", 1)
        self.expect("schema/store/store.cpp", "#include <boost/asio.hpp>\n", 1)
        self.expect("coordinator/runtime/loop.cpp", "#include <CLI/CLI.hpp>\n", 1)
        self.expect("coordinator/wire/codec.cpp", "#include <boost/beast/core.hpp>\n#include <openssl/evp.h>\n", 1, 2)
        self.expect("coordinator/runtime/loop.cpp", "#include <curl/curl.h>\n", 1)

    def test_pure_code_asks_nobody(self):
        for line in ("auto t = std::chrono::steady_clock::now();", "auto t = std::time(nullptr);", "auto t = time(0);",
                     "clock_gettime(CLOCK_REALTIME, &t);", "std::random_device seed;", "int dice = rand();",
                     "std::this_thread::sleep_for(ms);", 'auto home = getenv("HOME");', "std::atomic<int> n;",
                     "std::mutex m;", "thread_local int n;", "int s = ::socket(AF_INET, SOCK_DGRAM, 0);"):
            with self.subTest(line):
                self.assertTrue(self.found("coordinator/membership/machine.cpp", f"\n{line}\n"))
        self.expect("coordinator/agent/agent.cpp", "#include <thread>\n#include <mutex>\n#include <unistd.h>\n", 1, 2, 3)

    def test_the_edge_may_ask(self):
        self.expect("coordinator/runtime/clock.cpp",
                    "#include <thread>\nauto t = std::chrono::steady_clock::now();\nstd::mutex m;\n")

    def test_code_lives_in_known_folders(self):
        self.expect("coordinator/gossip/gossip.cpp", "int n;\n", 1)
        self.expect("src/main.cpp", "int n;\n", 1)

    def test_headers_introduce_themselves_once(self):
        self.expect("zone/model/record.hpp", "#pragma once\n", 1, 1)
        self.expect("zone/model/record.hpp", "// A record.\n", 1)

    def test_includes_start_at_the_root(self):
        self.expect("tests/unit/zone/name_test.cpp", '#include "name.hpp"\n', 1)

    def test_timeless_tests_do_not_sleep(self):
        sleep = "void f() {\n  std::this_thread::sleep_for(1s);\n}\n"
        self.expect("tests/unit/agent/agent_test.cpp", sleep, 2)
        self.expect("tests/scenario/agent/agent_test.cpp", sleep, 2)
        self.expect("tests/bench/bench_agent.cpp", sleep)

    def test_nothing_is_left_open(self):
        self.expect("zone/README.md", "All done.\nTO" "DO: the rest\n", 2)
        self.expect("tests/unit/zone/name_test.cpp", "TEST(name, DIS" "ABLED_parse) {}\n", 1)

    def test_both_tables_of_pure_folders_agree(self):
        pure = [f for f, rules in check.House(check.HERE.parent.parent).table["folders"].items() if rules.get("pure")]
        cmake = "thor_library(all PURE DIRS {} LINKS)\n"
        self.assertEqual([], self.found("CMakeLists.txt", cmake.format(" ".join(pure))))
        self.assertEqual(1, len(self.found("CMakeLists.txt", cmake.format(" ".join(pure[1:])))))
        self.assertEqual(1, len(self.found("CMakeLists.txt", cmake.format(" ".join([*pure, "schema/store"])))))


if __name__ == "__main__":
    unittest.main()
