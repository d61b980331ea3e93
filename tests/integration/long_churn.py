#!/usr/bin/python3
"""Ten minutes in the life of an overlay: members start, leave, crash, hang, wake and drain, event servers and thor-dns
are killed and come back, all at random; DNS is asked all the while.

What must hold: a member that nothing happened to for a while is in every answer, one that is gone for a while is in
none, and whenever things are quiet the answer is exact."""

import os
import random
import time

import overlaytest
from overlay import DOMAIN, Overlay

SECONDS = float(os.environ.get("THOR_CHURN_S", "600"))
NODES = [f"n{number}" for number in range(1, 13)]
SILENT_MAX = 4          # below the half of a role at which the mass guard holds back
PAUSES_PER_MINUTE = 2   # per member: the third would count as flapping
# After an event a member may be either way for as long as detection, an outage of thor-dns and a slow machine take.
SETTLE_S = 12.0
ROUND_S = 15.0


class Member:
    def __init__(self, net, name):
        self.net = net
        self.name = name
        self.node = None
        self.state = "out"
        self.drained = False  # outlives a restart
        self.since = 0.0
        self.pauses = []

    def become(self, state):
        self.state = state
        self.since = time.monotonic()

    def expected(self):
        return self.state == "in"

    def settled(self, now):
        return now - self.since > SETTLE_S

    def choices(self, now, silent):
        if self.state == "out":
            return [self.start]
        if self.state == "silent":
            return [self.wake]
        if self.state == "draining":
            return [self.undrain, self.crash]
        may_pause = silent < SILENT_MAX and sum(now - at < 60 for at in self.pauses) < PAUSES_PER_MINUTE
        return [self.leave, self.crash, self.drain] + [self.hang] * may_pause

    def start(self):
        if self.node in self.net.processes:
            self.net.forget(self.node)
        self.node = self.net.start_node(self.name, ["sip_proxy"])
        self.become("draining" if self.drained else "in")

    def leave(self):
        self.node.stop()
        self.become("out")

    def crash(self):
        self.node.kill()
        self.become("out")

    def hang(self):
        self.pauses.append(time.monotonic())
        self.node.pause()
        self.become("silent")

    def wake(self):
        self.node.resume()
        self.become("in")

    def drain(self):
        # A node that has just started may not answer yet; then nothing happened.
        if self.node.command("drain 3600") is not None:
            self.drained = True
            self.become("draining")

    def undrain(self):
        if self.node.command("undrain") is not None:
            self.drained = False
            self.become("in")


class Churn(overlaytest.OverlayTest):
    def setUp(self):
        net = self.net = self.enterContext(Overlay())
        self.servers = {name: net.start_event_server(name, listen=listen) for name, listen in self.event_servers(net)}
        net.start_manager()
        self.dns = net.start_dns(slice=0)
        self.pdns = [net.start_pdns()]
        self.members = [Member(net, name) for name in NODES]

    @staticmethod
    def event_servers(net):
        addresses = [(f"es{number}", f"{net.address}:{net.free_port()}") for number in (1, 2, 3)]
        net.event_servers = [address for _, address in addresses]
        return addresses

    def ask(self):
        """The members in DNS; None when there is no answer, as while thor-dns is down."""
        answer = self.pdns[0].server.ask(f"_sip._udp.{DOMAIN}", "SRV", timeout_s=1.0)
        if answer.rcode != "NOERROR":
            self.assertIn(answer.rcode, ("SERVFAIL", "TIMEOUT"))
            return None
        return {text.split()[3].split(".")[0] for text in answer.texts("SRV")}

    def watch(self, seconds):
        """Asks every few milliseconds, and holds each answer against what is settled."""
        end = time.monotonic() + seconds
        while (asked := time.monotonic()) < end:
            seen = self.ask()
            for member in self.members:
                if seen is not None and member.settled(asked):
                    self.answers += 1
                    self.assertEqual(member.expected(), member.name in seen,
                                     f"{member.name} is {member.state} since {asked - member.since:.1f} s")
            time.sleep(0.005)

    def something_happens(self, rng):
        now = time.monotonic()
        silent = sum(member.state == "silent" for member in self.members)
        what = rng.random()
        if what < 0.05:
            name = rng.choice(sorted(self.servers))
            self.servers[name].kill()
            self.watch(rng.uniform(0.0, 2.0))
            self.servers[name] = self.net.start(name, "thor-eventserver")
            self.events["event server killed"] = self.events.get("event server killed", 0) + 1
        elif what < 0.08:
            self.dns.kill()
            self.watch(rng.uniform(0.0, 1.0))
            self.dns = self.net.start("dns1", "thor-dns")
            self.events["thor-dns killed"] = self.events.get("thor-dns killed", 0) + 1
        else:
            act = rng.choice(rng.choice(self.members).choices(now, silent))
            act()
            self.events[act.__name__] = self.events.get(act.__name__, 0) + 1

    def test_dns_follows(self):
        seed = int(os.environ.get("THOR_CHURN_SEED", str(random.SystemRandom().randrange(1 << 32))))
        print(f"THOR_CHURN_SEED={seed}", flush=True)
        rng = random.Random(seed)
        self.answers, self.events = 0, {}
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            round_end = time.monotonic() + ROUND_S
            while time.monotonic() < round_end:
                self.something_happens(rng)
                self.watch(rng.uniform(0.1, 1.0))
            self.shows("_sip._udp", "SRV", self.srv(5060, *(m.name for m in self.members if m.expected())))
        print(f"{self.answers} judgements of members by answers, none wrong; what happened: "
              + ", ".join(f"{count} {what}" for what, count in sorted(self.events.items())))


if __name__ == "__main__":
    overlaytest.main()
