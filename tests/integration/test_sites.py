#!/usr/bin/python3
"""Sites: clients are sent to the members of their own site first, and no cache hands one client's answer to another."""

import random
import subprocess
import threading

import dns.edns
import dns.message
import dns.query

import overlaytest
from overlay import DOMAIN, PROGRAMS, READY_S, Overlay, wait_until

SERVICE = f"_sip._udp.{DOMAIN}"
SITES = [{"name": "ams", "networks": ["203.0.113.0/24", "2001:db8:a::/48"]},
         {"name": "nyc", "networks": ["198.51.100.0/25", "127.0.0.0/8"]},
         {"name": "lab", "networks": ["203.0.113.64/26"]}]
# Clients as EDNS client subnets, the site they are of, and the scope of what they are told.
CLIENTS = {("203.0.113.0", 26): ("ams", 26), ("203.0.113.200", 32): ("ams", 25), ("2001:db8:a:1::", 64): ("ams", 48),
           ("198.51.100.0", 25): ("nyc", 25), ("198.51.100.7", 32): ("nyc", 25),
           ("203.0.113.64", 26): ("lab", 26), ("192.0.2.0", 24): (None, 6), ("2001:db8:b::", 56): (None, 48),
           ("203.0.113.0", 24): (None, 26), ("198.51.100.0", 24): (None, 25)}
INTERLEAVED = 1000


class Sites(overlaytest.OverlayTest):
    """One thor-dns with two pdns_server processes in front: over HTTP and over the Unix socket."""

    @classmethod
    def setUpClass(cls):
        cls.net = cls.enterClassContext(Overlay())
        cls.net.start_event_server()
        cls.net.start_manager()
        cls.net.start_dns(pdns=["pdns-http", "pdns-unix"], site=SITES)
        ecs = {"edns-subnet-processing": "yes"}
        cls.pdns = [cls.net.start_pdns("pdns-http", "http", options=ecs),
                    cls.net.start_pdns("pdns-unix", "unix", options=ecs)]
        cls.nodes = {name: cls.net.start_node(name, ["sip_proxy"], {"site": site} if site else {})
                     for name, site in {"a1": "ams", "a2": "ams", "n1": "nyc", "x1": "elsewhere", "x2": ""}.items()}
        cls.members = {"a1": "ams", "a2": "ams", "n1": "nyc", "x1": None, "x2": None}

    @classmethod
    def expected(cls, site):
        """What a client of that site is told: the others stay behind, unless there is nobody in front of them."""
        own = {name for name, where in cls.members.items() if where == site and site}
        return {f"{10 if name in own or not own else 20} 100 5060 {name}.node.{DOMAIN}." for name in cls.members}

    @staticmethod
    def ask(server, client):
        """The SRV records that a client gets, and the scope they are told with; `client` None: without the option."""
        options = [dns.edns.ECSOption(*client)] if client else []
        query = dns.message.make_query(SERVICE, "SRV", use_edns=0, payload=1232, options=options)
        answer = dns.query.udp(query, server.address, port=server.port, timeout=5)
        records = {record.to_text() for rrset in answer.answer for record in rrset}
        scopes = [option.scopelen for option in answer.options if isinstance(option, dns.edns.ECSOption)]
        return records, scopes[0] if scopes else None

    def shows_everybody(self):
        """Every client of every name server comes to see what is right for it."""
        for pdns in self.pdns:
            for client, (site, _) in CLIENTS.items():
                wait_until(lambda server=pdns.server, who=client, where=site: self.ask(server, who)[0] == self.expected(where),
                           lambda server=pdns.server, who=client: f"{who} sees {sorted(self.ask(server, who)[0])}")

    def test_each_client_sees_its_own_site_first(self):
        self.shows_everybody()
        for pdns in self.pdns:
            for client, (_, scope) in CLIENTS.items():
                with self.subTest("scope", server=pdns.name, client=client):
                    self.assertEqual(scope, self.ask(pdns.server, client)[1])

        with self.subTest("without client subnet the resolver itself is the client"):
            for pdns in self.pdns:
                self.assertEqual(self.expected("nyc"), self.ask(pdns.server, None)[0])

        with self.subTest("interleaved, nothing leaks from one client to the next"):
            choices = random.Random(4)
            wrong = []
            for pdns in self.pdns:
                for _ in range(INTERLEAVED):
                    client = choices.choice([*CLIENTS, None])
                    site, scope = CLIENTS[client] if client else ("nyc", None)
                    if (got := self.ask(pdns.server, client)) != (self.expected(site), scope):
                        wrong.append((pdns.name, client, got))
            self.assertEqual([], wrong[:3], f"{len(wrong)} answers are wrong")

        with self.subTest("transfers hold the plain set"):
            for pdns in self.pdns:
                transfer = dns.query.xfr(pdns.server.address, DOMAIN, port=pdns.server.port, relativize=False, timeout=READY_S)
                rows = {record.to_text() for message in transfer for rrset in message.answer
                        if rrset.name.to_text() == SERVICE + "." for record in rrset}
                self.assertEqual(self.expected(None), rows)

        with self.subTest("changes show to everybody, while everybody asks"):
            self.change_under_load()

        with self.subTest("the last one of a site goes: its clients see the others as they are"):
            for name in ("a1", "a2"):
                self.assertEqual(0, self.nodes[name].stop())
                self.members.pop(name)
            self.shows_everybody()

    def change_under_load(self):
        """A member comes to ams, moves to nyc and leaves; meanwhile no answer fits to no moment."""
        ended = threading.Event()
        failures = []

        def load(server, seed):
            choices = random.Random(seed)
            while not ended.is_set():
                client = choices.choice(list(CLIENTS))
                records, _ = self.ask(server, client)
                targets = {text.split()[-1] for text in records}
                if len(targets) != len(records) or not {f"{n}.node.{DOMAIN}." for n in ("a1", "a2", "n1", "x1", "x2")} <= targets:
                    failures.append((client, records))

        threads = [threading.Thread(target=load, args=(pdns.server, seed)) for seed, pdns in enumerate(self.pdns)]
        for thread in threads:
            thread.start()
        try:
            late = self.net.start_node("late", ["sip_proxy"], {"site": "ams"})
            self.members["late"] = "ams"
            self.shows_everybody()
            self.assertEqual(0, late.stop())
            late = self.net.start_node("late", ["sip_proxy"], {"site": "nyc"})
            self.members["late"] = "nyc"
            self.shows_everybody()
            self.assertEqual(0, late.stop())
            self.members.pop("late")
            self.shows_everybody()
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        self.assertEqual([], failures[:3])


class Configuration(overlaytest.OverlayTest):
    """What is wrong with a site is said with its place."""

    def test_mistakes_are_told_with_their_lines(self):
        net = self.net = self.enterContext(Overlay())
        home = net.home("dns1")
        net.ca.issue("dns1", ["thor_dnsmanager"], home / "tls")
        good = {"name_server": [{"name": "ns1", "addresses": [net.address]}]}
        for sites, words in {
                '[[dns.site]]\nname = "ams"\nnetworks = ["192.0.2.1/24"]': ["3:", "192.0.2.1/24", "bits"],
                '[[dns.site]]\nname = "ams"\nnetworks = ["192.0.2.0/33"]': ["3:", "192.0.2.0/33"],
                '[[dns.site]]\nname = "ams"\nnetworks = ["192.0.2.0/24"]\n[[dns.site]]\nname = "nyc"\nnetworks = ["192.0.2.0/24"]':
                    ["6:", "192.0.2.0/24", '"ams"'],
                '[[dns.site]]\nname = "ams"\nnetworks = ["::/0", "::/0"]': ["3:", "::/0", '"ams"'],
                '[[dns.site]]\nname = "ams"\nnetworks = []\n[[dns.site]]\nname = "ams"\nnetworks = []': ["5:", '"ams"'],
                '[[dns.site]]\nname = "ams"': ["1:", "networks", "missing"],
                '[[dns.site]]\nnetworks = ["192.0.2.0/24"]': ["name", "missing"],
                '[dns]\nsite_penalty = 0': ["2:", "site_penalty"],
                '[[dns.site]]\nname = "ams"\nnetworks = ["::/0"]\npenalty = 1': ["4:", "penalty"]}.items():
            with self.subTest(sites):
                net.configure("dns1", {"dns": good})
                (home / "conf.d").mkdir(exist_ok=True)
                (home / "conf.d" / "sites.toml").write_text(sites + "\n")
                done = subprocess.run([PROGRAMS / "thor-dns", "--config", home / "thor.toml", "--check-config"],
                                      capture_output=True, text=True, check=False)
                self.assertEqual(2, done.returncode, done.stdout)
                for word in words:
                    self.assertIn(word, done.stderr)


if __name__ == "__main__":
    overlaytest.main()
