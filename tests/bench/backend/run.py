"""The figures of the remote backend: in process, and over loopback HTTP with wrk.

usage: run.py [--json]

Over HTTP the yardstick is a server that returns a constant body of the same length from the same loop: what a lookup
costs is what it falls short of that one. The two are measured in turns, because machines have moods.
"""

import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import urllib.request

PROGRAM = pathlib.Path(os.environ["THOR_BENCH"]) / "bench_backend"
TOKEN = "0123456789abcdef0123456789abcdef"
ZONE_SIZES = (10, 1000, 10000)
TURNS = 5
TURN_S = 2
CONNECTIONS = 16
QUESTIONS = {"a role's SRV": "_sip._udp.sip.example.com.", "a node": "n7.node.sip.example.com.",
             "a name that does not exist": "nobody.sip.example.com."}


def envelope(qname):
    return json.dumps({"method": "lookup", "parameters": {
        "local": "0.0.0.0", "qname": qname, "qtype": "ANY", "real-remote": "127.0.0.1/32", "remote": "127.0.0.1", "zone-id": 1}})


@contextlib.contextmanager
def serving(*options):
    """A server of the bench program; gives the URL."""
    with subprocess.Popen([PROGRAM, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield f"http://{server.stdout.readline().strip()}/{TOKEN}/"
        server.stdin.close()


def requests_per_s(url, question, directory):
    """What wrk gets in one turn."""
    script = directory / "post.lua"
    script.write_text(f"wrk.method = 'POST'\nwrk.body = [==[{question}]==]\n")
    out = subprocess.run(["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{TURN_S}s",
                          "--script", script, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(f"wrk saw failures:\n{out}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])


def add(as_json, case, **figures):
    if as_json:
        print(json.dumps({"bench": "backend", "case": case, "connector": "http", **figures}), flush=True)
    else:
        print(f"{case:50}" + "".join(f"  {value:10.4g} {name}" for name, value in figures.items()), flush=True)


def compare(as_json, members, directory):
    with serving("--serve-table", str(members)) as table:
        for name, qname in QUESTIONS.items():
            question = envelope(qname)
            with urllib.request.urlopen(table, question.encode()) as answer:
                octets = len(answer.read())
            with serving("--serve-constant", str(octets)) as constant:
                turns = [(requests_per_s(table, question, directory), requests_per_s(constant, question, directory))
                         for _ in range(TURNS)]
            add(as_json, f"HTTP {name}, {members} nodes",
                requests_per_s=statistics.median(ours for ours, _ in turns),
                constant_per_s=statistics.median(constant for _, constant in turns),
                ratio=statistics.median(ours / constant for ours, constant in turns))


def main():
    as_json = "--json" in sys.argv[1:]
    subprocess.run([PROGRAM, *(["--json"] if as_json else [])], check=True)
    with tempfile.TemporaryDirectory() as directory:
        for members in ZONE_SIZES:
            compare(as_json, members, pathlib.Path(directory))


if __name__ == "__main__":
    main()
