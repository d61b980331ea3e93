#!/usr/bin/python3
"""Users at home: real Kamailio instances are the SIP proxies of an overlay, SIPp is 200 phones and their callers. Each user is served by the
proxy that the overlay says; when a proxy dies its users are served by the survivors, in proportion; when it returns they come back to it;
nobody else ever moves."""

import collections
import math
import pathlib
import re
import subprocess
import sys
import time

import overlaytest
from kamailio import Kamailio
from netns import NetnsOverlay
from overlay import DOMAIN, SOURCE, Failure, Process, wait_until

sys.path.insert(0, str(SOURCE / "contrib" / "python"))
from thor_lookup import Node, Ring  # noqa: E402

RESOURCES = pathlib.Path(__file__).resolve().parent / "sip"
CONTRIB = SOURCE / "contrib" / "kamailio"
# What users are called: in any case, numbers, and what a URI has to escape.
USERS = [("user{}", "Anna.Muster{}", "+4930{:07}", "d%20c{}")[i % 4].format(i) for i in range(200)]
RATE = 40      # requests a second
CACHED_S = 1.5  # what a proxy still remembers of DNS after this is in a new answer (thor.cfg: 1 s)
SIGMAS = 4     # a share further away from its expectation than this is no accident

# Sends what it reads in one datagram to port 5060, and prints the final answer.
DATAGRAM = """
import socket, sys
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.bind((sys.argv[1], 5099))
link.settimeout(10)
link.sendto(sys.stdin.buffer.read(), (sys.argv[2], 5060))
while (answer := link.recv(4096).decode()).startswith("SIP/2.0 1"):
    pass
print(answer)
"""


def key(user):
    return f"{user.replace('%20', ' ')}@{DOMAIN}"


class Platform(overlaytest.OverlayTest):
    """Proxies that a subclass names with their weights, phones and callers."""

    weights = {}
    define = {}  # of their kamailio.cfg
    edge_define = {}

    def setUp(self):
        net = self.net = self.enterContext(NetnsOverlay())
        net.start_event_server()
        net.start_manager()
        net.start_dns()
        self.pdns = [net.start_pdns()]
        self.resolver = self.pdns[0].server.address
        self.address = {name: net.endpoint(name, 5060)[0] for name in self.weights}
        self.proxy, self.node = {}, {}
        for name in self.weights:
            (net.home(name) / "dispatcher.list").touch()
            self.start_proxy(name)
        self.everybody_knows(self.weights)
        # Phones are behind a proxy of their own that finds the platform by DNS alone.
        self.edge = Kamailio(net, "edge", RESOURCES / "kamailio.cfg", self.resolver, define=self.edge_define)
        self.addCleanup(self.edge.kill)
        self.phone = net.endpoint("phones", 5060)[0]

    # ---- proxies

    def start_proxy(self, name):
        """A machine of the platform: Kamailio as contrib has it, and thor-node with the hook that tells it the members."""
        home = self.net.home(name)
        self.proxy[name] = Kamailio(self.net, name, CONTRIB / "kamailio.cfg", self.resolver, define={
            "THOR_DOMAIN": DOMAIN, "THOR_LIST": home / "dispatcher.list", "THOR_RPC": home / "run" / "rpc.sock"} | self.define)
        self.addCleanup(self.proxy[name].kill)
        self.node[name] = self.net.start_node(name, ["sip_proxy"], {
            # No checks: it is about what holds before anybody has noticed.
            "role": {"sip_proxy": {"weight": self.weights[name], "check": []}}, "hook": self.hook(home)}, addresses=[self.address[name]])

    @staticmethod
    def hook(home):
        return [{"name": "kamailio", "command": [str(CONTRIB / "thor-kamailio"), "--list", f"{home}/dispatcher.list", "--rpc", f"{home}/run/rpc.sock"]}]

    def everybody_knows(self, names, draining=()):
        """DNS and every proxy's dispatcher list come to have exactly these."""
        self.shows("_sip._tcp", "SRV", self.srv_of(set(names) - set(draining)))
        expected = {(f"sip:{self.address[name]}:5060;transport=tcp", "DX" if name in draining else "AX") for name in names}
        for proxy in self.proxy.values():
            wait_until(lambda proxy=proxy: self.listed(proxy) == expected, lambda proxy=proxy: f"{proxy.name} has {expected}; it has {self.listed(proxy)}")
        time.sleep(CACHED_S)

    def srv_of(self, names):
        return {f"10 {self.weights[name]} 5060 {name}.node.{DOMAIN}." for name in names}

    @staticmethod
    def listed(proxy):
        answer = proxy.rpc("dispatcher.list", "short") or {}
        return {(target["DEST"]["URI"], target["DEST"]["FLAGS"]) for record in answer.get("result", {}).get("RECORDS", [])
                if record["SET"]["ID"] == 1 for target in record["SET"]["TARGETS"]}

    # ---- phones and callers

    def sipp(self, machine, scenario, *words, stays=False):
        number = len(self.net.processes)
        errors = self.net.directory / f"sipp{number}.errors"
        process = Process(f"sipp{number}-{scenario}", [
            "sipp", "-nostdin", "-sf", RESOURCES / scenario, "-i", self.net.endpoint(machine, 0)[0], "-trace_err", "-error_file", errors, *words],
            self.net.directory / f"sipp{number}.log", self.net.inside(machine))
        self.net.processes.append(process)
        self.addCleanup(process.kill)
        if stays:
            return process
        wait_until(lambda: not process.running(), f"{process.name} ends", timeout_s=150)
        if process.child.returncode != 0:
            told = errors.read_text(errors="replace")[:4000] if errors.exists() else process.log_tail(60)
            raise Failure(f"{process.name}: requests failed, exit code {process.child.returncode}:\n{told}\n{self.edge.log_tail(20)}")
        return process

    def requests(self, users, to):
        """Words of SIPp's: one request for each user, to a proxy."""
        table = self.net.directory / f"users{len(self.net.processes)}.csv"
        table.write_text("SEQUENTIAL\n" + "".join(f"{user};\n" for user in users))
        return ("-inf", table, "-m", len(users), "-r", RATE, "-key", "domain", DOMAIN, "-timeout", "120s", "-timeout_error", f"{to}:5060")

    def register(self, users):
        self.sipp("caller", "register.xml", "-key", "phone", f"{self.phone}:5060", *self.requests(users, self.edge.address))

    def call(self, users, through):
        """Calls each, by way of one of the proxies; all are answered and end well."""
        self.sipp("caller", "call.xml", *self.requests(users, self.address[through]))

    # ---- what is promised

    def homes(self, users, names, draining=()):
        """What the specification of the ring says: user -> node."""
        ring = Ring([Node(name, self.weights[name], name in draining) for name in names])
        return {user: ring.order(key(user))[0] for user in users}

    def served(self, method, users, act):
        """user -> the proxy that served this request, all of which act() makes; nobody is served by two."""
        proxies = dict(self.proxy)
        before = {name: len(proxy.log_text()) for name, proxy in proxies.items()}
        act()
        found = collections.defaultdict(set)
        for name, proxy in proxies.items():
            for one in re.findall(rf"thor: {method} for (.+) served here", proxy.log_text()[before[name]:]):
                found[one.lower()].add(name)
        self.assertEqual({key(user).lower() for user in users}, set(found))
        self.assertEqual({}, {one: names for one, names in found.items() if len(names) != 1})
        return {user: min(found[key(user).lower()]) for user in users}


class Homes(Platform):
    weights = {"n1": 100, "n2": 100, "n3": 100, "n4": 100, "n5": 50}
    # Who is slow, on a busy machine, is not dead; who is dead here refuses.
    define = {"THOR_FIRST_REPLY_MS": 20000}
    edge_define = {"FR_TIMER_MS": 20000}

    def all_register(self):
        """Every phone registers, as they do time and again."""
        return self.served("REGISTER", USERS, lambda: self.register(USERS))

    def call_all(self, through):
        """Every user is called, and spelt in another case."""
        return self.served("INVITE", USERS, lambda: self.call([user.swapcase() for user in USERS], through))

    def tell(self, what, homes):
        counts = collections.Counter(homes.values())
        print(f"{what}: " + ", ".join(f"{name} {counts[name]}" for name in self.weights), flush=True)

    def in_proportion(self, counts, names):
        """Each has its share of them, by weight, as far as chance allows."""
        total, weights = sum(counts.values()), sum(self.weights[name] for name in names)
        for name in names:
            share = self.weights[name] / weights
            self.assertLessEqual(abs(counts[name] - total * share), SIGMAS * math.sqrt(total * share * (1 - share)), f"{name} of {dict(counts)}")

    def test_users_are_at_home(self):
        self.sipp("phones", "phone.xml", "-p", 5060, stays=True)
        dead, survivors = "n2", [name for name in self.weights if name != "n2"]
        with self.subTest("200 users, by the ring"):
            at_first = self.all_register()
            self.tell("users at home", at_first)
            self.assertEqual(self.homes(USERS, self.weights), at_first)
            self.in_proportion(collections.Counter(at_first.values()), self.weights)
        with self.subTest("a call reaches its user by any proxy"):
            self.assertEqual(at_first, self.call_all(through="n1"))
        with self.subTest("only a proxy can say that it has asked"):
            self.a_stranger_is_not_believed(at_first)
        with self.subTest("one dies: its users' next requests reach the survivors, nobody else moves"):
            self.proxy.pop(dead).kill()
            meanwhile = self.all_register()  # before anybody has noticed: its thor-node runs, and checks nothing
            self.shows("_sip._tcp", "SRV", self.srv_of(self.weights))
            moved = {user: name for user, name in meanwhile.items() if name != at_first[user]}
            self.tell(f"{dead} is dead, users at home", meanwhile)
            self.tell(f"moved from {dead} to", moved)
            self.assertEqual(self.homes(USERS, survivors), meanwhile)
            self.assertEqual({user for user, name in at_first.items() if name == dead}, set(moved))
            self.in_proportion(collections.Counter(moved.values()), survivors)
        with self.subTest("its machine is gone, too: so it stays"):
            self.node.pop(dead).kill()
            self.everybody_knows(survivors)
            self.assertEqual(meanwhile, self.all_register())
            self.assertEqual(meanwhile, self.call_all(through="n3"))
        with self.subTest("it returns: its users come back to it, nobody else moves"):
            self.start_proxy(dead)
            self.everybody_knows(self.weights)
            again = self.all_register()
            self.tell(f"{dead} is back, users at home", again)
            self.assertEqual(at_first, again)
            self.assertEqual(at_first, self.call_all(through=dead))
        with self.subTest("one drains: it keeps its users"):
            self.assertNotIn("error", self.node["n4"].command("drain 600"))
            self.everybody_knows(self.weights, draining=["n4"])
            self.assertEqual(at_first, self.all_register())

    def a_stranger_is_not_believed(self, homes):
        """A request that claims to come from a proxy goes the way of all requests; so does one with a proxy's address on a datagram."""
        user, home = next((user, name) for user, name in homes.items() if name not in ("n1", "n5"))
        for machine in ("stranger", "n5"):
            own = self.net.endpoint(machine, 0)[0]
            request = (f"REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {own}:5099;branch=z9hG4bK{machine}\r\nFrom: <sip:{user}@{DOMAIN}>;tag=1\r\n"
                       f"To: <sip:{user}@{DOMAIN}>\r\nCall-ID: {machine}\r\nCSeq: 1 REGISTER\r\nThor-Home: here\r\nMax-Forwards: 70\r\n"
                       "Content-Length: 0\r\n\r\n")
            before = len(self.proxy[home].log_text())
            done = subprocess.run([*self.net.inside(machine), sys.executable, "-c", DATAGRAM, own, self.address["n1"]], input=request,
                                  capture_output=True, text=True, check=True)
            self.assertIn("SIP/2.0 200", done.stdout)
            self.assertIn(f"header Thor-Home from {own} over udp is ignored", self.proxy["n1"].log_text())
            self.assertIn(f"REGISTER for {key(user)} served here, sent by {self.address['n1']}", self.proxy[home].log_text()[before:])


class Silence(Platform):
    weights = {"n1": 100, "n2": 100, "n3": 100}

    def test_a_proxy_that_is_cut_off_costs_no_request(self):
        users = USERS[:60]
        survivors = ["n1", "n3"]
        self.register(users)
        self.net.machine("n2").cut()
        before = {name: len(self.proxy[name].log_text()) for name in survivors}
        self.register(users)
        for user, home in self.homes(users, survivors).items():
            self.assertIn(f"thor: REGISTER for {key(user)} served here", self.proxy[home].log_text()[before[home]:])
        self.assertIn("thor: nothing was heard of n2.node", self.proxy["n1"].log_text() + self.proxy["n3"].log_text())


class Voicemail(Platform):
    weights = {"n1": 100, "n2": 100}
    define = {"WITH_VOICEMAIL": None}

    def test_calls_that_nobody_takes(self):
        address = self.net.endpoint("vm", 5060)[0]
        messages = self.net.directory / "vm.messages"
        server = self.sipp("vm", "phone.xml", "-p", 5060, "-t", "t1", "-trace_msg", "-message_file", messages, stays=True)
        self.net.start_node("vm", ["voicemail_server"], addresses=[address])
        self.shows("vm.node", "A", {address})
        self.sipp("phones", "busy.xml", "-p", 5060, stays=True)
        busy, off = USERS[:10], USERS[10:20]
        self.register(busy)
        for what, users in (("of users who are busy", busy), ("of users without a phone", off)):
            for through in self.weights:
                with self.subTest(f"calls {what}, by way of {through}"):
                    self.call(users, through)
        with self.subTest("no server is there, and that is said, once"):
            self.net.forget(server)
            self.a_call_is_refused(off[0])
        self.assertNotIn("\nThor-Home:", messages.read_text(), "that is between proxies")
        self.assertNotIn("\nRoute:", messages.read_text(), "nor is the way to a phone that did not take it of use")

    def a_call_is_refused(self, user):
        own = self.net.endpoint("caller", 0)[0]
        call = (f"INVITE sip:{user}@{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {own}:5099;branch=z9hG4bKrefused\r\nFrom: <sip:caller@{DOMAIN}>;tag=1\r\n"
                f"To: <sip:{user}@{DOMAIN}>\r\nCall-ID: refused\r\nCSeq: 1 INVITE\r\nContact: <sip:caller@{own}:5099>\r\nMax-Forwards: 70\r\n"
                "Content-Length: 0\r\n\r\n")
        home = Ring([Node(name) for name in self.weights]).order(key(user))[0]
        done = subprocess.run([*self.net.inside("caller"), sys.executable, "-c", DATAGRAM, own, self.address[home]], input=call, capture_output=True,
                              text=True, check=True)
        self.assertRegex(done.stdout, r"SIP/2\.0 (?!1)[45]\d\d ")


if __name__ == "__main__":
    overlaytest.main()
