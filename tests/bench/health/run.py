#!/usr/bin/python3
"""How long a dead service stays in DNS.

A running overlay (event server, manager, thor-dns, six thor-nodes) with a real pdns_server and the shipped caches. The services behind five
nodes are killed (SIGKILL) in turn, each at no particular moment between two of its checks; an independent client asks PowerDNS once a
millisecond for the role's SRV records. The time runs from the signal to the first answer without the node.

  sip-udp   OPTIONS over UDP to a responder that is gone: an ICMP error
  tcp       a connection to a port that nobody listens at
  http      the same, with a request
  command   a command that looks for the process

Promised: the interval of the check + 20 ms, with the shipped fall = 2."""

import argparse
import json
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import services  # noqa: E402
from overlay import DOMAIN, Failure, Overlay  # noqa: E402

ROLE = "sip_proxy"
OWNER = f"_sip._udp.{DOMAIN}"
NODES, OTHER = [f"gw{number}" for number in range(1, 6)], "gw0"
KINDS = {"sip-udp": "sip-udp", "tcp": "tcp", "http": "http", "command": "tcp"}  # the check, and the service behind it
INTERVALS_MS = [1000, 250]
MORE_MS = 20  # promised beyond the interval
SEEN_S = 20


def percentile(times, share):
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Node:
    """A thor-node with one check, and the service that it looks at."""

    def __init__(self, net, name, kind, interval_ms):
        self.net, self.name, self.kind = net, name, kind
        self.port = net.free_port()
        self.pid_file = net.directory / f"{name}.pid"
        self.start_service()
        check = self.check() | {"interval_ms": interval_ms, "rise": 1}
        self.daemon = net.start_node(name, [ROLE], {"role": {ROLE: {"check": [check]}}})

    def check(self):
        target = f"{self.net.address}:{self.port}"
        if self.kind == "command":
            look = self.net.directory / f"{self.name}.look"
            look.write_text(f'#!/bin/sh\nread pid < {self.pid_file} && kill -0 "$pid" 2> /dev/null\n')
            look.chmod(0o755)
            return {"type": "command", "command": [str(look)]}
        if self.kind == "http":
            return {"type": "http", "url": f"http://{target}/"}
        return {"type": "sip" if self.kind == "sip-udp" else "tcp", "target": target}

    def start_service(self):
        self.service = services.start(self.net, KINDS[self.kind], self.net.address, self.port)
        self.pid_file.write_text(f"{self.service.pid}\n")

    def restart_service(self):
        self.net.forget(self.service)
        self.start_service()

    def end(self):
        self.daemon.stop()
        self.net.forget(self.daemon)
        self.net.forget(self.service)


class Bench:
    def __init__(self, net, server, rounds):
        self.net, self.server, self.rounds = net, server, rounds
        net.start_node(OTHER, [ROLE], {"role": {ROLE: {"check": []}}}).wait_ready()

    def seen(self, name, wanted):
        def shows(answer):
            return answer.rcode == "NOERROR" and any(f" {name}.node." in text for text in answer.texts("SRV")) == wanted
        when, last = self.server.watch(OWNER, "SRV", shows, SEEN_S)
        if when is None:
            raise Failure(f"not within {SEEN_S} s: {name} is {'in' if wanted else 'not in'} DNS; the last answer was {last}")
        return when

    def play(self, kind, interval_ms):
        """One kind of check at one interval; returns the times in milliseconds."""
        nodes = [Node(self.net, name, kind, interval_ms) for name in NODES]
        times = []
        for number in range(self.rounds):
            node = nodes[number % len(nodes)]
            self.seen(node.name, True)
            time.sleep(random.uniform(0, interval_ms / 1000))
            began = time.monotonic()
            node.service.kill()  # and reaped: for kill -0 a zombie lives
            times.append((self.seen(node.name, False) - began) * 1000)
            node.restart_service()
            if sys.stderr.isatty():
                print(f"\r\033[K{kind} {interval_ms} ms {number + 1}/{self.rounds}", end="", file=sys.stderr, flush=True)
        for node in nodes:
            node.end()
            self.seen(node.name, False)
        return times


def report(as_json, kind, interval_ms, times):
    p50, p99, worst = percentile(times, 0.5), percentile(times, 0.99), max(times)
    promised = interval_ms + MORE_MS
    if as_json:
        print(json.dumps({"bench": "health", "check": kind, "interval_ms": interval_ms, "rounds": len(times), "p50_ms": round(p50, 2),
                          "p99_ms": round(p99, 2), "max_ms": round(worst, 2), "promised_ms": promised, "kept": worst <= promised}), flush=True)
    else:
        print(f"{kind:9} {interval_ms:11} {len(times):6} {p50:8.1f} {p99:8.1f} {worst:8.1f}   "
              f"<= {promised}, {'kept' if worst <= promised else 'missed'}", flush=True)


def main():
    options = argparse.ArgumentParser(prog="contrib/dev bench health", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="one JSON object a line")
    options.add_argument("--rounds", type=int, default=50, help="services killed a case (50)")
    options.add_argument("--check", choices=list(KINDS), action="append", help="only this kind of check")
    options.add_argument("--interval", type=int, action="append", metavar="MS", help=f"only this interval ({INTERVALS_MS})")
    chosen = options.parse_args()

    if not chosen.json:
        print(f"{'check':9} {'interval ms':>11} {'rounds':>6} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}   promised")
    with Overlay() as net:
        net.start_event_server()
        net.start_manager()
        net.start_dns(slice=0)
        bench = Bench(net, net.start_pdns().server, chosen.rounds)
        for kind in chosen.check or KINDS:
            for interval_ms in chosen.interval or INTERVALS_MS:
                report(chosen.json, kind, interval_ms, bench.play(kind, interval_ms))


if __name__ == "__main__":
    main()
