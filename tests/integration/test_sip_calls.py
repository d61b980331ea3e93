#!/usr/bin/python3
"""Calls through a client that knows DNS alone: Kamailio, whose resolver is the name server under test, takes requests for a customer's hosted
domain through NAPTR, SRV and addresses to SIPp on the members. Scenarios 10 and 15: a member that dies costs no next call, and a drain none at all."""

import collections
import pathlib
import re
import subprocess
import time

import overlaytest
from kamailio import Kamailio
from netns import NetnsOverlay
from overlay import PROGRAMS, Failure, Process, wait_until

RESOURCES = pathlib.Path(__file__).resolve().parent / "sip"
MEMBERS = ["n1", "n2", "n3"]
CUSTOMER = "customer.example.net"
CACHED_S = 2  # what the proxy still remembers of DNS after this is in a new answer (kamailio.cfg)
RATE = 20     # calls a second


class Proxy(Kamailio):
    """The proxy that knows DNS alone."""

    def __init__(self, net, resolver, transports, name):
        super().__init__(net, name, RESOURCES / "kamailio.cfg", resolver.address, transports)

    def answered(self):
        """How many calls each (address, transport) has answered so far."""
        return collections.Counter(re.findall(r"call answered by (\S+) over (\S+)", self.log_text()))


class SipCalls(overlaytest.OverlayTest):
    def setUp(self):
        net = self.net = self.enterContext(NetnsOverlay())
        net.start_event_server()
        net.start_manager()
        dns = net.start_dns()
        self.pdns = [net.start_pdns()]
        subprocess.run([PROGRAMS / "thor-dns", "--config", dns.config, "domain", "add", CUSTOMER], check=True, stdout=subprocess.DEVNULL)
        self.address = {name: net.endpoint(name, 5060)[0] for name in MEMBERS}
        self.endpoint = {name: [self.start_endpoint(name, transport) for transport in ("u1", "t1")] for name in MEMBERS}
        self.node = {name: net.start_node(name, ["sip_proxy"], addresses=[self.address[name]]) for name in MEMBERS}
        self.shows("_sip._udp", "SRV", self.srv(5060, *MEMBERS))
        self.shows("_sip._tcp", "SRV", self.srv(5060, *MEMBERS))
        self.proxy = self.start_proxy("udp", "tcp")

    def start_proxy(self, *transports):
        proxy = Proxy(self.net, self.pdns[0].server, transports, name="kamailio-" + "-".join(transports))
        self.addCleanup(proxy.kill)
        return proxy

    def start_sipp(self, name, machine, *arguments):
        process = Process(name, ["sipp", "-nostdin", *arguments], self.net.directory / f"{name}.log", self.net.inside(machine))
        self.net.processes.append(process)
        self.addCleanup(process.kill)  # SIPp would wait for more calls
        return process

    def start_endpoint(self, member, transport):
        """SIPp that takes every call, at the member's address."""
        return self.start_sipp(f"{member}-sipp-{transport}", member, "-sn", "uas", "-i", self.address[member], "-p", "5060", "-t", transport)

    def start_calls(self, count, proxy=None):
        """So many calls to a user of the hosted domain, through the proxy, one after the other."""
        proxy = proxy or self.proxy
        name = f"caller{len(self.net.processes)}"
        return self.start_sipp(name, "caller", "-sf", RESOURCES / "caller.xml", "-key", "domain", CUSTOMER, "-s", "user", "-i", self.net.endpoint("caller", 0)[0],
                               "-m", str(count), "-r", str(RATE), "-timeout", "120s", "-timeout_error", f"{proxy.address}:{proxy.port}")

    def calls_end_well(self, calls):
        """Waits for the end; no call of them has failed."""
        self.proxy.check_running()
        wait_until(lambda: not calls.running(), f"{calls.name} ends", timeout_s=150)
        if calls.child.returncode != 0:
            raise Failure(f"{calls.name}: calls failed, exit code {calls.child.returncode}:\n{calls.log_tail(60)}\n{self.proxy.log_tail(40)}")

    def call(self, count, proxy=None):
        """So many calls, none of which fails; returns how many each (member, transport) answered."""
        proxy = proxy or self.proxy
        before = proxy.answered()
        self.calls_end_well(self.start_calls(count, proxy))
        wait_until(lambda: sum((proxy.answered() - before).values()) >= count, "the proxy has told of every call")
        return self.by_member(proxy.answered() - before)

    def by_member(self, answered):
        names = {address: name for name, address in self.address.items()}
        return {(names[address], transport): count for (address, transport), count in sorted(answered.items())}

    def wait_cached(self):
        time.sleep(CACHED_S)

    def test_the_chain_leads_to_the_members(self):
        with self.subTest("the first record that the client can use is NAPTR's for TCP"):
            answered = self.call(60)
            print(f"calls by member and transport: {answered}")
            self.assertEqual({(name, "tcp") for name in MEMBERS}, set(answered), "every member has its share")
        with self.subTest("a client without TCP takes the one for UDP"):
            only_udp = self.start_proxy("udp")
            answered = self.call(60, only_udp)
            print(f"calls by member and transport: {answered}")
            self.assertEqual({(name, "udp") for name in MEMBERS}, set(answered))

    def test_a_member_that_dies_costs_no_next_call(self):
        dead, *survivors = MEMBERS
        with self.subTest("while DNS still names it, its calls go on to the next record"):
            for process in self.endpoint[dead]:
                process.kill()
            answered = self.call(40)
            print(f"calls while {dead} is in DNS and answers none: {answered}")
            self.shows("_sip._tcp", "SRV", self.srv(5060, *MEMBERS))
            self.assertEqual({(name, "tcp") for name in survivors}, set(answered))
        with self.subTest("its machine crashes: the next call goes to a survivor"):
            self.node[dead].kill()
            answered = self.call(20)
            print(f"calls from the moment of the crash: {answered}")
            self.shows("_sip._tcp", "SRV", self.srv(5060, *survivors))
            self.assertEqual({(name, "tcp") for name in survivors}, set(answered))
        with self.subTest("back again, it has its share again"):
            self.endpoint[dead] = [self.start_endpoint(dead, transport) for transport in ("u1", "t1")]
            self.node[dead] = self.net.start(dead, "thor-node")
            self.shows("_sip._tcp", "SRV", self.srv(5060, *MEMBERS))
            self.wait_cached()
            self.assertEqual({(name, "tcp") for name in MEMBERS}, set(self.call(60)))

    def test_a_drain_under_load_loses_no_call(self):
        drained, *others = MEMBERS
        calls = self.start_calls(15 * RATE)
        wait_until(lambda: len(self.by_member(self.proxy.answered())) == len(MEMBERS), "every member takes calls")
        self.assertNotIn("error", self.node[drained].command("drain 600"))
        self.shows("_sip._tcp", "SRV", self.srv(5060, *others))
        self.wait_cached()
        before = self.by_member(self.proxy.answered())
        wait_until(lambda: sum(self.proxy.answered().values()) >= sum(before.values()) + 3 * RATE, "calls go on")
        at_rest = self.by_member(self.proxy.answered())
        self.assertEqual(before[drained, "tcp"], at_rest[drained, "tcp"], "a drained member gets no new call")
        for process in self.endpoint[drained]:  # its maintenance
            process.kill()
        self.calls_end_well(calls)
        print(f"calls while {drained} is drained and stopped: {self.by_member(self.proxy.answered())}, none failed")
        with self.subTest("undrained, it has its share again"):
            self.endpoint[drained] = [self.start_endpoint(drained, transport) for transport in ("u1", "t1")]
            self.node[drained].command("undrain")
            self.shows("_sip._tcp", "SRV", self.srv(5060, *MEMBERS))
            self.wait_cached()
            self.assertIn((drained, "tcp"), self.call(60))


if __name__ == "__main__":
    overlaytest.main()
