#!/usr/bin/python3
"""What an event server costs: CPU and traffic with 10, 100 and 1,000 members, at rest and while members change.

One thor-eventserver on a machine of its own, one process with all the members, thor-manager and thor-dns. At rest members
renew once a second. In churn ten members a second change what they announce, however many there are.

  cpu %        of one CPU, of thor-eventserver
  in, out B/s  at its network interface, with all headers
  a member     in and out, divided by the number of members: renewals and heartbeats
  a follower   what thor-dns's machine, which follows every presence and the status, receives
"""

import argparse
import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from herd import Herd  # noqa: E402
from netns import NetnsOverlay  # noqa: E402
from overlay import wait_until  # noqa: E402

SIZES = [10, 100, 1000]
ADDRESSES, BATCH = 20, 50
CHANGES_PER_S = 10
SETTLE_S = 10.0  # the last member's arrival, the confirmations about it and the beats after it
LONG_S = 120


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Bench:
    """One size: an overlay of its own."""

    def __init__(self, net, size, seconds):
        self.net = net
        self.size = size
        self.seconds = seconds
        self.event_server = net.start_event_server()
        manager = net.start_manager()
        net.start_dns(slice=0)
        machine = net.machine("herd")
        machine.spread(ADDRESSES)
        self.herd = Herd(net, size, "media_relay", machine.inside)
        for first in range(0, size, BATCH):
            last = min(first + BATCH, size)
            self.herd.tell("start", first, last)
            self.herd.wait_connected(net.event_servers[0], LONG_S, last)
        wait_until(lambda: manager.status().get("members", 0) >= size, "all are members", LONG_S)
        time.sleep(SETTLE_S)

    def measure(self, changes_per_s):
        before = self.figures()
        began, changed = time.monotonic(), 0
        while (now := time.monotonic()) < began + self.seconds:
            while changes_per_s and changed < (now - began) * changes_per_s:
                self.change(changed)
                changed += 1
            time.sleep(0.01)
        took = time.monotonic() - began
        cpu, received, sent, followed = ((after - at_first) / took for at_first, after in zip(before, self.figures()))
        return {"members": self.size, "changes_per_s": changes_per_s, "cpu_percent": round(100 * cpu, 2), "in_b_s": round(received),
                "out_b_s": round(sent), "a_member_b_s": round((received + sent) / self.size), "a_follower_b_s": round(followed)}

    def change(self, number):
        """One member after the other drains, and then one after the other takes work again."""
        member = number % self.size
        self.herd.tell("undrain" if number // self.size % 2 else "drain", member, member + 1)

    def figures(self):
        received, sent = self.net.machine("es1").octets()
        return cpu_s(self.event_server.pid), received, sent, self.net.machine("dns1").octets()[0]


def main():
    options = argparse.ArgumentParser(prog="contrib/dev bench eventserver", description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="one JSON object a line")
    options.add_argument("--seconds", type=float, default=30, help="of each measurement (30)")
    options.add_argument("--members", type=int, action="append", help="only so many (10, 100, 1000)")
    chosen = options.parse_args()
    if not chosen.json:
        print(f"{'members':>7} {'changes/s':>9} {'cpu %':>7} {'in B/s':>9} {'out B/s':>9} {'a member B/s':>13} {'a follower B/s':>15}")
    for size in chosen.members or SIZES:
        child = os.fork()  # network namespaces are for a whole process
        if child == 0:
            play(size, chosen)
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            sys.exit(f"eventserver: with {size} members it failed")


def play(size, chosen):
    with NetnsOverlay() as net:
        bench = Bench(net, size, chosen.seconds)
        for changes_per_s in (0, CHANGES_PER_S):
            got = bench.measure(changes_per_s)
            if chosen.json:
                print(json.dumps({"bench": "eventserver", **got}), flush=True)
            else:
                print(f"{got['members']:7} {got['changes_per_s']:9} {got['cpu_percent']:7.2f} {got['in_b_s']:9} {got['out_b_s']:9} "
                      f"{got['a_member_b_s']:13} {got['a_follower_b_s']:15}", flush=True)
        bench.herd.close()


if __name__ == "__main__":
    main()
