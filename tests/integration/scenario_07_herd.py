#!/usr/bin/python3
"""Scenario 7: an event server dies with very many members connected, and all come back to it at once. DNS does not
change, nobody starves, and a new member joins meanwhile."""

import os
import time

import scenario
from herd import Herd
from overlay import wait_until

MEMBERS = int(os.environ.get("THOR_HERD", "300"))
ADDRESSES = 20
BATCH = 50
BACK_S = max(60, MEMBERS / 10)  # generous: where the machine has nothing else to do they are back within the backoff of 7.5 s


class HerdReturns(scenario.ScenarioTest):
    members = 2

    def setUp(self):
        super().setUp()
        machine = self.machine("herd")
        machine.spread(ADDRESSES)
        self.herd = self.enterContext(Herd(self.net, MEMBERS, "media_relay", machine.inside))
        for first in range(0, MEMBERS, BATCH):
            self.herd.tell("start", first, min(first + BATCH, MEMBERS))
            self.connected(*self.net.event_servers, count=min(first + BATCH, MEMBERS))
        wait_until(lambda: self.members_of_the_herd() == MEMBERS, "all are members")
        self.serial_rests()

    def connected(self, *servers, count=None):
        for server in servers:
            self.herd.wait_connected(server, BACK_S, count)

    def members_of_the_herd(self):
        return len(self.manager["m1"].status()["roles"].get("media_relay", {}).get("active", ()))

    def restart(self, *names):
        for name in names:
            self.es[name].kill()
            self.herd.wait_gone(self.net.event_servers[int(name[2:]) - 1], BACK_S)
        self.es.update({name: self.net.start(name, "thor-eventserver").wait_ready() for name in names})
        return time.monotonic()

    def test_to_one_of_three_event_servers(self):
        watch = self.watch()
        restarted = self.restart("es1")
        self.connected(self.net.event_servers[0])
        back = self.herd.connected_since(self.net.event_servers[0])
        print(f"{MEMBERS} members are back: half of them after {back[MEMBERS // 2] - restarted:.2f} s, all after {back[-1] - restarted:.2f} s")
        self.unchanged(watch)

    def test_to_all_event_servers_while_a_new_member_joins(self):
        watch = self.watch()
        self.restart(*self.es)
        self.net.start_node("n3", [scenario.ROLE])
        self.expect("n1", "n2", "n3")
        self.connected(*self.net.event_servers)
        self.go_on(scenario.WRONG_WOULD_SHOW_S)
        self.saw(watch, {"n1", "n2"}, {"n1", "n2", "n3"})
        self.assertEqual(MEMBERS, self.members_of_the_herd())
        self.assertEqual(2, len(watch.serials), "somebody of the herd was missed")
        self.all_answered(watch)


if __name__ == "__main__":
    scenario.main()
