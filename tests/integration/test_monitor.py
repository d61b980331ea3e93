#!/usr/bin/python3
"""thor-monitor in a real overlay: the classic list, JSON, changes as lines, verdicts, and the full screen in a real terminal
(a pty, read by pyte)."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import unittest

import pyte

from overlay import DOMAIN, PROGRAMS, Overlay, Process, wait_until
from overlaytest import main
from wirepeer import Identity, Peer

THOR_MONITOR = PROGRAMS / "thor-monitor"
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Terminal:
    """A program in a pty, and what a person would see there."""

    def __init__(self, argv, rows=40, columns=120, **environment):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.exit_code = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(argv[0], [str(word) for word in argv], {**ENVIRONMENT, "TERM": "linux", **environment})
        self.resize(rows, columns)

    def resize(self, rows, columns):
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        while select.select([self.fd], [], [], 0)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:  # the other side is closed
                return
            if not data:
                return
            self.raw += data
            self.stream.feed(data)

    def text(self):
        self.read()
        return "\n".join(line.rstrip() for line in self.screen.display)

    def shows(self, *parts):
        wait_until(lambda: all(part in self.text() for part in parts), lambda: f"the screen shows {parts}:\n{self.text()}", every_s=0.02)

    def hides(self, part):
        wait_until(lambda: part not in self.text(), lambda: f"the screen does not show {part}:\n{self.text()}", every_s=0.02)

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def wait(self):
        def ended():
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.exit_code = os.waitstatus_to_exitcode(status)
            self.read()  # it may wait for us; and its last words come after its end, too
            return pid
        if self.exit_code is None:
            wait_until(ended, "the program ends", every_s=0.02)
        return self.exit_code

    def close(self):
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


class HandMadeMember(threading.Thread):
    """A member with the given software text, which thor-node would not say."""

    def __init__(self, net, name, address, software):
        super().__init__(daemon=True)
        self.peer = Peer(net, net.event_servers[0], Identity.issue(net, name, ["thor_database"], [address])).join(incarnation=1)
        self.peer.publish("Thor.Presence", {"id": name, "incarnation": 1, "sequence": 1, "addresses": [address],
                                            "roles": {"thor_database": {}}, "software": software})
        self.ending = threading.Event()
        self.start()

    def run(self):
        while not self.ending.wait(1):
            self.peer.say(type="renew", incarnation=1, sequence=1)

    def stop(self):
        self.ending.set()
        self.join()
        self.peer.tls.close()


class MonitorTest(unittest.TestCase):
    def setUp(self):
        self.net = self.enterContext(Overlay())

    def identity(self, name="watch1", roles=("thor_monitor",), addresses=("192.0.2.99",), **overlay):
        """A user's configuration: nothing but where the certificate is. No directories to write to."""
        self.net.ca.issue(name, list(roles), self.net.home(name) / "tls", list(addresses))
        self.net.configure(name, {}, state_dir="/nonexistent/state", run_dir="/nonexistent/run", **overlay)
        return self.net.home(name) / "thor.toml"

    def run_monitor(self, *words, name="watch1", **environment):
        return subprocess.run([THOR_MONITOR, "--config", self.net.home(name) / "thor.toml", *words], capture_output=True,
                              text=True, check=False, timeout=120, env={**ENVIRONMENT, **environment})

    def json(self, **options):
        done = self.run_monitor("--json", "--timeout", "30", **options)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def members(self):
        return {member["id"] for member in self.json()["members"]}

    def start_overlay(self, event_servers=1):
        for number in range(1, event_servers + 1):
            self.net.start_event_server(f"es{number}")
        return self.net.start_manager()

    def open_terminal(self, name="watch1", **options):
        terminal = Terminal([THOR_MONITOR, "--config", self.net.home(name) / "thor.toml"], **options)
        self.addCleanup(terminal.close)
        return terminal


class Telling(MonitorTest):
    def test_once_prints_the_classic_list(self):
        self.start_overlay()
        self.net.start_node("gw1", ["sip_proxy", "media_relay"])
        self.net.start_node("gw2", ["media_relay"])
        self.net.ca.issue("db1", ["thor_database"], self.net.home("db1") / "tls", ["10.0.0.131"])
        self.net.configure("db1", {"database": {"uri": [{"uri": "mysql://sipthor:/sipthor", "priority": 10}]}})
        self.net.start("db1", "thor-database")
        self.identity()
        wait_until(lambda: {"gw1", "gw2", "db1"} <= self.members(), "all are members")
        done = self.run_monitor("--once")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        header, underline, blank, *lines = done.stdout.split("\n")
        self.assertRegex(header, rf"^SIP Thor network for {re.escape(DOMAIN)} at \d\d:\d\d:\d\d [A-Z][a-z]{{2}} \d\d [A-Z][a-z]{{2}} \d{{4}}:$")
        self.assertEqual(("-" * len(header), ""), (underline, blank))
        self.assertEqual(["media_relay members:", "192.0.2.1", "192.0.2.2", "sip_proxy members:", "192.0.2.1",
                          "thor_database members:", "10.0.0.131 priority=10 mysql://sipthor:/sipthor"], lines[:7])
        managers = [line for line in lines if "priority=50" in line]
        self.assertEqual(["thor_monitor members:", "192.0.2.99 myself", ""], lines[-3:])
        self.assertEqual(lines[7:-3], ["thor_manager members:", *managers] if managers else [])

    def test_json_has_everything(self):
        self.start_overlay()
        node = self.net.start_node("gw1", ["sip_proxy"], {"site": "ams1", "attributes": {"rack": "\u4e2d\u202e"}}).wait_ready()
        self.net.start_dns()
        self.identity()
        wait_until(lambda: {"gw1", "dns1"} <= self.members() and self.json()["dns"], "dns1 reports")
        node.command("drain")
        wait_until(lambda: self.json()["roles"]["sip_proxy"] == {"active": 0, "draining": 1}, "gw1 drains")
        text = self.run_monitor("--json").stdout
        self.assertTrue(text.isascii() and text.count("\n") == 1)
        seen = json.loads(text)
        gw1 = next(member for member in seen["members"] if member["id"] == "gw1")
        self.assertEqual(("ams1", {"rack": "\u4e2d\u202e"}), (gw1["site"], gw1["attributes"]))
        self.assertEqual(self.net.node_addresses("gw1"), gw1["addresses"])
        self.assertEqual(("confirmed", DOMAIN, "watch1", "m1"), (seen["status"], seen["domain"], seen["id"], seen["epoch"]["manager"]))
        self.assertEqual(["dns1"], [one["id"] for one in seen["dns"]])
        self.assertFalse(seen["dns"][0]["degraded"])
        self.assertEqual([("es1", True)], [(one["id"], one["connected"]) for one in seen["event_servers"]])

    def test_they_only_listen_and_any_certificate_may(self):
        self.start_overlay()
        self.net.start_node("gw1", ["sip_proxy"]).wait_ready()
        self.identity()
        wait_until(lambda: "gw1" in self.members(), "gw1 is a member")
        before = self.json()["sequence"]
        together = [subprocess.Popen([THOR_MONITOR, "--config", self.net.home("watch1") / "thor.toml", "--once"],
                                     stdout=subprocess.PIPE, env=ENVIRONMENT) for _ in range(4)]
        self.assertEqual([0] * 4, [one.communicate(timeout=120) and one.returncode for one in together])
        again = self.run_monitor("--once", name="gw1")  # the node's own certificate, beside the node
        self.assertEqual(0, again.returncode, again.stderr)
        self.assertIn("192.0.2.1 myself\n", again.stdout)
        self.assertNotIn("thor_monitor", again.stdout)
        after = self.json()
        self.assertEqual((before, False), (after["sequence"], "watch1" in str(after["members"])))

    def test_what_does_not_work_is_said(self):
        self.identity()
        alone = self.run_monitor("--once", "--timeout", "1")
        self.assertEqual(1, alone.returncode)
        self.assertIn("no network status", alone.stderr)
        server = self.net.start_event_server()
        self.identity()
        without_manager = self.run_monitor("--json", "--timeout", "1")
        self.assertEqual((1, "unknown"), (without_manager.returncode, json.loads(without_manager.stdout)["status"]))
        self.assertIn("is a thor-manager running?", self.run_monitor("--once", "--timeout", "1").stderr)
        server.kill()
        gone = self.run_monitor("--once", "--timeout", "1")
        self.assertIn(f"event server {self.net.event_servers[0]}: cannot connect", gone.stderr)
        for words in (["--colour"], ["--once", "--json"], ["--timeout", "0"], ["now"], ["--config"]):
            with self.subTest(words):
                self.assertEqual(2, self.run_monitor(*words).returncode)
        self.assertEqual(0, self.run_monitor("--check-config").returncode)
        self.assertRegex(self.run_monitor("--version").stdout, r"^thor-monitor \d+\.\d+\.\d+\n$")
        (self.net.home("watch1") / "tls/watch1.key").unlink()
        unreadable = self.run_monitor("--once")
        self.assertEqual(2, unreadable.returncode)
        self.assertIn("unreadable", unreadable.stderr)


class Judging(MonitorTest):
    def judge(self, *conditions, timeout=30):
        done = self.run_monitor("--timeout", str(timeout), *[word for one in conditions for word in ("--check", one)])
        self.assertEqual(1, done.stdout.count("\n"), done.stdout + done.stderr)
        return done.returncode, done.stdout

    def test_ok_critical_and_stale(self):
        manager = self.start_overlay()
        self.net.start_node("gw1", ["sip_proxy", "media_relay"])
        self.net.start_node("gw2", ["sip_proxy"])
        self.identity()
        wait_until(lambda: {"gw1", "gw2"} <= self.members(), "both are members")
        self.assertEqual((0, "THOR OK: sip_proxy 2 active, media_relay 1 active | sip_proxy=2;;2:;0; media_relay=1;;0:;0;\n"),
                         self.judge("sip_proxy>=2", "media_relay >= 0"))
        code, line = self.judge("sip_proxy>=3")
        self.assertEqual((2, True), (code, line.startswith("THOR CRITICAL: sip_proxy 2 active (wanted sip_proxy>=3)")))
        manager.kill()
        code, line = self.judge("sip_proxy>=2")
        self.assertEqual((1, True), (code, line.startswith("THOR WARNING: sip_proxy 2 active, no manager is heard")), line)

    def test_no_status_is_critical_and_wrong_usage_unknown(self):
        self.net.start_event_server()
        self.identity()
        code, line = self.judge("sip_proxy>=1", timeout=1)
        self.assertEqual((2, True), (code, line.startswith("THOR CRITICAL: no network status")), line)
        for words in (["--check", "sip_proxy"], ["--check"], ["--check", "a>=1", "--once"], ["--check", "a>=1", "--timeout", "x"]):
            with self.subTest(words):
                done = self.run_monitor(*words)
                self.assertEqual(3, done.returncode, done.stdout + done.stderr)
                self.assertTrue(done.stdout.startswith("THOR UNKNOWN: "), done.stdout)
        missing = subprocess.run([THOR_MONITOR, "--config", "/nonexistent/thor.toml", "--check", "a>=1"],
                                 capture_output=True, text=True, check=False)
        self.assertEqual(3, missing.returncode)
        self.assertIn("/nonexistent/thor.toml", missing.stdout)


class FollowingChanges(MonitorTest):
    def follow(self, name="watch1"):
        log = self.net.directory / f"{name}.lines"
        monitor = Process(name, [THOR_MONITOR, "--config", self.net.home(name) / "thor.toml", "--events"], log)
        self.net.processes.append(monitor)
        return monitor

    def wait_line(self, monitor, pattern):
        wait_until(lambda: re.search(rf"^\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ {pattern}$", monitor.log_text(), re.M),
                   lambda: f"a line {pattern}:\n{monitor.log_text()}")

    def test_members_managers_and_event_servers(self):
        manager = self.start_overlay(event_servers=2)
        self.identity()
        monitor = self.follow()
        self.wait_line(monitor, r"status m1 \d+ members, epoch \d+, serial \d+")
        wait_until(lambda: "watch1" in self.members(), "it announces itself")
        node = self.net.start_node("gw1", ["sip_proxy"]).wait_ready()
        self.wait_line(monitor, rf"joined gw1 {self.net.node_addresses('gw1')[0]} sip_proxy")
        node.command("drain")
        self.wait_line(monitor, r"changed gw1 \S+ sip_proxy\(draining\)")
        node.stop()
        self.wait_line(monitor, "gone gw1 left")
        self.net.processes[0].kill()
        self.wait_line(monitor, rf"server_down {self.net.event_servers[0]} .*")
        manager.kill()
        self.wait_line(monitor, "stale m1 .*")
        self.net.start("m1", "thor-manager").wait_ready()
        self.wait_line(monitor, r"manager m1 epoch \d+, before: m1 epoch \d+")
        self.assertEqual(0, monitor.stop())

    def test_two_with_one_certificate_do_not_fight(self):
        self.start_overlay()
        self.identity()
        first = self.follow()
        self.wait_line(first, "joined watch1 .*|status m1 2 .*")  # it was there in the first status already
        (self.net.home("again") / "thor.toml").write_text((self.net.home("watch1") / "thor.toml").read_text())
        second = self.follow("again")
        self.wait_line(second, "joined watch1 .*|status m1 .*")
        self.net.start_node("gw1", ["sip_proxy"]).wait_ready()
        for monitor in (first, second):
            self.wait_line(monitor, "joined gw1 .*")
            monitor.check_running()
        self.assertEqual(0, second.stop())
        self.wait_line(first, "gone watch1 left")
        self.net.start_node("gw2", ["sip_proxy"]).wait_ready()
        self.wait_line(first, "joined gw2 .*")
        self.assertEqual(1, first.log_text().count(" server_down "), "it went over to listening once")

    def test_ends_when_nobody_reads(self):
        self.start_overlay()
        self.identity()
        monitor = subprocess.Popen([THOR_MONITOR, "--config", self.net.home("watch1") / "thor.toml", "--events"],
                                   stdout=subprocess.PIPE, env=ENVIRONMENT)
        self.assertIn(b"Z ", monitor.stdout.readline())
        monitor.stdout.close()
        self.net.start_node("gw1", ["sip_proxy"])
        self.assertEqual(0, monitor.wait(60))


class FullScreen(MonitorTest):
    def setUp(self):
        super().setUp()
        self.manager = self.start_overlay()
        self.identity()

    def test_shows_the_network_as_it_changes(self):
        terminal = self.open_terminal()
        terminal.shows(f"Thor network {DOMAIN}", "manager m1  confirmed  epoch ", "es1, ", "thor_monitor: 1 active", "myself")
        node = self.net.start_node("gw1", ["sip_proxy"]).wait_ready()
        terminal.shows("sip_proxy: 1 active", "thor-node 0.1.0", "joined      gw1")
        node.command("drain")
        terminal.shows("sip_proxy: 0 active, 1 draining", "draining")
        node.stop()
        terminal.shows("gone        gw1 left")
        terminal.hides("sip_proxy:")
        self.manager.kill()
        terminal.shows("STALE: heard ", "stale       m1")
        self.manager = self.net.start("m1", "thor-manager").wait_ready()
        terminal.shows("confirmed", "manager     m1")
        self.net.processes[0].kill()
        terminal.shows("down ", "server_down")
        terminal.type("q")
        self.assertEqual(0, terminal.wait())

    def test_marks_a_thor_dns_that_judges_for_itself(self):
        self.net.start_dns()
        terminal = self.open_terminal()
        terminal.shows("thor-dns     dns1", "confirmed")
        self.manager.kill()
        terminal.shows("STALE", "dns1 ", "DEGRADED", "dns         dns1 degraded")
        self.net.start_node("gw1", ["sip_proxy"])  # which changes its zone, and no manager knows
        terminal.shows("DIVERGENT", "dns         dns1 degraded divergent")
        verdict = self.run_monitor("--check", "thor_dnsmanager>=1")
        self.assertEqual((1, True), (verdict.returncode, "no manager is heard, dns1 is degraded, dns1 is divergent" in verdict.stdout), verdict.stdout)
        self.manager = self.net.start("m1", "thor-manager").wait_ready()
        terminal.shows("confirmed", "dns         dns1 in order")
        terminal.hides("DEGRADED")
        terminal.type("q")
        self.assertEqual(0, terminal.wait())

    def test_leaves_the_terminal_as_it_was_and_the_overlay_too(self):
        for how in ("key", signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(how):
                terminal = self.open_terminal(TERM="xterm")
                before = termios.tcgetattr(terminal.fd)
                terminal.shows("thor_monitor: 1 active")
                self.assertFalse(termios.tcgetattr(terminal.fd)[3] & termios.ECHO)
                terminal.type("q") if how == "key" else os.kill(terminal.pid, how)
                self.assertEqual(0, terminal.wait())
                self.assertTrue(before[3] & termios.ECHO)
                self.assertIn(b"\x1b[?1049l", terminal.raw, "back from the alternate screen")
                wait_until(lambda: "watch1" not in self.members(), "it says that it leaves")

    def test_resizes_scrolls_and_filters(self):
        for number in range(1, 13):
            self.net.start_node(f"gw{number:02}", ["sip_proxy"])
        wait_until(lambda: len(self.members()) >= 12, "all are members")
        terminal = self.open_terminal(rows=18, columns=80)
        # As they stand among the members; among the changes less room follows.
        first, seventh, eighth, last = (f"  gw{number:02}    " for number in (1, 7, 8, 12))
        terminal.shows("sip_proxy: 12 active", first, " of ")
        self.assertNotIn(last, terminal.text())
        terminal.type("\x1b[F\x1b[4~")  # End, as one terminal or another has it
        terminal.shows(last)
        terminal.hides(first)
        terminal.resize(50, 132)
        terminal.shows(first, last)
        self.assertTrue(terminal.text().splitlines()[0].startswith(f" Thor network {DOMAIN}"))
        terminal.type("/GW07\r")
        terminal.shows("filter: GW07 (Esc: clear)", seventh)
        terminal.hides(eighth)
        terminal.type("\x1b")
        terminal.shows(eighth)
        terminal.resize(5, 40)
        terminal.shows("Thor network")
        terminal.resize(24, 80)
        terminal.shows("CHANGES", "q quit")
        terminal.type("q")
        self.assertEqual(0, terminal.wait())

    def test_needs_neither_colours_nor_unicode(self):
        self.net.start_node("gw1", ["sip_proxy"], {"attributes": {}, "site": "ams1"}).wait_ready()
        for environment in ({"TERM": "vt100"}, {"TERM": "linux", "NO_COLOR": "1"}):
            with self.subTest(environment):
                terminal = self.open_terminal(LC_ALL="C", **environment)
                terminal.shows("sip_proxy: 1 active", "confirmed")
                terminal.type("q")
                self.assertEqual(0, terminal.wait())
                self.assertFalse(re.search(rb"\x1b\[[0-9;]*3[0-7]m", terminal.raw), "no colour")

    def test_no_text_from_the_network_steers_the_terminal(self):
        """A certificate names its holder's roles and id, and those are clean; what is free text is escaped. A member with wide and
        reversing characters stands in its columns."""
        self.net.start_node("gw1", ["sip_proxy"]).wait_ready()
        self.addCleanup(HandMadeMember(self.net, "db1", "10.0.0.131", "\u4e2d\u6587\u202e evil").stop)
        terminal = self.open_terminal(columns=160)
        terminal.shows("\\u{202e} evil")
        row = next(line for line in terminal.screen.display if "evil" in line)
        self.assertIn("10.0.0.131", row)
        self.assertNotIn("\u202e", terminal.text())
        terminal.type("q")
        self.assertEqual(0, terminal.wait())

    def test_a_terminal_that_cannot_is_told_what_to_do(self):
        for environment, advice in (({"TERM": "dumb"}, "cannot move its cursor; use --events"), ({"TERM": "nonsense"}, "TERM names no terminal")):
            with self.subTest(environment):
                terminal = self.open_terminal(**environment)
                self.assertEqual(1, terminal.wait())
                self.assertIn(advice, terminal.raw.decode())
        piped = self.run_monitor()
        self.assertEqual(1, piped.returncode)
        self.assertIn("needs a terminal; without one use --once", piped.stderr)


if __name__ == "__main__":
    main()
