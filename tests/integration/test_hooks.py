#!/usr/bin/python3
"""Hooks of thor-node in a real overlay: what they are told, when they run, and that a bad one costs nobody anything."""

import json
import pathlib
import signal
import subprocess
import sys
import unittest

from overlay import DOMAIN, PROGRAMS, Overlay, wait_until

RECORD = """\
import json, os, pathlib, sys
told = sys.stdin.read()
log = pathlib.Path(sys.argv[1])
with open(log, "a") as out:
    out.write(told)
"""


class HookTest(unittest.TestCase):
    def setUp(self):
        self.net = self.enterContext(Overlay())
        self.net.start_event_server()
        self.net.start_manager()
        self.log = self.net.directory / "told"

    def script(self, name, text):
        path = self.net.directory / name
        path.write_text(text)
        return [sys.executable, str(path)]

    def recorder(self, **more):
        return {"name": "record", "command": [*self.script("record.py", RECORD), str(self.log)], **more}

    def runs(self):
        """What the hook was told so far, a run each."""
        try:
            return [json.loads(line) for line in self.log.read_text().splitlines()]
        except FileNotFoundError:
            return []

    def last(self):
        return self.runs()[-1] if self.runs() else {}

    def member(self, name):
        return next((m for m in self.last().get("members", []) if m["id"] == name), {})

    def hook(self, node, name="record"):
        return next(h for h in node.status()["hooks"] if h["name"] == name)

    def wait_told(self, ids, what):
        wait_until(lambda: {m["id"] for m in self.last().get("members", [])} == set(ids), lambda: f"{what}: {self.runs()}")


class Telling(HookTest):
    def test_a_hook_is_told_who_comes_changes_and_goes(self):
        self.net.start_node("gw1", ["sip_proxy"], {"hook": [self.recorder(roles=["sip_proxy"])], "site": "ams1"})
        self.wait_told(["gw1"], "the start, with the node itself")
        first = self.runs()[0]
        self.assertEqual((DOMAIN, "gw1", "record", "start"), tuple(first[key] for key in ("domain", "id", "hook", "cause")))
        self.assertEqual((True, "ams1", self.net.node_addresses("gw1")), tuple(self.member("gw1")[key] for key in ("myself", "site", "addresses")))

        second = self.net.start_node("gw2", ["sip_proxy"], {"role": {"sip_proxy": {"weight": 7, "ports": {"sip.udp": 5070}}}})
        self.wait_told(["gw1", "gw2"], "the one that joined")
        self.assertEqual(("change", ["gw2"], [], []), tuple(self.last()[key] for key in ("cause", "added", "changed", "removed")))
        self.assertEqual({"state": "active", "priority": 10, "weight": 7, "ports": {"sip.udp": 5070}}, self.member("gw2")["roles"]["sip_proxy"])
        self.assertGreater(self.last()["serial"], first["serial"])

        subprocess.run([PROGRAMS / "thor-node", "--config", second.config, "drain"], check=True, capture_output=True)
        wait_until(lambda: self.last()["changed"] == ["gw2"], "the drain is told")
        self.assertEqual("draining", self.member("gw2")["roles"]["sip_proxy"]["state"])

        second.kill()
        self.wait_told(["gw1"], "the crash is told")
        self.assertEqual([("gw2", "closed")], [(m["id"], m["reason"]) for m in self.last()["removed"]])

    def test_members_of_other_roles_are_no_reason(self):
        node = self.net.start_node("gw1", ["sip_proxy"], {"hook": [self.recorder(roles=["sip_proxy"])]})
        self.wait_told(["gw1"], "the start")
        self.net.start_node("relay", ["media_relay"])
        self.net.start_node("gw2", ["sip_proxy"])
        self.wait_told(["gw1", "gw2"], "the other proxy")
        self.assertNotIn("relay", self.log.read_text())
        wait_until(lambda: not self.hook(node)["running"], "the run ends")
        self.assertEqual(2.0, node.metric("thor_hook_runs_total"))

    def test_changes_that_come_together_are_told_together(self):
        node = self.net.start_node("gw1", ["sip_proxy"], {"hook": [self.recorder(roles=["sip_proxy"], debounce_ms=3000)]})
        self.wait_told(["gw1"], "the start")
        for name in ("gw2", "gw3", "gw4"):
            self.net.start_node(name, ["sip_proxy"])
        self.wait_told(["gw1", "gw2", "gw3", "gw4"], "all of them")
        self.assertLess(len(self.runs()), 4)
        wait_until(lambda: not self.hook(node)["behind"], "it knows all there is to know")

    def test_without_on_start_nothing_runs_until_something_changes(self):
        self.net.start_node("gw1", ["sip_proxy"], {"hook": [self.recorder(roles=["xcap_server"], on_start=False)]}).wait_ready()
        self.net.start_node("x1", ["xcap_server"])
        self.wait_told(["x1"], "the one that joined")
        self.assertEqual(["change"], [run["cause"] for run in self.runs()])


class Failing(HookTest):
    FAIL_TWICE = """\
import os, pathlib, sys
count = pathlib.Path(sys.argv[2])
number = int(count.read_text()) if count.exists() else 0
count.write_text(str(number + 1))
if number < 2:
    print("no luck \\x1b[31m", file=sys.stderr)
    sys.exit(1)
""" + RECORD

    def test_a_run_that_failed_is_made_again_until_it_succeeds(self):
        command = [*self.script("fail.py", self.FAIL_TWICE), str(self.log), str(self.net.directory / "count")]
        node = self.net.start_node("gw1", ["sip_proxy"], {"hook": [{"name": "record", "command": command}]})
        wait_until(lambda: self.runs(), "the third try succeeds")
        self.assertEqual(3, self.last()["run"])
        wait_until(lambda: not self.hook(node)["behind"], "it is in step")
        self.assertEqual((0, "exit code 0"), (self.hook(node)["failures"], self.hook(node)["last"]["result"]))
        log = node.log_text()
        self.assertEqual(2, log.count("hook record: no luck \\x1b[31m"), "what it wrote, harmless")
        self.assertEqual(2, log.count("exit code 1"))

    def test_exit_code_2_waits_for_the_next_change(self):
        node = self.net.start_node("gw1", ["sip_proxy"], {"hook": [{"name": "no", "command": ["/bin/sh", "-c", "exit 2"], "roles": ["sip_proxy"]}]})
        wait_until(lambda: node.metric("thor_hook_runs_total") == 1, "it ran")
        self.assertIn("not tried again until something changes", node.log_text())
        self.assertEqual(1.0, node.metric("thor_hook_behind"))
        self.net.start_node("gw2", ["sip_proxy"])
        wait_until(lambda: node.metric("thor_hook_runs_total") == 2, "it ran for the change")

    def test_a_hook_that_hangs_is_killed_with_its_children_and_holds_nobody_up(self):
        pids = self.net.directory / "pids"
        hang = {"name": "hang", "command": ["/bin/sh", "-c", f"sleep 1000 & echo $! $$ >>{pids}; wait"], "timeout_s": 1}
        node = self.net.start_node("gw1", ["sip_proxy"], {"hook": [hang, self.recorder(roles=["sip_proxy"])]}).wait_ready()
        self.net.start_node("gw2", ["sip_proxy"])
        self.wait_told(["gw1", "gw2"], "the other hook runs beside it")
        wait_until(lambda: "was not done in time" in node.log_text(), "it was killed")
        for pid in pids.read_text().splitlines()[0].split():
            wait_until(lambda pid=pid: ended(pid), f"{pid} is gone")
        self.assertTrue(node.status()["ready"])

    def test_a_flood_of_output_and_a_program_that_is_not_there_are_only_lines_in_the_log(self):
        flood = {"name": "flood", "command": ["/bin/sh", "-c", "yes | head -c 5000000"]}
        missing = {"name": "missing", "command": ["/nonexistent/hook"]}
        node = self.net.start_node("gw1", ["sip_proxy"], {"hook": [flood, missing]})
        wait_until(lambda: "hook flood: wrote more, which is not logged" in node.log_text(), "the flood is cut")
        wait_until(lambda: "cannot be run: No such file or directory" in node.log_text(), "the log says what is missing")
        self.assertLess(len(node.log_text()), 20_000)
        self.assertEqual("exit code 0", self.hook(node, "flood")["last"]["result"])

    def test_a_node_that_stops_takes_its_hook_with_it(self):
        pids = self.net.directory / "pids"
        hang = {"name": "hang", "command": ["/bin/sh", "-c", f"echo $$ >{pids}.new; mv {pids}.new {pids}; exec sleep 1000"]}
        node = self.net.start_node("gw1", ["sip_proxy"], {"hook": [hang]})
        wait_until(pids.exists, "it runs")
        self.assertEqual(0, node.stop())
        wait_until(lambda: ended(pids.read_text().strip()), "its process is gone")


def ended(pid):
    """Gone, or a zombie of whoever inherited it."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


class Configuring(HookTest):
    def check(self, *hooks):
        self.net.ca.issue("gw1", ["sip_proxy"], self.net.home("gw1") / "tls", self.net.node_addresses("gw1"))
        self.net.configure("gw1", {"node": {"hook": list(hooks)}})
        return subprocess.run([PROGRAMS / "thor-node", "--config", self.net.home("gw1") / "thor.toml", "--check-config"],
                              capture_output=True, text=True, check=False)

    def test_mistakes_are_explained_with_their_place(self):
        for wrong, why in (({"name": "x"}, "names no program"),
                           ({"command": ["bin/x"]}, "absolute path"),
                           ({"command": ["/bin/x"], "roles": ["SIP"]}, "no role name"),
                           ({"command": ["/bin/x"], "timeout_s": 0}, "timeout_s"),
                           ({"command": ["/bin/x"], "debounce": 1}, "did you mean \"debounce_ms\"")):
            done = self.check(wrong)
            self.assertEqual(2, done.returncode, wrong)
            self.assertRegex(done.stderr, r"thor\.toml:\d+:\d+: ")
            self.assertIn(why, done.stderr)
        twice = self.check({"command": ["/bin/x"]}, {"command": ["/usr/bin/x"]})
        self.assertIn('"x" a second time', twice.stderr)
        self.assertEqual(0, self.check({"command": ["/bin/x"]}, {"name": "y", "command": ["/bin/x"]}).returncode)

    def test_a_changed_hook_starts_again_and_the_others_go_on(self):
        kept = {"name": "kept", "command": ["/bin/true"]}
        node = self.net.start_node("gw1", ["sip_proxy"], {"hook": [kept, self.recorder()]})
        wait_until(lambda: self.runs(), "the start")
        self.net.configure("gw1", {"node": {"hook": [kept, self.recorder(roles=["sip_proxy"])]}})
        node.signal(signal.SIGHUP)
        self.wait_told(["gw1"], "the whole picture again, of its role")
        self.assertEqual("start", self.last()["cause"])
        self.assertNotIn("hook kept: run 2 (start)", node.log_text())

    def test_a_node_follows_the_others_from_its_first_hook_on(self):
        def followers():
            return server.status()["subscribers"]["Thor.Members"]
        server = next(process for process in self.net.processes if process.name == "es1")
        managers = followers()
        node = self.net.start_node("gw1", ["sip_proxy"])
        self.net.start_node("gw2", ["sip_proxy"])
        self.assertEqual(managers, followers())
        self.net.configure("gw1", {"node": {"lookup": {"listen": ""}, "hook": [self.recorder()]}})
        node.signal(signal.SIGHUP)
        self.wait_told(["gw1", "gw2", "m1"], "all members, the first time")
        self.assertEqual(managers + 1, followers())


if __name__ == "__main__":
    unittest.main()
