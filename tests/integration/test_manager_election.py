#!/usr/bin/python3
"""Three managers and two event servers: one manager publishes, and whatever happens to it another one goes on where it ended, without
a change in DNS; under policy `majority` only where most of the managers are."""

import time
import unittest

from overlay import Overlay, wait_until
from watcher import Watcher

QUIET_S = 4  # longer than a lease: whoever is not heard any more, or wants to lead, too, shows within it
JUDGES_AFTER_S = 3.5  # an event server's word about who is gone counts a lease after the manager came to it


class Managers(unittest.TestCase):
    overlay = {}

    def setUp(self):
        self.net = self.enterContext(Overlay())
        for name in ("es1", "es2"):
            self.net.start_event_server(name)
        self.managers = {}
        # Each configured with both event servers, one started after the other: m1 leads.
        for name, priority in (("m1", 50), ("m2", 50), ("m3", 10)):
            self.net.ca.issue(name, ["thor_manager"], self.net.home(name) / "tls")
            self.net.configure(name, {"manager": {"priority": priority}}, **self.overlay)
            self.start(name)
        self.watcher = Watcher(self.net)
        self.addCleanup(self.watcher.stop)
        self.dns = self.net.start_dns(overlay=self.overlay)
        self.nodes = {name: self.net.start_node(name, ["sip_proxy"]) for name in ("n1", "n2", "n3")}
        self.knows(*self.managers, *self.nodes)
        wait_until(lambda: self.dns.status()["serial"] == self.watcher.serials[-1], "thor-dns has the zone")
        wait_until(lambda: time.monotonic() > self.judging_from, "every manager may judge")

    def start(self, name):
        self.managers[name] = self.net.start(name, "thor-manager").wait_ready()
        self.judging_from = time.monotonic() + JUDGES_AFTER_S

    def knows(self, *names):
        """The consumer and every manager see these members, and thor-dns, and no others."""
        names = {"dns1", *names}

        def all_agree():
            return self.watcher.members.keys() == names and all(
                manager.status()["members"] == len(names) for manager in self.managers.values() if manager.running())
        wait_until(all_agree, lambda: f"all see {names}; there are {sorted(self.watcher.members)}")

    def state(self, name):
        return self.managers[name].status().get("state")

    def becomes(self, name, state):
        wait_until(lambda: self.state(name) == state, lambda: f"{name} is {state}; it is {self.state(name)}")

    def last_transition(self, name):
        last = self.managers[name].status()["transitions"][-1]
        return last["to"], last["reason"]

    def leads(self, name, reason):
        """`name` alone is active, because of `reason`, and is followed."""
        self.becomes(name, "active")
        self.assertEqual(self.last_transition(name), ("active", reason))
        wait_until(lambda: self.watcher.epochs[-1][1] == name.encode(), f"the consumer follows {name}")
        self.assertEqual(self.watcher.epochs[-1][0], self.managers[name].status()["epoch"]["counter"])

    def remember(self):
        self.serial, self.epoch = self.watcher.serials[-1], self.watcher.epochs[-1]
        self.watcher.missed.clear()

    def nothing_changed_in_dns(self):
        self.assertEqual(self.watcher.missed & self.nodes.keys(), set())
        self.assertEqual([self.watcher.serials[-1], self.dns.status()["serial"]], [self.serial] * 2)


class Election(Managers):
    def test_one_leads_and_the_others_are_warm(self):
        self.leads("m1", "no_incumbent")
        self.assertEqual({name: self.state(name) for name in self.managers}, {"m1": "active", "m2": "standby", "m3": "standby"},
                         "the incumbent stays, also when a manager of a better priority comes")
        self.assertEqual([manager.metric("thor_manager_active") for manager in self.managers.values()], [1, 0, 0])
        for manager in self.managers.values():
            status = manager.status()
            self.assertEqual((status["active_manager"], status["active"]), ("m1", manager is self.managers["m1"]))
            self.assertEqual(status["managers"], [{"id": "m1", "priority": 50}, {"id": "m2", "priority": 50}, {"id": "m3", "priority": 10}])
            self.assertEqual(status["serial"], self.watcher.serials[-1])
            self.assertEqual(status["roles"]["sip_proxy"]["active"], ["n1", "n2", "n3"])

    def test_the_active_one_is_killed_and_comes_back(self):
        self.remember()
        self.managers["m1"].kill()
        self.leads("m3", "incumbent_gone")
        self.knows("m2", "m3", *self.nodes)
        self.assertEqual(self.managers["m3"].metric('thor_manager_transitions_total'), 1)
        led = self.watcher.epochs[-1]
        self.start("m1")
        self.knows(*self.managers, *self.nodes)
        time.sleep(QUIET_S)
        self.assertEqual({name: self.state(name) for name in self.managers}, {"m1": "standby", "m2": "standby", "m3": "active"})
        self.assertEqual(self.watcher.epochs[-1], led, "one that comes back changes nothing")
        self.nothing_changed_in_dns()

    def test_each_one_in_turn_until_the_last(self):
        self.remember()
        self.managers["m1"].kill()
        self.leads("m3", "incumbent_gone")
        self.managers["m3"].kill()
        self.leads("m2", "incumbent_gone")
        self.knows("m2", *self.nodes)
        self.nothing_changed_in_dns()

    def test_the_active_one_is_stopped_and_leaves(self):
        self.remember()
        self.assertEqual(self.managers["m1"].stop(), 0)
        self.leads("m3", "incumbent_gone")
        self.nothing_changed_in_dns()

    def test_the_active_one_hangs_and_comes_back_to_a_newer_epoch(self):
        self.remember()
        self.managers["m1"].pause()
        wait_until(lambda: self.state("m3") == "active", "m3 takes over")
        epoch = self.managers["m3"].status()["epoch"]
        self.managers["m1"].resume()
        self.becomes("m1", "standby")
        self.assertEqual(self.last_transition("m1"), ("standby", "higher_epoch"))
        self.knows(*self.managers, *self.nodes)
        time.sleep(QUIET_S)
        self.assertEqual([manager.status()["epoch"] for manager in self.managers.values()], [epoch] * 3, "nobody leads anew")
        self.assertEqual(self.watcher.epochs[-1], (epoch["counter"], b"m3"))
        self.nothing_changed_in_dns()

    def test_a_new_one_continues_with_serials_and_since(self):
        since = {name: self.watcher.members[name]["since"] for name in self.nodes}
        self.managers["m1"].kill()
        self.leads("m3", "incumbent_gone")
        self.assertEqual({name: self.watcher.members[name]["since"] for name in self.nodes}, since)
        self.remember()
        self.nodes["n1"].stop()
        wait_until(lambda: "n1" not in self.watcher.members, "n1 leaves")
        self.assertEqual(self.watcher.serials[-2:], [self.serial, max(self.serial + 1, self.watcher.serials[-1])])

    def test_a_second_process_with_the_certificate_of_the_active_one_leads_in_its_place(self):
        original = self.net.home("m1") / "tls"
        self.net.configure("twin", {}, certificate=str(original / "m1.crt"), key=str(original / "m1.key"))
        self.start("twin")
        self.becomes("twin", "active")
        self.becomes("m1", "retired")
        self.assertIn("replaced", str(self.managers["m1"].status()["alarms"]))
        time.sleep(QUIET_S)
        self.assertEqual([self.state(name) for name in ("m1", "twin", "m2", "m3")], ["retired", "active", "standby", "standby"])


class Majority(Managers):
    overlay = {"policy": "majority", "managers": 3}

    def test_one_of_three_publishes_nothing_and_two_go_on(self):
        lead = next(name for name in self.managers if self.state(name) == "active")
        follower, last = sorted(self.managers.keys() - {lead})
        self.managers[lead].kill()
        self.leads(min((follower, last), key=lambda name: (name != "m3", name)), "incumbent_gone")
        self.managers[follower].kill()
        self.becomes(last, "minority")

        self.remember()
        heard = self.watcher.statuses
        self.nodes["n1"].kill()
        time.sleep(QUIET_S)
        self.assertEqual(self.watcher.statuses, heard, "not even a beat")
        self.assertIn("n1", self.watcher.members)
        self.nothing_changed_in_dns()

        self.start(lead)
        wait_until(lambda: "n1" not in self.watcher.members, "two managers go on")
        self.assertEqual(self.watcher.missed & self.nodes.keys(), {"n1"})
        self.assertEqual(sorted([self.state(lead), self.state(last)]), ["active", "standby"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
