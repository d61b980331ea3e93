#!/usr/bin/python3
"""thor-manager with real event servers and nodes, as a subscriber of Thor.Members sees it: every way in which a member comes and
goes, and that restarting managers and event servers loses nobody."""

import subprocess
import time
import unittest

from overlay import PROGRAMS, Overlay, wait_until
from watcher import Watcher

QUIET_S = 2  # long enough for a wrong change to be published, where nothing may change


class ManagerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.net = cls.enterClassContext(Overlay())
        listen = [f"{cls.net.address}:{cls.net.free_port()}" for _ in range(2)]
        cls.event_servers = [cls.net.start_event_server(f"es{number}", where) for number, where in enumerate(listen, 1)]
        cls.manager = cls.net.start_manager()
        cls.watcher = Watcher(cls.net)
        cls.addClassCleanup(cls.watcher.stop)
        cls.steady = {f"steady{number}" for number in range(3)}
        for name in cls.steady:
            cls.net.start_node(name, ["sip_proxy"])
        cls.comes(*cls.steady)

    @classmethod
    def comes(cls, *names):
        wait_until(lambda: cls.watcher.members.keys() >= set(names), lambda: f"{names} come; there are {sorted(cls.watcher.members)}")

    def goes(self, name, reason):
        wait_until(lambda: name not in self.watcher.members, f"{name} goes")
        self.assertEqual(self.watcher.reasons[name], reason)

    def start_node(self, name, **table):
        node = self.net.start_node(name, ["media_relay"], table)
        self.comes(name)
        return node

    def nobody_is_missed(self):
        self.assertEqual(self.watcher.missed - {"m1"}, set(), "the manager itself leaves when it is restarted")

    def role_state(self, name):
        return self.watcher.members[name]["roles"]["media_relay"]["state"]

    def start_quiet_time(self):
        """From here on no record may change and nobody may be missed. What the test before ended has left by then."""
        settled = None
        while settled != self.watcher.serials[-1]:
            settled = self.watcher.serials[-1]
            time.sleep(2)
        self.watcher.missed.clear()
        self.serial = self.watcher.serials[-1]

    def end_quiet_time(self, settle_s=QUIET_S):
        time.sleep(settle_s)
        self.comes(*self.steady)
        self.nobody_is_missed()
        self.assertEqual(self.watcher.serials[-1], self.serial)

    def restart_manager(self):
        type(self).manager = self.net.start("m1", "thor-manager").wait_ready()

    def connected_to_both(self):
        wait_until(lambda: len(self.manager.status().get("event_servers", ())) == 2, "the manager is connected to both event servers")

    # ---- members

    def test_a_node_leaves(self):
        node = self.start_node("leaver")
        self.assertEqual(node.stop(), 0)
        self.goes("leaver", "left")

    def test_a_node_is_killed(self):
        self.start_node("victim").kill()
        self.goes("victim", "closed")

    def test_a_node_hangs_and_comes_back(self):
        node = self.start_node("sleeper")
        node.pause()
        self.goes("sleeper", "silent")
        node.resume()
        self.comes("sleeper")

    def test_a_node_drains(self):
        node = self.start_node("drainer")
        serial = self.watcher.serials[-1]
        node.command("drain")
        wait_until(lambda: self.role_state("drainer") == "draining", "the drain is published")
        self.assertGreater(self.watcher.serials[-1], serial)
        self.assertEqual(self.manager.metric("thor_role_draining"), 1)
        node.command("undrain")
        wait_until(lambda: self.role_state("drainer") == "active", "its end is published")
        self.assertEqual(self.manager.metric("thor_role_draining"), 0)

    def test_a_node_that_restarts_under_hold_changes_no_record(self):
        node = self.start_node("holder", on_stop="hold", hold_s=60)
        incarnation = self.watcher.members["holder"]["incarnation"]
        self.start_quiet_time()
        self.assertEqual(node.stop(), 0)
        node = self.net.start("holder", "thor-node")
        wait_until(lambda: self.watcher.members["holder"]["incarnation"] > incarnation, "the new process is published")
        self.end_quiet_time()

    # ---- restarts

    def test_restarting_the_manager_changes_no_record(self):
        for end in ("stop", "kill"):
            with self.subTest(end):
                self.start_quiet_time()
                epoch = self.watcher.epochs[-1]
                getattr(self.manager, end)()
                self.restart_manager()
                wait_until(lambda: self.watcher.epochs[-1] > epoch, "a new epoch is published")
                self.end_quiet_time()

    def test_a_paused_manager_withdraws_nobody(self):
        self.start_quiet_time()
        self.manager.pause()
        time.sleep(6)
        self.manager.resume()
        self.end_quiet_time(5)

    def test_restarting_each_event_server_changes_no_record(self):
        for number, end in enumerate(("stop", "kill")):
            with self.subTest(end):
                self.start_quiet_time()
                getattr(self.event_servers[number], end)()
                time.sleep(1)
                self.event_servers[number] = self.net.start(f"es{number + 1}", "thor-eventserver").wait_ready()
                self.connected_to_both()
                self.end_quiet_time(12)  # until the restarted one may accuse

    def test_a_power_cut_of_all_servers_loses_nobody(self):
        self.start_quiet_time()
        for process in (self.manager, *self.event_servers):
            process.kill()
        self.event_servers[:] = [self.net.start(f"es{number}", "thor-eventserver") for number in (1, 2)]
        for server in self.event_servers:
            server.wait_ready()
        self.restart_manager()
        time.sleep(QUIET_S)
        self.comes(*self.steady)
        self.nobody_is_missed()
        self.assertGreater(self.watcher.serials[-1], self.serial, "the new network status is a new zone for all it knows")

    # ---- the daemon

    def test_status_and_metrics_tell_what_is_published(self):
        status = self.manager.status()
        self.assertTrue(status["ready"])
        self.assertLessEqual(self.steady, set(status["roles"]["sip_proxy"]["active"]))
        self.assertEqual(status["serial"], self.watcher.serials[-1])
        self.assertEqual([status["epoch"]["counter"], status["epoch"]["manager"]], [self.watcher.epochs[-1][0], "m1"])
        self.assertEqual((status["state"], status["active_manager"], self.manager.metric("thor_manager_active")), ("active", "m1", 1))
        self.assertEqual(self.manager.metric("thor_status_serial"), status["serial"])
        self.assertEqual(self.manager.metric("thor_role_active"), sum(len(role.get("active", ())) for role in status["roles"].values()))
        self.assertEqual(self.manager.metric("thor_members"), status["members"])

    def refused(self, name):
        daemon = self.net.start(name, "thor-manager")
        self.assertEqual(daemon.child.wait(20), 1)
        return daemon.log_text()

    def test_a_damaged_state_file_is_refused_with_what_to_do(self):
        self.net.ca.issue("m3", ["thor_manager"], self.net.home("m3") / "tls")
        self.net.configure("m3", {})
        for content in ("{", '{"epoch_counter": -1, "epoch_manager": "m1", "serial_limit": 7}', '{"epoch_counter": 7}',
                        '{"epoch_counter": 7, "epoch_manager": "-", "serial_limit": 7}', '{"epoch_counter": 7, "epoch_manager": "m1", "serial_limit": 4294967296}'):
            (self.net.home("m3") / "state/thor-manager.json").write_text(content)
            said = self.refused("m3")
            self.assertIn("thor-manager.json is damaged; remove it", said)

    def test_the_command_line(self):
        config = self.net.home("m1") / "thor.toml"
        for words, code in ((["--version"], 0), (["--help"], 0), (["--config", config, "--check-config"], 0), (["--nonsense"], 2)):
            done = subprocess.run([PROGRAMS / "thor-manager", *words], capture_output=True, check=False)
            self.assertEqual(done.returncode, code, words)


if __name__ == "__main__":
    unittest.main(verbosity=2)
