#!/usr/bin/python3
"""kill -9 of thor-dns under 2,000 queries a second: only right answers and SERVFAIL, and soon right answers again."""

import select
import socket
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

import overlaytest
from overlay import DOMAIN, Overlay, wait_until

QUERIES_PER_S = 2000
BATCH_S = 0.005
# Down for longer than PowerDNS keeps an answer, so that the crash shows.
BEFORE_S, DOWN_S, AFTER_S = 1.0, 1.5, 3.0


class Load:
    """Queries at a steady rate in turn; every answer is kept, to be judged afterwards."""

    def __init__(self, server, questions):
        self.questions = [(name, rdtype) for name, rdtype, _ in questions]
        self.expected = [expected for _, _, expected in questions]
        self.wires = []
        for name, rdtype, _ in questions:
            query = dns.message.make_query(name, rdtype, use_edns=0, payload=1232)
            query.flags &= ~dns.flags.RD
            self.wires.append(bytearray(query.to_wire()))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.udp.connect((server.address, server.port))
        self.sent = []     # when, by number of the query
        self.answers = []  # (when, octets)

    def run(self, seconds):
        next_batch, end = time.monotonic(), time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            if now >= next_batch:
                for _ in range(int(QUERIES_PER_S * BATCH_S)):
                    self.send()
                next_batch += BATCH_S
            if select.select([self.udp], [], [], max(0.0, next_batch - time.monotonic()))[0]:
                self.answers.append((time.monotonic(), self.udp.recv(65535)))

    def send(self):
        number = len(self.sent)
        wire = self.wires[number % len(self.wires)]
        wire[0:2] = (number & 0xFFFF).to_bytes(2, "big")
        self.sent.append(time.monotonic())
        self.udp.send(wire)

    def judge(self):
        """(when, "right" | "SERVFAIL" | what is wrong with it) of every answer."""
        known = {}  # most answers are the same but for their id
        verdicts = []
        for when, octets in self.answers:
            same = int.from_bytes(octets[:2], "big") % len(self.wires), octets[2:]
            if same not in known:
                known[same] = self.verdict(same[0], dns.message.from_wire(octets))
            verdicts.append((when, known[same]))
        return verdicts

    def verdict(self, which, message):
        name, rdtype = self.questions[which]
        rcode = dns.rcode.to_text(message.rcode())
        texts = {record.to_text() for rrset in message.answer
                 if rrset.rdtype == dns.rdatatype.from_text(rdtype) for record in rrset}
        if rcode == "SERVFAIL":
            return "SERVFAIL"
        return "right" if (rcode, texts) == self.expected[which] else f"{name} {rdtype}: {rcode} {sorted(texts)}"

    def close(self):
        self.udp.close()


class CrashOfThorDns(overlaytest.OverlayTest):
    def setUp(self):
        net = self.net = self.enterContext(Overlay())
        net.start_event_server()
        net.start_manager()
        self.dns = net.start_dns()
        net.start_node("gw1", ["sip_proxy"])
        net.start_node("gw2", ["sip_proxy"])

    def test_over_http(self):
        self.crash("http")

    def test_over_unix(self):
        self.crash("unix")

    def crash(self, connector):
        self.pdns = [self.net.start_pdns("pdns", connector)]
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))
        server = self.pdns[0].server
        load = Load(server, [
            (f"_sip._udp.{DOMAIN}", "SRV", ("NOERROR", self.srv(5060, "gw1", "gw2"))),
            (f"gw1.node.{DOMAIN}", "A", ("NOERROR", {self.net.node_addresses("gw1")[0]})),
            (f"_udp.{DOMAIN}", "A", ("NOERROR", set())),
            (f"_xcap._tcp.{DOMAIN}", "SRV", ("NOERROR", set())),
            *((f"nobody{number}.{DOMAIN}", "A", ("NXDOMAIN", set())) for number in range(100))])
        load.run(BEFORE_S)
        killed = time.monotonic()
        self.dns.kill()
        load.run(DOWN_S)
        restarted = time.monotonic()
        self.dns = self.net.start("dns1", "thor-dns")
        load.run(AFTER_S)
        load.close()

        verdicts = load.judge()
        wrong = [what for _, what in verdicts if what not in ("right", "SERVFAIL")]
        self.assertEqual([], wrong[:5], f"{len(wrong)} of {len(verdicts)} answers are wrong")
        failed = [when for when, what in verdicts if what == "SERVFAIL"]
        self.assertTrue(failed, "nobody noticed the crash")
        self.assertLess(killed, failed[0], "SERVFAIL before the crash")
        back = min(when for when, what in verdicts if what == "right" and when > failed[-1])
        print(f"{connector}: {len(load.sent)} queries, {len(verdicts) - len(failed)} right, {len(failed)} SERVFAIL, 0 wrong, "
              f"{len(load.sent) - len(verdicts)} unanswered; all answers are right again "
              f"{(back - restarted) * 1000:.0f} ms after the restart, {(back - killed) * 1000:.0f} ms after the crash")
        wait_until(lambda: self.dns.status().get("state") == "fresh", "thor-dns follows a manager again")


if __name__ == "__main__":
    overlaytest.main()
