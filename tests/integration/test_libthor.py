#!/usr/bin/python3
"""libthor as other software gets it: installed, found by CMake and by pkg-config, and the examples of contrib/examples built
against it, run in a real overlay."""

import json
import os
import re
import select
import shutil
import subprocess
import sys
import unittest

from overlay import PROGRAMS, SOURCE, Overlay, wait_until
from overlaytest import main

sys.path.insert(0, str(SOURCE / "contrib" / "python"))
from thor_lookup import Node, Ring  # noqa: E402

EXAMPLES = SOURCE / "contrib" / "examples"
NEW_ROLE_LINES_MAX = 60


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f"{words}:\n{done.stdout}{done.stderr}")
    return done.stdout


def build_setting(name):
    """What the build that is tested was configured with."""
    found = re.search(rf"^{name}:\w+=(.*)$", (PROGRAMS / "CMakeCache.txt").read_text(), re.M)
    return found.group(1) if found else ""


class Example:
    """A running example: its lines as they come."""

    def __init__(self, net, program, name):
        tls = net.home(name) / "tls"
        self.child = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", str(program), tls / f"{name}.crt", tls / f"{name}.key", net.ca.certificate, *net.event_servers],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.set_blocking(self.child.stdout.fileno(), False)
        self.text = ""

    def lines(self):
        while select.select([self.child.stdout], [], [], 0)[0]:
            data = os.read(self.child.stdout.fileno(), 65536)
            if not data:
                break
            self.text += data.decode()
        return self.text.rpartition("\n")[0].splitlines()

    def wait_for(self, line):
        wait_until(lambda: line in self.lines(), lambda: f"the example prints {line!r}; it printed {self.text!r}")

    def ask(self, text):
        """One line in, one line out."""
        before = len(self.lines())
        self.child.stdin.write(text.encode() + b"\n")
        self.child.stdin.flush()
        wait_until(lambda: len(self.lines()) > before, lambda: f"an answer to {text!r}")
        return self.lines()[before]

    def end(self):
        """Its exit code and what it complained of."""
        self.child.stdin.close()
        return self.child.wait(20), self.child.stderr.read().decode()

    def close(self):
        self.child.kill()
        self.child.wait()
        for stream in (self.child.stdin, self.child.stdout, self.child.stderr):
            stream.close()


class InstalledTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.net = cls.enterClassContext(Overlay())
        cls.prefix = cls.net.directory / "prefix"
        run("cmake", "--install", PROGRAMS, "--prefix", cls.prefix, "--component", "development")
        cls.compiler, cls.flags = build_setting("CMAKE_CXX_COMPILER"), build_setting("CMAKE_CXX_FLAGS")
        cls.compiler = shutil.which(cls.compiler) or cls.compiler
        cls.new_role = cls.build("new_role") / "message_archive"
        cls.net.start_event_server()
        cls.net.start_manager()
        cls.user("ops", ["thor_monitor"])
        cls.net.configure("ops", {})

    @classmethod
    def build(cls, example):
        into = cls.net.directory / f"build-{example}"
        run("cmake", "-S", EXAMPLES / example, "-B", into, f"-DCMAKE_PREFIX_PATH={cls.prefix}", f"-DCMAKE_CXX_COMPILER={cls.compiler}",
            f"-DCMAKE_CXX_FLAGS={cls.flags} -Wall -Wextra -Werror")
        run("cmake", "--build", into)
        return into

    @classmethod
    def user(cls, name, roles):
        tls = cls.net.home(name) / "tls"
        if tls.exists():
            return
        tls.mkdir()
        cls.net.ca.run("issue", name, "--custom-role", *roles, "--out", tls)

    def start(self, program, name):
        example = Example(self.net, program, name)
        self.addCleanup(example.close)
        return example

    def monitor(self):
        return json.loads(run(PROGRAMS / "thor-monitor", "--config", self.net.home("ops") / "thor.toml", "--json", "--timeout", "30"))

    def member(self, name):
        return next((member for member in self.monitor()["members"] if member["id"] == name), None)

    def test_installs_headers_library_and_packages_alone(self):
        files = {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*") if path.is_file()}
        libdir = build_setting("CMAKE_INSTALL_LIBDIR")
        self.assertEqual({"include/thor/completion.hpp", "include/thor/member.hpp", "include/thor/overlay.hpp", f"{libdir}/libthor.a",
                          f"{libdir}/pkgconfig/thor.pc"}, {file for file in files if "cmake/Thor" not in file})
        self.assertTrue({f"{libdir}/cmake/Thor/ThorConfig.cmake", f"{libdir}/cmake/Thor/ThorConfigVersion.cmake"} < files)
        for file in files:
            if not file.endswith(".a"):
                self.assertNotIn(str(SOURCE), (self.prefix / file).read_text(), file)
        for header in (self.prefix / "include/thor").iterdir():
            for included in re.findall(r"#\s*include\s*(\S+)", header.read_text()):
                self.assertRegex(included, r"^<(thor/|boost/asio/|boost/system/|[a-z_]+>)", header)

    def test_a_new_role(self):
        self.assertLess(len((EXAMPLES / "new_role/main.cpp").read_text().splitlines()), NEW_ROLE_LINES_MAX)
        self.user("archive1", ["message_archive"])
        self.user("archive2", ["message_archive"])
        one = self.start(self.new_role, "archive1")
        one.wait_for(f"archive1 is a member of {self.net.domain}")
        member = self.member("archive1")
        self.assertEqual({"https.tcp": 8443}, member["roles"]["message_archive"]["ports"])
        self.assertEqual(({"retention_days": "365"}, "message-archive 1.0", ["127.0.0.1"]),
                         (member["attributes"], member["software"], member["addresses"]))

        two = self.start(self.new_role, "archive2")
        one.wait_for(f"archive2 at {member['addresses'][0]} is there")
        two.child.kill()
        one.wait_for(f"archive2 at {member['addresses'][0]} is gone")

        one.child.terminate()
        one.wait_for("archive1 has left")
        self.assertEqual((0, ""), one.end())
        wait_until(lambda: self.member("archive1") is None, "it is no member any more", every_s=0.1)

    def test_a_new_role_that_the_certificate_does_not_have(self):
        self.user("relay1", ["media_relay"])
        code, why = self.start(self.new_role, "relay1").end()
        self.assertEqual(1, code)
        self.assertIn("the certificate of relay1 has no OU message_archive", why)

    def check_router(self, program):
        self.user("router1", ["media_relay"])
        nodes = {name: self.net.start_node(name, ["sip_proxy"], {"role": {"sip_proxy": {"ports": {"sip.udp": 5070}}}}) for name in ("gw1", "gw2", "gw3")}
        wait_until(lambda: all(map(self.member, nodes)), "three proxies are members", every_s=0.1)
        router = self.start(program, "router1")
        ring = Ring([Node(name) for name in nodes])
        keys = [f"User{number}@Example.COM" for number in range(50)]
        for key in keys:
            home, successor = ring.order(key)[:2]
            self.assertEqual(f"{key} -> {self.target(home)}, then {self.target(successor)}", router.ask(key))

        self.assertTrue(nodes["gw2"].command("drain")["draining"])
        moved = next(key for key in keys if ring.order(key)[0] == "gw2")
        draining = Ring([Node("gw1"), Node("gw2", draining=True), Node("gw3")])
        first, second = draining.order(moved, fresh=True)[:2]
        wait_until(lambda: router.ask(f"new {moved}") == f"{moved} -> {self.target(first)}, then {self.target(second)}",
                   "new users do not go to a proxy that drains", every_s=0.05)
        self.assertIn(f"-> {self.target('gw2')}", router.ask(moved))

        nodes["gw2"].command("undrain")
        for node in nodes.values():
            self.net.forget(node)
        wait_until(lambda: router.ask(moved) == f"{moved} has nowhere to go: there is no sip_proxy", "all proxies are gone", every_s=0.05)
        code, told = router.end()
        self.assertEqual(0, code)
        self.assertRegex(told, r"the network has \d+ members")

    def target(self, node):
        return f"sip:{self.net.node_addresses(node)[0]}:5070 ({node})"

    def test_a_router(self):
        self.check_router(self.build("router") / "router")

    def test_a_router_by_pkg_config(self):
        libdir = self.prefix / build_setting("CMAKE_INSTALL_LIBDIR")
        environment = {**os.environ, "PKG_CONFIG_PATH": str(libdir / "pkgconfig")}
        flags = run("pkg-config", "--cflags", "--libs", "thor", env=environment).split()
        program = self.net.directory / "router-by-pkg-config"
        run(self.compiler, "-std=c++20", *self.flags.split(), EXAMPLES / "router/main.cpp", "-o", program, *flags)
        self.check_router(program)

    def test_the_package_has_a_version(self):
        wrong = self.net.directory / "wrong"
        wrong.mkdir()
        (wrong / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.25)\nproject(x NONE)\nfind_package(Thor 99 REQUIRED)\n")
        done = subprocess.run(["cmake", "-S", wrong, "-B", wrong / "b", f"-DCMAKE_PREFIX_PATH={self.prefix}"], capture_output=True, text=True, check=False)
        self.assertNotEqual(0, done.returncode)
        self.assertIn("99", done.stderr)


if __name__ == "__main__":
    main()
