#!/usr/bin/python3
"""Queries a second through a real PowerDNS: its bind and gsqlite3 backends, and thor-dns over HTTP and over Unix.

The same zone everywhere (eight members and the operator's records), the same questions, the same cache settings, dnsperf, rounds in turns, medians.

  shipped caches   the settings of pdns-conf: what is asked again within a second is answered from memory
  caches off       every question goes to the backend; the yardstick is a responder that has nothing to do (main.cpp)
  freshness        a member announces a role or leaves while dnsperf asks at half the rate of saturation: until DNS shows it
"""

import argparse
import importlib.util
import json
import os
import pathlib
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "support"))
from overlay import DOMAIN, SOURCE, Overlay, Pdns, wait_until, with_options  # noqa: E402

PROGRAM = pathlib.Path(os.environ["THOR_BENCH"]) / "bench_pdns"
MEMBERS = [f"b{number}" for number in range(1, 9)]
ROLE = "sip_proxy"
STATIC_NAMES = 100
TURN_S = 3
QUESTIONS = 2_000
RATIO_PROMISED = 0.95
FRESH_MS_PROMISED = 20

CACHES = {"shipped": {}, "off": {"query-cache-ttl": 0, "negquery-cache-ttl": 0}}


def propagation():
    """The rounds of another bench, and its probe."""
    spec = importlib.util.spec_from_file_location("propagation", HERE.parent / "propagation" / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- the zone

def add_static_records(net):
    """What an operator has besides: hosts, aliases, texts."""
    rows = [(f"host{number}", rdtype, content) for number in range(STATIC_NAMES - 20)
            for rdtype, content in (("A", f"192.0.2.{number}"), ("AAAA", f"2001:db8:1::{number:x}"))]
    rows += [(f"alias{number}", "CNAME", f"host{number}.{DOMAIN}.") for number in range(15)]
    rows += [(f"deep{number}.below", "TXT", f'"text {number}"') for number in range(4)] + [("", "MX", f"10 host1.{DOMAIN}.")]
    with sqlite3.connect(net.home("dns1") / "state" / "operator.sqlite3", timeout=10) as db:
        (zone,) = db.execute("SELECT id FROM domains WHERE name LIKE ?", (DOMAIN + "%",)).fetchone()
        db.executemany("INSERT INTO records (domain_id, name, type, content, ttl) VALUES (?, ?, ?, ?, 300)",
                       [(zone, f"{name}.{DOMAIN}" if name else DOMAIN, rdtype, content) for name, rdtype, content in rows])
    db.close()


def names_of(lines):
    """Every name that exists, empty non-terminals too."""
    names = set()
    for line in lines:
        name = line.split()[0].lower()
        while name.endswith(f"{DOMAIN}."):
            names.add(name)
            name = name.partition(".")[2]
    return sorted(names)


def questions():
    """What SIP clients ask: NAPTR, SRV, the addresses of the targets; some ask for what is not there."""
    dice = random.Random(1)
    lines = []
    for _ in range(QUESTIONS):
        chance = dice.random()
        if chance < 0.15:
            line = f"{DOMAIN} NAPTR"
        elif chance < 0.45:
            line = f"{dice.choice(['_sip._udp', '_sip._tcp', '_sips._tcp'])}.{DOMAIN} SRV"
        elif chance < 0.75:
            line = f"{dice.choice(MEMBERS)}.node.{DOMAIN} {dice.choice(['A', 'AAAA'])}"
        elif chance < 0.90:
            line = f"{dice.choice(['host', 'alias'])}{dice.randrange(15)}.{DOMAIN} {dice.choice(['A', 'AAAA'])}"
        elif chance < 0.95:
            line = f"nobody{dice.randrange(20)}.{DOMAIN} A"
        else:
            line = f"host{dice.randrange(20)}.{DOMAIN} MX"
        lines.append(line + "\n")
    return "".join(lines)


# ---- name servers

def start_plain(net, name, backend_lines, options):
    """A pdns_server with one of its own backends, and the shipped settings besides."""
    home = net.home(name)
    address, port = net.endpoint(name, 53)
    text = (SOURCE / "pdns-conf" / "unix" / "pdns.conf").read_text().replace("launch=remote\n", backend_lines)
    text = re.sub("^remote-.*\n", "", text, flags=re.M)
    text = with_options(text, options | {"local-address": address, "local-port": port, "socket-dir": home / "run", "setgid": os.getgid()})
    (home / "pdns.conf").write_text(text)
    pdns = Pdns(name, home, net.directory / f"{name}.log", address, port)
    net.processes.append(pdns)
    return pdns.wait_ready()


def bind_backend(net, lines):
    """The zone as a master file; its lines are presentation text with absolute names."""
    home = net.home("bind")
    (home / "zone").write_text("".join(re.sub(r"^(\S+) (\d+) ", r"\1 \2 IN ", line) + "\n" for line in lines))
    (home / "named.conf").write_text(f'zone "{DOMAIN}" {{ type master; file "{home}/zone"; }};\n')
    return f"launch=bind\nbind-config={home}/named.conf\n"


def gsqlite3_backend(net):
    """A copy of zone.sqlite3, as pdns-conf/emergency serves it."""
    database = net.home("gsqlite3") / "zone.sqlite3"
    with sqlite3.connect(net.home("dns1") / "state" / "zone.sqlite3") as source, sqlite3.connect(database) as copy:
        source.backup(copy)
    source.close()
    copy.close()
    return f"launch=gsqlite3\ngsqlite3-database={database}\ngsqlite3-dnssec=no\n"


class Responder:
    """main.cpp, with the answers of a thor-dns."""

    def __init__(self, net, names):
        self.net = net
        self.path = net.home("responder") / "pdns.sock"
        file = net.home("responder") / "answers"
        file.write_text("".join(self.answers(names)))
        self.child = subprocess.Popen([PROGRAM, file, self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.child.stdout.readline())

    def answers(self, names):
        yield 'initialize\t\t{"result":true}\n'
        yield f"getalldomains\t\t{self.ask('getAllDomains', include_disabled=True)}\n"
        for method in ("getDomainInfo", "getAllDomainMetadata"):
            yield f"{method.lower()}\t{DOMAIN}.\t{self.ask(method, name=DOMAIN + '.')}\n"
        for name in names:
            yield f"lookup\t{name}\t{self.ask('lookup', qname=name, qtype='ANY')}\n"

    def ask(self, method, **parameters):
        token = (self.net.home("dns1") / "state" / "pdns-token").read_text().strip()
        body = json.dumps({"method": method, "parameters": parameters}).encode()
        with urllib.request.urlopen(f"http://{self.net.http_backends['dns1']}/{token}/", body) as response:
            return response.read().decode().strip()

    def start_pdns(self, connector):
        """A pdns_server in front of it, as one in front of thor-dns."""
        strings = {"http": f"http:url=http://127.0.0.1:{self.port}/,post=1,post_json=1,timeout=2000", "unix": f"unix:path={self.path},timeout=2000"}
        return self.net.start_pdns(f"constant-{connector}-off", connector, options=CACHES["off"] | {"remote-connection-string": strings[connector]})

    def close(self):
        self.child.stdin.close()
        self.child.wait()


# ---- measuring

def dnsperf(server, file, seconds, rate=None):
    """The command that asks `server`."""
    limit = ["-Q", str(rate)] if rate else []
    return ["dnsperf", "-s", server.address, "-p", str(server.port), "-d", file, "-c", "8", "-T", "1", "-q", "50", "-l", str(seconds), *limit]


def queries_per_s(server, file):
    out = subprocess.run(dnsperf(server, file, TURN_S), capture_output=True, text=True, check=True).stdout
    codes = dict(re.findall(r"(NOERROR|NXDOMAIN|SERVFAIL|REFUSED) \d+ \(([\d.]+)%\)", out))
    if set(codes) != {"NOERROR", "NXDOMAIN"} or not re.search(r"Queries lost:\s+0 ", out):
        raise SystemExit(f"dnsperf saw failures:\n{out}")
    return float(re.search(r"Queries per second:\s+([\d.]+)", out)[1])


def measure(servers, file, rounds):
    """name -> one figure a round; every server once a round, in another order each time."""
    figures = {name: [] for name in servers}
    for number in range(rounds):
        turn = list(servers)
        random.shuffle(turn)
        for name in turn:
            figures[name].append(queries_per_s(servers[name], file))
        progress(f"round {number + 1} of {rounds}")
    return figures


def freshness(net, connector, pdns, file, rate, rounds):
    """Times in ms from the cause to DNS, under so many queries a second."""
    bench = propagation()
    load = subprocess.Popen(dnsperf(pdns.server, file, 600, rate), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    members = bench.Members(ROLE, net.directory / "crowd", net.event_servers)
    probe = bench.Probe(net, pdns.server, "SRV")
    times = []
    try:
        for number in range(rounds):
            label = f"f{connector[0]}{number}"
            address = net.node_addresses(label)[0]
            net.ca.issue(label, [ROLE], net.directory / "crowd", [address])
            members.do("prepare", label, address)
            members.do("connect", label)
            for what, change in (("announce", 0), ("leave", 1)):
                bench.rest()
                began = members.do(what, label)
                times.append((probe.when(label, change) - began) / 1e6)
            progress(f"freshness, {connector}: {number + 1} of {rounds}")
    finally:
        load.terminate()
        load.wait()
        members.close()
        probe.close()
    return sorted(times), probe.wrong_answers(MEMBERS, 1)


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


class Report:
    def __init__(self, as_json):
        self.as_json = as_json

    def line(self, text, **figures):
        print(json.dumps({"bench": "pdns", **figures}) if self.as_json else text, flush=True)

    def rates(self, caches, figures, yardsticks):
        """Ratios are medians of those within a round."""
        for name, rates in figures.items():
            ratios = {f"of {other}": statistics.median(a / b for a, b in zip(rates, figures[other]))
                      for other in yardsticks if other in figures and other != name}
            promised = [ratio for other, ratio in ratios.items() if name in ("http", "unix") and (caches == "shipped") == (other == "of bind")
                        and (caches == "shipped" or other == f"of constant-{name}")]
            verdict = "".join(f"  >= {RATIO_PROMISED}: {'kept' if ratio >= RATIO_PROMISED else 'missed'}" for ratio in promised)
            self.line(f"caches {caches:8} {name:14} {statistics.median(rates):10.0f}/s  ({min(rates):.0f} to {max(rates):.0f})"
                      + "".join(f"  {ratio:5.2f} {other}" for other, ratio in ratios.items()) + verdict,
                      case=f"caches {caches}", server=name, median_per_s=round(statistics.median(rates)), rates_per_s=[round(rate) for rate in rates],
                      ratios={other: round(ratio, 3) for other, ratio in ratios.items()})

    def fresh(self, connector, rate, times, wrong):
        def percentile(share):
            return times[min(len(times) - 1, int(share * len(times)))]
        kept = "kept" if percentile(0.99) <= FRESH_MS_PROMISED else "missed"
        self.line(f"freshness {connector:5} at {rate:7.0f}/s: {len(times)} changes, p50 {percentile(0.5):.1f} ms, p99 {percentile(0.99):.1f} ms, "
                  f"max {times[-1]:.1f} ms  <= {FRESH_MS_PROMISED}: {kept}; {wrong} answers without a member that was there",
                  case="freshness", server=connector, rate_per_s=round(rate), changes=len(times), p50_ms=round(percentile(0.5), 2),
                  p99_ms=round(percentile(0.99), 2), max_ms=round(times[-1], 2), wrong_answers=wrong)


def main():
    options = argparse.ArgumentParser(prog="contrib/dev bench pdns", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="one JSON object a line")
    options.add_argument("--rounds", type=int, default=5, help="rounds of each rate (5)")
    options.add_argument("--changes", type=int, default=50, help="members that come and go for the freshness (50)")
    options.add_argument("--case", choices=["shipped", "off", "freshness"], action="append", help="only this one")
    chosen = options.parse_args()
    cases = chosen.case or ["shipped", "off", "freshness"]
    report = Report(chosen.json)
    with Overlay() as net:
        net.start_event_server()
        net.start_manager()
        control = [f"{connector}-{caches}" for caches in CACHES for connector in ("http", "unix")]
        dns = net.start_dns(pdns=control, slice=0)
        add_static_records(net)
        for label in MEMBERS:
            net.start_node(label, [ROLE])
        ours = {(connector, caches): net.start_pdns(f"{connector}-{caches}", connector, options=settings)
                for caches, settings in CACHES.items() for connector in ("http", "unix")}
        first = ours["http", "shipped"].server
        wait_until(lambda: len(first.ask(f"_sip._udp.{DOMAIN}", "SRV").texts("SRV")) == len(MEMBERS), "all members are in DNS")
        wait_until(lambda: first.ask(f"host1.{DOMAIN}", "A").rcode == "NOERROR" and not dns.status()["divergent"], "the static records are in DNS")
        lines = first.transfer(DOMAIN)
        names = names_of(lines)
        wait_until(lambda: zone_on_disk(net) == first.ask(DOMAIN, "SOA").texts("SOA"), "zone.sqlite3 holds the zone")
        own = {"bind": bind_backend(net, lines), "gsqlite3": gsqlite3_backend(net)}
        file = net.directory / "questions"
        file.write_text(questions())
        (net.directory / "crowd").mkdir()
        (net.directory / "crowd" / "ca.crt").write_bytes(net.ca.certificate.read_bytes())
        responder = Responder(net, names)
        report.line(f"{len(names)} names, {len(lines)} records; {chosen.rounds} rounds of {TURN_S} s", case="zone", names=len(names), records=len(lines))
        rates = {}
        for caches, settings in CACHES.items():
            if caches not in cases and not (caches == "shipped" and "freshness" in cases):
                continue
            servers = {name: start_plain(net, f"{name}-{caches}", text, settings).server for name, text in own.items()}
            servers |= {connector: ours[connector, caches].server for connector in ("http", "unix")}
            if caches == "off":
                servers |= {f"constant-{connector}": responder.start_pdns(connector).server for connector in ("http", "unix")}
            rates[caches] = measure(servers, file, chosen.rounds)
            report.rates(caches, rates[caches], ["bind", "gsqlite3"] + (["constant-http", "constant-unix"] if caches == "off" else []))
        if "freshness" in cases:
            for connector in ("http", "unix"):
                rate = statistics.median(rates["shipped"][connector]) / 2
                report.fresh(connector, rate, *freshness(net, connector, ours[connector, "shipped"], file, rate, chosen.changes))
        responder.close()


def zone_on_disk(net):
    with sqlite3.connect(net.home("dns1") / "state" / "zone.sqlite3") as db:
        found = db.execute("SELECT content FROM records WHERE type = 'SOA' AND name = ?", (DOMAIN,)).fetchone()
    db.close()
    if not found:
        return None
    words = found[0].split()
    return {" ".join([*(word if word.endswith(".") else word + "." for word in words[:2]), *words[2:]])}


if __name__ == "__main__":
    main()
