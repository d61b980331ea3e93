#!/usr/bin/python3
"""How long the overlay is without a part that died, and whether DNS notices.

Machines in network namespaces: three event servers, three managers, thor-dns with a real pdns_server, nine thor-nodes.

  manager-kill   SIGKILL of the active manager -> a subscriber of Thor.Members has the next status, from another one
  manager-stop   SIGSTOP of the active manager -> the same
  eventserver    SIGKILL of one of three event servers to which 500 more members are connected, started again at once
                 -> a member is connected to it again; every member of every round is one time
  hold-restart   a thor-node with on_stop = "hold" ends and starts again, with the 500 -> it is connected everywhere again
  kill, stop     SIGKILL and SIGSTOP of one of nine thor-nodes -> DNS answers without it
  serf-kill, serf-stop
                 the same with nine agents of serf (Debian's, LAN profile) -> the first of the others reports it failed

DNS is asked some dozen times a second all the while; the last column counts changes of members or serial that should not
have been.
"""

import argparse
import asyncio
import json
import logging
import pathlib
import random
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from herd import Herd  # noqa: E402
from netns import NetnsOverlay  # noqa: E402
from overlay import DOMAIN, SOURCE, Failure, wait_until  # noqa: E402
from scenario import Watch  # noqa: E402

sys.path.insert(0, str(SOURCE / "contrib" / "python"))
from thor_client import Client, Credentials  # noqa: E402

ROLE = "sip_proxy"
NODES = [f"n{number}" for number in range(1, 10)]
EVENT_SERVERS = ["es1", "es2", "es3"]
MANAGERS = ["m1", "m2", "m3"]
HERD, HERD_ADDRESSES, HERD_BATCH = 500, 20, 50
LEASE_S = 3
LONG_S = 60
# What the project promises, p99 in ms.
TARGETS_MS = {"manager-kill": 500, "manager-stop": 1000 * LEASE_S + 500}
# What the project promises to be ahead of serf, in medians.
AHEAD = {"kill": 10, "stop": 2}


class Statuses(threading.Thread):
    """Follows Thor.Members: when each status came, and of which epoch it was."""

    def __init__(self, net):
        super().__init__(daemon=True)
        tls = net.home("observer") / "tls"
        net.ca.issue("observer", ["thor_monitor"], tls)
        self.credentials = Credentials(tls / "observer.crt", tls / "observer.key", net.ca.certificate)
        self.servers = list(net.event_servers)
        self.latest = None  # (when, epoch)
        self.changed = threading.Condition()
        self.start()

    def run(self):
        asyncio.run(self.follow())

    async def follow(self):
        async with Client(self.credentials, self.servers, ["Thor.Members"]) as client:
            async for message in client:
                if message["type"] == "event":
                    with self.changed:
                        self.latest = time.monotonic(), tuple(client.view.epoch)
                        self.changed.notify_all()

    def epoch(self):
        with self.changed:
            self.changed.wait_for(lambda: self.latest, LONG_S)
            return self.latest[1]

    def next_epoch(self, after):
        """When the first status of a later epoch came."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.latest[1] > after, LONG_S):
                raise Failure(f"no status after epoch {after}")
            return self.latest[0]


class Serf:
    """Nine agents of serf on loopback, and what they report."""

    def __init__(self, directory):
        self.directory = directory
        self.agents = {}
        self.reported = {}  # (member, event) -> {reporter: when}
        self.changed = threading.Condition()
        for name in NODES:
            self.launch(name)
        for name in NODES:
            self.wait(name, "EventMemberJoin", len(NODES) - 1)

    @staticmethod
    def address(name):
        return f"127.0.7.{name[1:]}"

    def launch(self, name):
        words = ["serf", "agent", f"-node={name}", f"-bind={self.address(name)}:7946", f"-rpc-addr={self.address(name)}:7373", "-profile=lan",
                 *(f"-retry-join={self.address(other)}:7946" for other in NODES[:2] if other != name), "-retry-interval=1s"]
        self.agents[name] = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *words], stdin=subprocess.DEVNULL,
                                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self.read, args=(name, self.agents[name].stdout), daemon=True).start()

    def read(self, reporter, lines):
        for line in lines:
            words = line.split()
            for position, word in enumerate(words[:-1]):
                if word in ("EventMemberFailed:", "EventMemberJoin:"):
                    with self.changed:
                        self.reported.setdefault((words[position + 1], word[:-1]), {})[reporter] = time.monotonic()
                        self.changed.notify_all()

    def forget(self, name):
        with self.changed:
            for event in ("EventMemberFailed", "EventMemberJoin"):
                self.reported.pop((name, event), None)

    def wait(self, name, event, reporters):
        """When the first one reported it; waits for that many."""
        def reports():
            return {who: when for who, when in self.reported.get((name, event), {}).items() if who != name}
        with self.changed:
            if not self.changed.wait_for(lambda: len(reports()) >= reporters, LONG_S):
                raise Failure(f"serf: {event} {name} is reported by {len(reports())} of {reporters}")
            return min(reports().values())

    def kill(self, name):
        self.forget(name)
        began = time.monotonic()
        self.agents[name].kill()
        seen = self.wait(name, "EventMemberFailed", 1)
        self.wait(name, "EventMemberFailed", len(NODES) - 1)
        self.agents[name].wait()
        self.forget(name)
        self.launch(name)
        self.wait(name, "EventMemberJoin", len(NODES) - 1)
        return seen - began

    def stop(self, name):
        self.forget(name)
        began = time.monotonic()
        self.agents[name].send_signal(subprocess.signal.SIGSTOP)
        seen = self.wait(name, "EventMemberFailed", 1)
        self.wait(name, "EventMemberFailed", len(NODES) - 1)
        self.forget(name)
        self.agents[name].send_signal(subprocess.signal.SIGCONT)
        self.wait(name, "EventMemberJoin", len(NODES) - 1)
        return seen - began

    def close(self):
        for agent in self.agents.values():
            agent.kill()
            agent.wait()


class Bench:
    def __init__(self, net, rounds, serf_rounds):
        self.net = net
        self.rounds = rounds
        self.serf_rounds = serf_rounds
        net.event_servers = ["{}:{}".format(*net.endpoint(name, 8000)) for name in EVENT_SERVERS]
        self.es = {name: net.start_event_server(name, listen) for name, listen in zip(EVENT_SERVERS, net.event_servers)}
        self.manager = {name: net.start_manager(name) for name in MANAGERS}
        net.start_dns(slice=0)
        self.pdns = net.start_pdns()
        self.node = {name: net.start_node(name, [ROLE], {"on_stop": "hold", "hold_s": 30}) for name in NODES}
        self.in_dns(NODES)
        self.statuses = Statuses(net)
        self.herd = None

    # ---- what is waited for

    def in_dns(self, names):
        """When DNS showed exactly these members."""
        expected = {f"10 100 5060 {name}.node.{DOMAIN}." for name in names}
        when, last = self.pdns.server.watch(f"_sip._udp.{DOMAIN}", "SRV", lambda answer: answer.texts("SRV") == expected, LONG_S)
        if when is None:
            raise Failure(f"DNS does not come to show {names}: {last}")
        return when

    def connected_everywhere(self, name):
        for server in self.es.values():
            wait_until(lambda server=server: any(entry["id"] == name and entry["state"] == "connected"
                                                 for entry in server.status().get("members", ())), f"{name} is connected", LONG_S)

    def is_warm(self, manager):
        """It could take over at once."""
        status = self.manager[manager].status()
        return status.get("state") == "standby" and len(status["event_servers"]) == len(EVENT_SERVERS)

    def rest(self):
        """Rounds begin at no particular moment of anybody's timers."""
        time.sleep(random.uniform(0.5, 1.5))

    def watched(self, play):
        """Plays rounds under a watch; returns times and the number of changes in DNS."""
        watch = Watch(self.pdns.server)
        wait_until(lambda: watch.members and watch.serials, "DNS answers the watch")
        times = play()
        time.sleep(LEASE_S)
        watch.stop()
        return times, len(watch.members) + len(watch.serials) - 2

    def each_round(self, name, rounds, play):
        times = []
        for number in range(rounds):
            self.rest()
            times += play(number)
            if sys.stderr.isatty():
                print(f"\r\033[K{name} {number + 1}/{rounds}", end="", file=sys.stderr, flush=True)
        return times

    # ---- cases

    def managers(self, name, strike, heal):
        def play(_):
            epoch = self.statuses.epoch()
            active = epoch[1].decode()
            began = time.monotonic()
            strike(self.manager[active])
            seen = self.statuses.next_epoch(epoch)
            heal(active)
            wait_until(lambda: self.is_warm(active), f"{active} is warm again", LONG_S)
            time.sleep(LEASE_S)  # until then it takes nobody's word against anybody
            return [(seen - began) * 1000]
        return self.watched(lambda: self.each_round(name, self.rounds, play))

    def manager_kill(self):
        def heal(name):
            self.manager[name] = self.net.start(name, "thor-manager").wait_ready()
        return self.managers("manager-kill", lambda manager: manager.kill(), heal)

    def manager_stop(self):
        return self.managers("manager-stop", lambda manager: manager.pause(), lambda name: self.manager[name].resume())

    def with_herd(self):
        if self.herd is None:
            machine = self.net.machine("herd")
            machine.spread(HERD_ADDRESSES)
            self.herd = Herd(self.net, HERD, "media_relay", machine.inside)
            for first in range(0, HERD, HERD_BATCH):
                self.herd.tell("start", first, first + HERD_BATCH)
                for server in self.net.event_servers:
                    self.herd.wait_connected(server, LONG_S, first + HERD_BATCH)
            time.sleep(2 * LEASE_S)

    def event_server(self):
        def play(number):
            position = number % len(EVENT_SERVERS)
            name, address = EVENT_SERVERS[position], self.net.event_servers[position]
            began = time.monotonic()
            self.es[name].kill()
            self.herd.wait_gone(address, LONG_S)
            self.es[name] = self.net.start(name, "thor-eventserver").wait_ready()
            self.herd.wait_connected(address, LONG_S)
            return [(when - began) * 1000 for when in self.herd.connected_since(address)]
        self.with_herd()
        return self.watched(lambda: self.each_round("eventserver", self.rounds, play))

    def hold_restart(self):
        def play(number):
            name = NODES[number % len(NODES)]
            began = time.monotonic()
            self.node[name].stop()
            self.node[name] = self.net.start(name, "thor-node")
            self.connected_everywhere(name)
            return [(time.monotonic() - began) * 1000]
        self.with_herd()
        return self.watched(lambda: self.each_round("hold-restart", self.rounds, play))

    def beside_serf(self):
        """Ours and serf's in turn, on a machine that does the same otherwise."""
        serf = Serf(self.net.directory)
        times = {"kill": [], "serf-kill": [], "stop": [], "serf-stop": []}

        def play(number):
            name = NODES[number % len(NODES)]
            others = [other for other in NODES if other != name]
            for what in ("kill", "stop"):
                node = self.node[name]
                began = time.monotonic()
                getattr(node, {"kill": "kill", "stop": "pause"}[what])()
                times[what].append((self.in_dns(others) - began) * 1000)
                if what == "kill":
                    self.node[name] = self.net.start(name, "thor-node")
                else:
                    node.resume()
                self.in_dns(NODES)
                times[f"serf-{what}"].append(getattr(serf, what)(name) * 1000)
            return []
        self.each_round("beside serf", self.serf_rounds, play)
        serf.close()
        return times


class Report:
    def __init__(self, as_json):
        self.as_json = as_json
        if not as_json:
            print(f"{'case':14} {'times':>6} {'p50 ms':>9} {'p99 ms':>9} {'max ms':>9}  {'p99 promised':16} changes in DNS")

    def case(self, name, times_ms, changes=None):
        ordered = sorted(times_ms)
        p50, p99, worst = statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))], ordered[-1]
        if self.as_json:
            print(json.dumps({"bench": "failover", "case": name, "times": len(ordered), "p50_ms": round(p50, 2), "p99_ms": round(p99, 2),
                              "max_ms": round(worst, 2), **({} if changes is None else {"dns_changes": changes})}), flush=True)
            return
        target = TARGETS_MS.get(name)
        promise = f"<= {target}, {'kept' if p99 <= target else 'missed'}" if target else ""
        print(f"{name:14} {len(ordered):6} {p50:9.2f} {p99:9.2f} {worst:9.2f}  {promise:16} {'' if changes is None else changes}", flush=True)

    def ratio(self, what, times):
        ratio = statistics.median(times[f"serf-{what}"]) / statistics.median(times[what])
        if self.as_json:
            print(json.dumps({"bench": "failover", "case": f"{what}-ahead-of-serf", "ratio_of_medians": round(ratio, 2)}), flush=True)
        else:
            print(f"  {what}: ahead of serf {ratio:.1f} times in medians (promised: {AHEAD[what]})", flush=True)


CASES = {"manager-kill": Bench.manager_kill, "manager-stop": Bench.manager_stop, "eventserver": Bench.event_server,
         "hold-restart": Bench.hold_restart}


def main():
    options = argparse.ArgumentParser(prog="contrib/dev bench failover", description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="one JSON object a line")
    options.add_argument("--rounds", type=int, default=50, help="rounds a case (50)")
    options.add_argument("--serf-rounds", type=int, default=20, help="rounds beside serf (20)")
    options.add_argument("--case", choices=[*CASES, "serf"], action="append", help="only this one")
    chosen = options.parse_args()

    logging.getLogger("thor").setLevel(logging.ERROR)  # that event servers are not there is what is played here
    report = Report(chosen.json)
    with NetnsOverlay() as net:
        bench = Bench(net, chosen.rounds, chosen.serf_rounds)
        wanted = chosen.case or [*CASES, "serf"]
        # The herd comes after what does not need it.
        if "serf" in wanted:
            times = bench.beside_serf()
            for name, of_case in times.items():
                report.case(name, of_case)
            for what in AHEAD:
                report.ratio(what, times)
        for name, play in CASES.items():
            if name in wanted:
                report.case(name, *play(bench))
        if bench.herd:
            bench.herd.close()


if __name__ == "__main__":
    main()
