#!/usr/bin/python3
"""Statistics from a node's sources to whoever looks: managers, monitors, JSON. And that they touch nothing else."""

import json
import subprocess
import sys
import threading
import unittest

from overlay import PROGRAMS, Overlay, wait_until
from wirepeer import Closed, Identity, Peer


class StatisticsTest(unittest.TestCase):
    def setUp(self):
        self.net = self.enterContext(Overlay())
        self.event_server = self.net.start_event_server()
        self.manager = self.net.start_manager()

    def monitor(self, *words):
        self.net.ca.issue("watch", ["thor_monitor"], self.net.home("watch") / "tls")
        self.net.configure("watch", {})
        done = subprocess.run([PROGRAMS / "thor-monitor", "--config", self.net.home("watch") / "thor.toml", *words], capture_output=True, text=True, check=True)
        return json.loads(done.stdout) if "--json" in words else done.stdout

    def kept(self, manager=None):
        """What a manager keeps: id -> name -> figures."""
        answer = (manager or self.manager).command("statistics") or {"members": {}}
        return {node: {name: what["figures"] for name, what in names.items()} for node, names in answer["members"].items()}

    def hand_in(self, node, *words):
        return subprocess.run([PROGRAMS / "thor-node", "--config", node.config, "statistics", *words], capture_output=True, text=True, check=False)

    def wait_kept(self, node, name, figures, manager=None):
        wait_until(lambda: self.kept(manager).get(node, {}).get(name) == figures, lambda: f"{node} {name} {figures}: {self.kept(manager)}")


class Sources(StatisticsTest):
    def test_figures_of_commands_files_and_programs_reach_managers_and_monitors(self):
        accounts = self.net.directory / "accounts.json"
        accounts.write_text('{"online_accounts": {"example.net": 20, "example.org": 1}}')
        print_calls = [sys.executable, "-c", "import json; print(json.dumps({'calls': 7, 'note': 'a b'}))"]
        first = self.net.start_node("gw1", ["sip_proxy", "media_relay"], {"statistics": [
            {"name": "sip_proxy", "file": str(accounts), "interval_s": 1}, {"name": "media_relay", "command": print_calls}]})
        second = self.net.start_node("gw2", ["sip_proxy"], {"load_statistics": False}).wait_ready()
        done = self.hand_in(second, "sip_proxy", '{"online_accounts": {"example.net": 300},', '\n"calls": 2.5}')
        self.assertEqual((0, {"taken": "sip_proxy"}), (done.returncode, json.loads(done.stdout)))

        self.wait_kept("gw1", "sip_proxy", {"online_accounts": {"example.net": 20, "example.org": 1}})
        self.wait_kept("gw1", "media_relay", {"calls": 7, "note": "a b"})
        self.wait_kept("gw2", "sip_proxy", {"online_accounts": {"example.net": 300}, "calls": 2.5})
        self.assertGreater(self.kept()["gw1"]["load"]["cpus"], 0)
        self.assertEqual({"sip_proxy"}, set(self.kept()["gw2"]))
        self.assertNotIn("no_presence", first.log_text(), "figures come after the presence")

        # Whoever comes later sees the same at once: a monitor, another manager.
        summary = {"media_relay": {"calls": 7}, "sip_proxy": {"calls": 2.5, "online_accounts": 321}}
        seen = self.monitor("--json")
        self.assertEqual(summary, seen["statistics"]["summary"])
        self.assertEqual({"online_accounts": {"example.net": 300}, "calls": 2.5}, seen["statistics"][self.net.node_addresses("gw2")[0]]["sip_proxy"])
        gw1 = next(m for m in seen["members"] if m["id"] == "gw1")["statistics"]
        self.assertEqual({"calls": 7, "note": "a b"}, gw1["media_relay"]["figures"])
        self.assertLessEqual(gw1["media_relay"]["age_s"], 600)
        self.assertIn("sip_proxy statistics:\n{} online_accounts=21\n".format(self.net.node_addresses("gw1")[0]), self.monitor("--once"))
        later = self.net.start_manager("m2")
        self.wait_kept("gw1", "media_relay", {"calls": 7, "note": "a b"}, later)
        self.assertEqual(seen["statistics"]["summary"], later.command("statistics")["statistics"]["summary"])
        self.assertEqual(2.0, later.metric("thor_statistics_members"))

        accounts.write_text('{"online_accounts": {"example.net": 5}}')
        self.wait_kept("gw1", "sip_proxy", {"online_accounts": {"example.net": 5}})
        self.assertEqual(["load", "media_relay", "sip_proxy"], sorted(json.loads(self.hand_in(first).stdout)["statistics"]))

    def test_bad_figures_are_told_and_change_nothing(self):
        figures = self.net.directory / "figures.json"
        figures.write_text('{"calls": 7}')
        node = self.net.start_node("gw1", ["sip_proxy"], {"statistics": [
            {"name": "sip_proxy", "file": str(figures), "interval_s": 1}, {"name": "broken", "command": ["/bin/sh", "-c", "echo secret >&2; exit 3"]},
            {"name": "slow", "command": ["/bin/sleep", "1000"], "timeout_s": 1}]})
        self.wait_kept("gw1", "sip_proxy", {"calls": 7})
        figures.write_text("{'calls': 8}")
        wait_until(lambda: "statistics sip_proxy: no figures: " in node.log_text(), "the log says what is wrong")
        wait_until(lambda: "statistics broken: exit code 3: \"secret" in node.log_text(), "what the command said")
        wait_until(lambda: "statistics slow: was not done in time" in node.log_text(), "it was killed")
        self.assertGreaterEqual(node.metric('thor_node_statistics_total'), 4)
        self.assertEqual({"calls": 7}, self.kept()["gw1"]["sip_proxy"])
        for words, why in ((("sip_proxy", '{"a":1}'), "comes from a source"), (("dns", "{}"), "no name"), (("calls", "[1]"), "no figures"),
                           (("calls", json.dumps({"x": "y" * 16384})), "16384 octets")):
            done = self.hand_in(node, *words)
            self.assertEqual(1, done.returncode, words)
            self.assertIn(why, done.stderr)

    def test_figures_go_with_their_member_and_come_back_with_it(self):
        node = self.net.start_node("gw1", ["sip_proxy"]).wait_ready()
        self.hand_in(node, "sip_proxy", '{"calls": 1}')
        self.wait_kept("gw1", "sip_proxy", {"calls": 1})
        self.assertEqual(0, node.stop())
        wait_until(lambda: self.kept() == {}, "nothing is kept of it")
        wait_until(lambda: self.manager.metric("thor_statistics_members") == 0, "nor counted")
        self.net.start("gw1", "thor-node")
        wait_until(lambda: set(self.kept().get("gw1", {})) == {"load"}, "what it says now")

    def test_an_event_server_that_comes_later_hears_them(self):
        node = self.net.start_node("gw1", ["sip_proxy"]).wait_ready()
        self.hand_in(node, "sip_proxy", '{"calls": 1}')
        self.wait_kept("gw1", "sip_proxy", {"calls": 1})
        self.event_server.kill()
        wait_until(lambda: not node.status()["event_servers"], "the node notices")
        self.net.start("es1", "thor-eventserver").wait_ready()
        wait_until(lambda: self.monitor("--json")["statistics"]["summary"] == {"sip_proxy": {"calls": 1}}, "they are retained there again")

    def test_a_new_configuration_is_taken_over(self):
        node = self.net.start_node("gw1", ["sip_proxy"], {"statistics": [{"name": "a", "command": ["/bin/echo", '{"x": 1}']}]})
        self.wait_kept("gw1", "a", {"x": 1})
        self.net.configure("gw1", {"node": {"load_statistics": False, "statistics": [{"name": "b", "command": ["/bin/echo", '{"x": 2}']}]}})
        node.signal(1)
        wait_until(lambda: self.kept().get("gw1") == {"b": {"x": 2}}, "the new source, and nothing else")

    def test_mistakes_are_explained_with_their_place(self):
        self.net.ca.issue("gw1", ["sip_proxy"], self.net.home("gw1") / "tls", self.net.node_addresses("gw1"))
        for wrong, why in (({"name": "x"}, "either from a command or from a file"), ({"name": "x", "file": "f"}, "absolute path"),
                           ({"name": "dns", "file": "/f"}, "but not dns"), ({"name": "load", "file": "/f"}, "a second time"),
                           ({"name": "x", "file": "/f", "interval_s": 301}, "interval_s"), ({"name": "x", "command": ["a/b"]}, "absolute path")):
            self.net.configure("gw1", {"node": {"statistics": [wrong]}})
            done = subprocess.run([PROGRAMS / "thor-node", "--config", self.net.home("gw1") / "thor.toml", "--check-config"],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(2, done.returncode, wrong)
            self.assertRegex(done.stderr, r"thor\.toml:\d+:\d+: ")
            self.assertIn(why, done.stderr)


class Talker(threading.Thread):
    """A member that publishes 90 figures as fast as it can, which is within the burst, keeps its presence, and then floods when told to."""

    BURST = 90

    def __init__(self, net, name):
        super().__init__(daemon=True)
        addresses = net.node_addresses(name)
        self.peer = Peer(net, net.event_servers[0], Identity.issue(net, name, ["sip_proxy"], addresses)).join(incarnation=7)
        self.peer.announce(name, 7, addresses=addresses)
        self.name = name
        self.begin, self.flood = threading.Event(), threading.Event()
        self.end = None
        self.start()

    def say(self, number):
        self.peer.publish("Thor.Statistics", {"id": self.name, "statistics": {"sip_proxy": {"calls": number}}})

    def renew_until(self, event):
        while not event.wait(0.5):
            self.peer.say(type="renew", incarnation=7, sequence=1)

    def run(self):
        try:
            self.renew_until(self.begin)
            for number in range(self.BURST):
                self.say(number)
            self.renew_until(self.flood)
            for number in range(100_000):
                self.say(number)
        except (Closed, OSError):
            self.end = self.peer.hear_close()


class NothingElse(StatisticsTest):
    def test_however_many_there_are_no_serial_changes_and_a_flood_is_cut_off(self):
        dns = self.net.start_dns()
        self.net.start_node("gw1", ["sip_proxy"], {"load_statistics": False}).wait_ready()
        talker = Talker(self.net, "gw2")
        wait_until(lambda: self.manager.status()["roles"].get("sip_proxy", {}).get("active") == ["gw1", "gw2"], "both are members")
        wait_until(lambda: dns.status().get("serial") == self.manager.status()["serial"], "and in DNS")
        wait_until(lambda: self.manager.metric("thor_statistics_members") == 1, "thor-dns tells of its zone")
        position = ("serial", "sequence", "epoch")
        before = self.manager.status()

        talker.begin.set()
        self.wait_kept("gw2", "sip_proxy", {"calls": Talker.BURST - 1})
        after = self.manager.status()
        self.assertEqual([before[key] for key in position], [after[key] for key in position])
        self.assertEqual(before["serial"], dns.status()["serial"])
        self.assertEqual(2, self.manager.metric("thor_statistics_members"), "one entry, not ninety")
        self.assertLess(self.manager.metric("thor_statistics_octets"), 4096)

        talker.flood.set()
        talker.join(60)
        self.assertFalse(talker.is_alive(), "20 a second on average and no more")
        self.assertGreaterEqual(self.event_server.metric("thor_eventserver_refused_total"), 1)


if __name__ == "__main__":
    unittest.main()
