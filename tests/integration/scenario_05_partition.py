#!/usr/bin/python3
"""Scenario 5: the active manager dies, hangs or is cut off with a minority. One is followed at a time, and healing does not
swing to and fro."""

import scenario
from overlay import wait_until


class ManagerScenario(scenario.ScenarioTest):
    managers = 3

    def active(self):
        """The manager that thor-dns follows."""
        return self.dns.status()["epoch"]["manager"]

    def epoch(self):
        epoch = self.dns.status()["epoch"]
        return epoch["counter"], epoch["manager"]

    def another_than(self, manager):
        """Waits until thor-dns follows another manager."""
        wait_until(lambda: self.active() != manager and self.dns.status()["state"] == "fresh", f"thor-dns follows another manager than {manager}")
        return self.active()

    def one_leads(self, manager):
        """Exactly this one is active, and all know it."""
        for name, daemon in self.manager.items():
            state = "active" if name == manager else "standby"
            wait_until(lambda daemon=daemon, state=state: daemon.status().get("state") == state
                       and daemon.status()["active_manager"] == manager, lambda name=name, daemon=daemon, state=state: f"{name} is {state} under {manager}: {daemon.status()}")


class LossOfTheActiveManager(ManagerScenario):
    def test_it_is_killed_and_comes_back(self):
        watch = self.watch()
        first = self.active()
        self.manager[first].kill()
        second = self.another_than(first)
        self.manager[first] = self.net.start(first, "thor-manager").wait_ready()
        self.one_leads(second)
        self.go_on(scenario.WRONG_WOULD_SHOW_S)
        self.node["n1"].stop()
        self.expect("n2", "n3", "n4")
        self.saw(watch, self.node, {"n2", "n3", "n4"})
        self.never_missing(watch, "n2", "n3", "n4")
        self.assertEqual(second, self.active())

    def test_it_hangs_and_goes_on(self):
        """It wakes up as one of two that believe to lead. Nobody believes the older one."""
        watch = self.watch()
        first = self.active()
        self.manager[first].pause()
        second = self.another_than(first)
        epoch = self.epoch()
        self.manager[first].resume()
        self.one_leads(second)
        self.go_on(scenario.WRONG_WOULD_SHOW_S)
        self.one_leads(second)
        self.assertEqual(epoch, self.epoch())
        self.saw(watch, self.node)
        self.never_missing(watch, *self.node)


class Partition(ManagerScenario):
    """The active manager, es1, n1 and dns2 on one side, all others on the other one."""

    def split(self):
        first = self.active()
        minority = {first, "es1", "n1", "dns2"}
        for name in minority:
            self.machine(name).cut(*(machine for other, machine in self.net.machines.items() if other not in minority))
        self.sides = {"minority": [self.pdns[1]], "majority": [self.pdns[0]]}
        return first

    def heal(self):
        for machine in self.net.machines.values():
            machine.mend()

    def setUp(self):
        super().setUp()
        self.dns2 = self.net.start_dns("dns2", pdns=["pdns2"])
        self.pdns.append(self.net.start_pdns("pdns2", dns="dns2"))
        self.expect(*self.node)

    def side_shows(self, side, *names):
        everywhere, self.pdns = self.pdns, self.sides[side]
        try:
            self.expect(*names)
        finally:
            self.pdns = everywhere

    def healed(self, watches, second):
        """Both sides come to show everybody, under one manager, and stay so."""
        self.heal()
        self.expect(*self.node)
        self.one_leads(second)
        self.go_on(scenario.WRONG_WOULD_SHOW_S)
        self.expect(*self.node)
        wait_until(lambda: self.dns.status()["serial"] == self.dns2.status()["serial"] and self.dns2.status()["state"] == "fresh",
                   lambda: f"both name servers serve one serial: {self.dns.status()}, {self.dns2.status()}")
        for watch in watches:
            self.never_missing(watch)


class AvailablePolicy(Partition):
    def test_each_side_serves_what_it_sees(self):
        watches = [scenario.Watch(pdns.server) for pdns in self.pdns]
        for watch in watches:
            self.addCleanup(watch.stop)
        first = self.split()
        second = self.another_than(first)
        self.side_shows("majority", "n2", "n3", "n4")
        self.side_shows("minority", "n1")
        self.healed(watches, second)
        self.saw(watches[0], self.node, {"n2", "n3", "n4"}, self.node)


class MajorityPolicy(Partition):
    def overlay_options(self):
        return {"policy": "majority", "managers": self.managers}

    def test_the_smaller_side_keeps_what_it_had(self):
        watches = [scenario.Watch(pdns.server) for pdns in self.pdns]
        for watch in watches:
            self.addCleanup(watch.stop)
        first = self.split()
        second = self.another_than(first)
        self.side_shows("majority", "n2", "n3", "n4")
        wait_until(lambda: self.dns2.status()["state"] == "stale", "the name server of the smaller side knows that it hears nobody")
        self.assertEqual("minority", self.manager[first].status()["state"])
        self.side_shows("minority", *self.node)
        self.healed(watches, second)
        self.saw(watches[0], self.node, {"n2", "n3", "n4"}, self.node)
        self.never_missing(watches[1], *(self.node.keys() - {"n1"}))


if __name__ == "__main__":
    scenario.main()
