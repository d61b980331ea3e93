#!/usr/bin/python3
"""How long it takes until DNS shows that a member joined, left, crashed or fell silent.

A running overlay (event server, manager, thor-dns, eight thor-nodes) with a real pdns_server and the shipped caches;
an independent UDP client asks once a millisecond. Times run from the cause (libthor's start(), announce() or stop() is
called; the signal is sent) to the first answer that shows the effect.

  join       a member connects (TCP, TLS, hello) and announces its role -> its SRV record is there
  announce   a connected member announces its role -> its SRV record is there
  leave      Thor.Leave -> its SRV record is gone
  burst-...  the same, 20 members 5 ms apart, seen at proxy A: with that many SRV records PowerDNS makes clients use TCP
  kill       SIGKILL of a thor-node -> gone
  stop       SIGSTOP of a thor-node -> gone
"""

import argparse
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from overlay import DOMAIN, Failure, Overlay  # noqa: E402

PROGRAM = pathlib.Path(os.environ["THOR_BENCH"]) / "bench_propagation"
ROLE = "sip_proxy"
OWNERS = {"SRV": f"_sip._udp.{DOMAIN}", "A": f"proxy.{DOMAIN}"}
BASE_NODES = [f"b{number}" for number in range(1, 9)]
BURST = 20
BURST_GAP_MS = 5
STOPPED_AT_ONCE = 5  # of 13 in the role: below the half at which the mass guard holds back
LEASE_MS = 3000
VISIBLE_S = 20
SETTLED_S = 0.2  # after issuing twenty certificates, and after the purges of the burst before

# What the project promises, p99 in ms, by case and connector.
TARGETS_MS = {("join", "http"): 20, ("join", "unix"): 8, ("leave", "http"): 20, ("leave", "unix"): 8,
              ("announce", "http"): 20, ("announce", "unix"): 8,
              ("burst-join", "http"): 20, ("burst-join", "unix"): 8,
              ("burst-leave", "http"): 20, ("burst-leave", "unix"): 8,
              ("kill", "http"): 350, ("kill", "unix"): 350,
              ("stop", "http"): LEASE_MS + 300, ("stop", "unix"): LEASE_MS + 300}


class Tool:
    """One half of bench_propagation: lines in, lines out."""

    def __init__(self, *words):
        self.child = subprocess.Popen([PROGRAM, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.changed = threading.Condition()
        self.ended = False
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.child.stdout:
            with self.changed:
                self.take(line.split())
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait(self, predicate, what, timeout_s):
        with self.changed:
            self.changed.wait_for(lambda: predicate() or self.ended, timeout_s)
            if value := predicate():
                return value
            raise Failure(f"bench_propagation ended before {what}" if self.ended else f"not within {timeout_s} s: {what}")

    def close(self):
        """Ends the program; everything it wrote has been taken."""
        self.child.stdin.close()
        self.child.wait()
        self.reader.join()


class Members(Tool):
    def __init__(self, role, certificates, event_servers):
        self.began = {}
        super().__init__("members", role, certificates, *event_servers)

    def take(self, words):
        self.began[words[1], words[2]] = int(words[0])

    def do(self, what, label, *more):
        """Has the command carried out and returns when it began, in nanoseconds."""
        print(what, label, *more, file=self.child.stdin, flush=True)
        return self.wait(lambda: self.began.get((what, label)), f"{what} {label}", 10)

    def do_in_a_row(self, what, labels, gap_ms):
        """The same with one after the other, so many milliseconds apart: {label: when it began}."""
        print("row", gap_ms * 1000, what, *labels, file=self.child.stdin, flush=True)
        self.wait(lambda: (what, labels[-1]) in self.began, f"a row of {what}", 10)
        return {label: self.began[what, label] for label in labels}


class Probe(Tool):
    """Watches one RRset of the role; a member is told by the name of its SRV record, or by its address."""

    def __init__(self, net, server, rdtype):
        self.net = net
        self.rdtype = rdtype
        self.changes = {}  # record -> [(nanoseconds, "+" or "-", answers since its last change)]
        self.end = None
        super().__init__("probe", server.address, server.port, OWNERS[rdtype], rdtype)
        for label in BASE_NODES:
            self.when(label, 0)

    def take(self, words):
        if words[0] == "end":
            self.end = [int(word) for word in words[1:]]
        else:
            self.changes.setdefault(words[2], []).append((int(words[0]), words[1], int(words[3])))

    def of(self, label):
        return self.changes.get(label if self.rdtype == "SRV" else self.net.node_addresses(label)[0], [])

    def when(self, label, number):
        """When the member's first (0: it came) or second (1: it went) change was seen."""
        return self.wait(lambda: self.of(label)[number:], f"DNS shows {label}", VISIBLE_S)[0][0]

    def wrong_answers(self, labels, changes):
        """Answers that contradict what was seen before: each member changes so many times, no more."""
        return sum(answers for label in labels for _, _, answers in self.of(label)[changes:])


class Case:
    def __init__(self, name):
        self.name = name
        self.times_ms = []
        self.labels = set()

    def add(self, label, began_ns, seen_ns):
        self.labels.add(label)
        self.times_ms.append((seen_ns - began_ns) / 1e6)

    def percentile(self, share):
        """By nearest rank."""
        ordered = sorted(self.times_ms)
        return ordered[math.ceil(share * len(ordered)) - 1]


class Bench:
    """All cases over one connector."""

    def __init__(self, net, connector, server, report, rounds):
        self.net = net
        self.connector = connector
        self.server = server
        self.report = report
        self.rounds = rounds
        self.ids = 0
        self.members = Members(ROLE, net.directory / "crowd", net.event_servers)

    def run(self, groups):
        for group in groups:
            rdtype, play = GROUPS[group]
            probe = Probe(self.net, self.server, rdtype)
            cases = play(self, probe)
            probe.close()
            for case in cases:
                self.report.case(case, self.connector, probe.wrong_answers(case.labels, 2))
            self.report.answers(group, self.connector, *probe.end, probe.wrong_answers(BASE_NODES, 1))
        self.members.close()

    def fresh(self, count=1):
        """Ids that were never seen before."""
        self.ids += count
        return [f"{self.connector[0]}{number:03x}" for number in range(self.ids - count, self.ids)]

    def certify(self, label):
        address = self.net.node_addresses(label)[0]
        self.net.ca.issue(label, [ROLE], self.net.directory / "crowd", [address])
        # thor-ca reads all it ever issued, which thousands of ids for one use would make slow.
        self.net.ca.forget_issued()
        self.members.do("prepare", label, address)

    def join_and_leave(self, probe):
        join, announce, leave = Case("join"), Case("announce"), Case("leave")
        for number in range(2 * self.rounds):
            case = announce if number % 2 else join
            (label,) = self.fresh()
            self.certify(label)
            if case is announce:
                self.members.do("connect", label)
            rest()
            case.add(label, self.members.do("announce", label), probe.when(label, 0))
            rest()
            began = self.members.do("leave", label)
            gone = probe.when(label, 1)
            if case is join:
                leave.add(label, began, gone)
            progress(self.connector, "join and leave", number // 2 + 1, self.rounds)
        return join, announce, leave

    def bursts(self, probe):
        join, leave = Case("burst-join"), Case("burst-leave")
        for number in range(self.rounds):
            labels = self.fresh(BURST)
            for label in labels:
                self.certify(label)
            for what, case, change in (("announce", join, 0), ("leave", leave, 1)):
                time.sleep(SETTLED_S)
                rest()
                began = self.members.do_in_a_row(what, labels, BURST_GAP_MS)
                for label in labels:
                    case.add(label, began[label], probe.when(label, change))
            progress(self.connector, "burst", number + 1, self.rounds)
        return join, leave

    def kills(self, probe):
        return self.signals(probe, "kill", 1, lambda node: node.kill())

    def stops(self, probe):
        return self.signals(probe, "stop", STOPPED_AT_ONCE, lambda node: node.pause())

    def signals(self, probe, name, batch, send):
        case = Case(name)
        while len(case.times_ms) < self.rounds:
            nodes = [self.net.start_node(label, [ROLE]) for label in self.fresh(min(batch, self.rounds - len(case.times_ms)))]
            for node in nodes:
                probe.when(node.name, 0)
            began = {}
            for node in nodes:
                time.sleep(random.uniform(0.1, 0.3))
                began[node.name] = time.monotonic_ns()
                send(node)
            for node in nodes:
                case.add(node.name, began[node.name], probe.when(node.name, 1))
                self.net.forget(node)
            progress(self.connector, name, len(case.times_ms), self.rounds)
        return (case,)


GROUPS = {"join": ("SRV", Bench.join_and_leave), "burst": ("A", Bench.bursts), "kill": ("SRV", Bench.kills),
          "stop": ("SRV", Bench.stops)}


def rest():
    """Rounds begin at no particular moment of anybody's timers."""
    time.sleep(random.uniform(0.03, 0.08))


def progress(*words):
    if sys.stderr.isatty():
        print("\r\033[K" + " ".join(map(str, words)), end="", file=sys.stderr, flush=True)


class Report:
    def __init__(self, as_json):
        self.as_json = as_json
        if not as_json:
            print(f"{'case':12} {'connector':9} {'rounds':>6} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}  {'p99 promised':12} wrong")

    def case(self, case, connector, wrong):
        p50, p99, worst = case.percentile(0.5), case.percentile(0.99), max(case.times_ms)
        if self.as_json:
            print(json.dumps({"bench": "propagation", "case": case.name, "connector": connector, "rounds": len(case.times_ms),
                              "p50_ms": round(p50, 2), "p99_ms": round(p99, 2), "max_ms": round(worst, 2),
                              "wrong_answers": wrong}), flush=True)
            return
        target = TARGETS_MS.get((case.name, connector))
        promise = f"<= {target}, {'kept' if p99 <= target else 'missed'}" if target else ""
        print(f"{case.name:12} {connector:9} {len(case.times_ms):6} {p50:8.2f} {p99:8.2f} {worst:8.2f}  {promise:12} {wrong}",
              flush=True)

    def answers(self, group, connector, sent, unanswered, failed, base_wrong):
        """What else the probe saw while a group of cases was played."""
        if self.as_json:
            print(json.dumps({"bench": "propagation", "case": f"{group}-queries", "connector": connector, "queries": sent,
                              "unanswered": unanswered, "failed": failed, "without_a_member": base_wrong}), flush=True)
        else:
            print(f"  {sent} queries: {unanswered} unanswered, {failed} truncated or not NOERROR, {base_wrong} without a member "
                  "that was there all the time", flush=True)


def main():
    options = argparse.ArgumentParser(prog="contrib/dev bench propagation", description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="one JSON object a line")
    options.add_argument("--rounds", type=int, default=100, help="rounds a case (100)")
    options.add_argument("--connector", choices=["http", "unix"], action="append", help="only this one")
    options.add_argument("--case", choices=list(GROUPS), action="append", help="only this group of cases")
    chosen = options.parse_args()

    report = Report(chosen.json)
    with Overlay() as net:
        net.start_event_server()
        net.start_manager()
        for label in BASE_NODES:
            net.start_node(label, [ROLE])
        crowd = net.directory / "crowd"
        crowd.mkdir()
        (crowd / "ca.crt").write_bytes(net.ca.certificate.read_bytes())
        for connector in chosen.connector or ["http", "unix"]:
            pdns_name = f"pdns-{connector}"
            dns = net.start_dns(pdns=[pdns_name], slice=0)
            pdns = net.start_pdns(pdns_name, connector)
            Bench(net, connector, pdns.server, report, chosen.rounds).run(chosen.case or GROUPS)
            pdns.stop()
            dns.stop()


if __name__ == "__main__":
    main()
