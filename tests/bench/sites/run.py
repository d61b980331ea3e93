"""What sites cost a name server: queries a second that dnsperf gets from a real PowerDNS, over both connectors, with and without.

usage: run.py [--json]

With sites every SRV answer of a role depends on its client, so PowerDNS caches none of them. The same questions are asked of a
role whose members are at no site and of one whose members are at four, in turns, because machines have moods.
"""

import contextlib
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))

from staticbackend import StaticBackend, start_pdns  # pylint: disable=wrong-import-position

ZONE = "sip.example.com"
MEMBERS = 20
SITES = 4
TURNS = 5
TURN_S = 3
CLIENT_SUBNET = "8:000118000a0100"  # 10.1.0.0/24 as an EDNS option (RFC 7871): a client of the first site
QUESTIONS = {
    "SRV alone": [f"_sip._udp.{ZONE} SRV", f"_sip._tcp.{ZONE} SRV", f"_sips._tcp.{ZONE} SRV"],
    # What a SIP client asks: NAPTR, SRV, and the addresses of the first targets.
    "NAPTR, SRV and addresses": [f"{ZONE} NAPTR", f"_sip._udp.{ZONE} SRV",
                                 *(f"n{member}.node.{ZONE} {rdtype}" for member in range(2) for rdtype in ("A", "AAAA"))]}


@contextlib.contextmanager
def serving(variant, sites):
    """A name server whose members are at so many sites."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="thor-bench-"))
    directory.chmod(0o755)
    try:
        backend = StaticBackend(directory, "--members", str(MEMBERS), "--sites", str(sites))
        try:
            pdns, server = start_pdns(backend, directory, variant, ZONE, {"edns-subnet-processing": "yes" if sites else "no"})
            try:
                yield server
            finally:
                pdns.kill()
        finally:
            backend.kill()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def queries_per_s(server, questions):
    """What dnsperf gets in one turn."""
    out = subprocess.run(["dnsperf", "-s", server.address, "-p", str(server.port), "-d", questions, "-c", "8", "-T", "1", "-q", "50", "-l", str(TURN_S),
                          "-E", CLIENT_SUBNET], capture_output=True, text=True, check=True).stdout
    if not re.search(r"Response codes:\s+NOERROR \d+ \(100\.00%\)", out) or not re.search(r"Queries lost:\s+0 ", out):
        raise SystemExit(f"dnsperf saw failures:\n{out}")
    return float(re.search(r"Queries per second:\s+([\d.]+)", out)[1])


def report(as_json, case, **figures):
    if as_json:
        print(json.dumps({"bench": "sites", "case": case, **figures}), flush=True)
    else:
        print(f"{case:50}" + "".join(f"  {value:10.4g} {name}" for name, value in figures.items()), flush=True)


def main():
    as_json = "--json" in sys.argv[1:]
    with tempfile.NamedTemporaryFile("w", prefix="thor-bench-") as questions:
        for variant in ("http", "unix"):
            with serving(variant, 0) as plain, serving(variant, SITES) as with_sites:
                for name, lines in QUESTIONS.items():
                    questions.seek(0)
                    questions.truncate()
                    questions.write("".join(f"{line}\n" for line in lines))
                    questions.flush()
                    turns = [(queries_per_s(plain, questions.name), queries_per_s(with_sites, questions.name)) for _ in range(TURNS)]
                    report(as_json, f"{name}, {variant}", plain_per_s=statistics.median(p for p, _ in turns),
                           sites_per_s=statistics.median(s for _, s in turns), ratio=statistics.median(s / p for p, s in turns))


if __name__ == "__main__":
    main()
