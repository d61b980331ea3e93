#!/usr/bin/python3
"""Scenario 12: those who take the protocol by the letter. Mixed case, ANY, options nobody knows, names without records, quotes and
backslashes, minimised names, and the checkers of others, for every zone and over both connectors."""

import random
import sqlite3
import subprocess

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.zone
import overlaytest
from dnssoftware import Unbound
from overlay import DOMAIN, PROGRAMS, Overlay, wait_until

ROLE_ZONE = f"role.{DOMAIN}"
CUSTOMER = "customer.example.net"
UNKNOWN_OPTION = 65001  # for local use, RFC 6891 section 9
OPERATOR_RECORDS = [
    ("enum", "NAPTR", r'10 100 "u" "E2U+sip" "!^\\+1(.*)$!sip:\\1@sip.example!" .'),
    ("enum", "NAPTR", r'20 100 "U" "E2U+email:mailto" "!^.*$!mailto:\"a b\"@sip.example!i" .'),
    ("other", "NAPTR", rf'10 10 "" "" "" next.{DOMAIN}.'),
    ("none", "SRV", "0 0 0 ."),
    ("quotes", "TXT", r'"say \"hello\"" "a\\b" "semi;colon" "" "' + "x" * 255 + '"'),
    ("www", "CNAME", f"web.{DOMAIN}."),
    ("web", "A", "192.0.2.80"),
    ("*.wild", "A", "192.0.2.81"),
    ("a.deep.name", "MX", f"10 web.{DOMAIN}."),
]


def mixed(name):
    """The name in a case that is neither: random, and never as it was."""
    while (other := "".join(random.choice((c.lower(), c.upper())) for c in name)) == name:
        pass
    return other


def exchange(server, name, rdtype, tcp=False, edns=0, options=()):
    """One query as it is, without retries; `edns` is its version, None for none."""
    query = dns.message.make_query(name, rdtype)
    query.use_edns(edns, payload=1232, options=list(options))
    query.flags &= ~dns.flags.RD
    return (dns.query.tcp if tcp else dns.query.udp)(query, server.address, port=server.port, timeout=5)


def records(message, rdtype):
    return {record.to_text() for rrset in message.answer if rrset.rdtype == dns.rdatatype.from_text(rdtype) for record in rrset}


def published(server, zone):
    """{(name, type): texts} of a whole zone, by AXFR."""
    found = dns.zone.from_xfr(dns.query.xfr(server.address, zone, port=server.port, relativize=False, timeout=10), relativize=False)
    return {(name.to_text(), dns.rdatatype.to_text(rdataset.rdtype)): {record.to_text() for record in rdataset}
            for name, rdataset in found.iterate_rdatasets()}


def empty_names(names, zone):
    """Names that exist only because others are below them."""
    above = set()
    for name in names:
        labels = name.split(".")
        above |= {".".join(labels[i:]) for i in range(1, len(labels) - 1)}
    return {name for name in above - set(names) if name.endswith(f".{zone}.")}


class Checked(overlaytest.OverlayTest):
    def check(self, pdns, zone):
        """The checkers of BIND and of PowerDNS itself have nothing against the zone."""
        axfr = subprocess.run(["dig", "+noall", "+answer", "+onesoa", "-p", str(pdns.server.port), f"@{pdns.server.address}", zone, "AXFR"],
                              capture_output=True, text=True, check=True).stdout
        file = self.net.directory / f"{zone}.zone"
        file.write_text(axfr)
        # "local": names outside the zone are not looked up in the world.
        of_bind = subprocess.run(["named-checkzone", "-i", "local", *(word for test in "knmMrS" for word in (f"-{test}", "fail")), zone, file],
                                 capture_output=True, text=True, check=False)
        self.assertEqual(0, of_bind.returncode, of_bind.stdout + of_bind.stderr + axfr)
        self.assertEqual(["OK"], of_bind.stdout.splitlines()[1:])
        of_pdns = subprocess.run(["pdnsutil", f"--config-dir={self.net.home(pdns.name)}", "check-zone", zone], capture_output=True, text=True, check=False)
        self.assertEqual(0, of_pdns.returncode, of_pdns.stdout + of_pdns.stderr)
        self.assertRegex(of_pdns.stdout, rf"Checked \d+ records of '{zone}', 0 errors, 0 warnings\.")
        print(f"{zone}: {len(axfr.splitlines())} records pass named-checkzone and pdnsutil check-zone")

    def operator_records(self):
        with sqlite3.connect(self.net.home("dns1") / "state/operator.sqlite3", timeout=10) as operator:
            (zone,) = operator.execute("SELECT id FROM domains WHERE name LIKE ?", (DOMAIN + "%",)).fetchone()
            operator.executemany("INSERT INTO records (domain_id, name, type, content, ttl) VALUES (?, ?, ?, ?, 600)",
                                 [(zone, f"{name}.{DOMAIN}", rdtype, content) for name, rdtype, content in OPERATOR_RECORDS])


class WholeDomain(Checked):
    """sip.example and a hosted domain over both connectors, and the roles' own names at the internal PowerDNS."""

    @classmethod
    def setUpClass(cls):
        random.seed(12)
        net = cls.net = cls.enterClassContext(Overlay())
        net.start_event_server()
        net.start_manager()
        cls.dns = net.start_dns(pdns=["pdns-http", "pdns-unix"], internal={"pdns_control": [f"{net.home('inside')}/run/pdns.controlsocket"]})
        cls.http, cls.unix = net.start_pdns("pdns-http", "http"), net.start_pdns("pdns-unix", "unix")
        cls.inside = net.start_pdns("inside", "internal", zone=ROLE_ZONE)
        cls.pdns = [cls.http, cls.unix]
        cls.operator_records(cls)
        subprocess.run([PROGRAMS / "thor-dns", "--config", cls.dns.config, "domain", "add", CUSTOMER], check=True, stdout=subprocess.DEVNULL)
        net.start_node("gw1", ["sip_proxy"])
        net.start_node("gw2", ["sip_proxy", "media_relay"], addresses=["192.0.2.102"])
        net.start_node("gw3", ["sip_proxy"], addresses=["2001:db8::103"])
        net.start_node("multi1", ["xcap_server", "voicemail_server", "provisioning_server"])
        cls.draining = net.start_node("gw4", ["sip_proxy"])

    def setUp(self):
        self.shows("_ngnpro._tcp", "SRV", self.srv(9200, "multi1"))
        wait_until(lambda: "error" not in (self.draining.command("drain 600") or {"error": 1}), "gw4 drains")
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2", "gw3"))
        self.shows("web", "A", ["192.0.2.80"])
        wait_until(lambda: not self.dns.status()["divergent"], "the manager has passed our serial: the zones stay as they are")
        for pdns, zone in self.zones():
            if zone != CUSTOMER:
                wait_until(lambda pdns=pdns, zone=zone: self.serial_at(pdns, zone) == self.dns.status()["serial"], f"{pdns.name} has forgotten older serials")

    def serial_at(self, pdns, zone):
        (text,) = records(exchange(pdns.server, zone, "SOA"), "SOA")
        return int(text.split()[2])

    def zones(self):
        return [(pdns, zone) for pdns in self.pdns for zone in (DOMAIN, CUSTOMER)] + [(self.inside, ROLE_ZONE)]

    def test_every_name_answers_in_any_case_and_keeps_it(self):
        for pdns, zone in self.zones():
            for (name, rdtype), expected in published(pdns.server, zone).items():
                asked = mixed(name.replace("*", "anything"))
                answer = exchange(pdns.server, asked, rdtype)
                # Names in the data may point to the question and take over its case.
                lower = [{text.lower() for text in texts} for texts in (expected, records(answer, rdtype))]
                self.assertEqual((dns.rcode.NOERROR, lower[0]), (answer.rcode(), lower[1]), f"{asked} {rdtype} at {pdns.name}")
                self.assertEqual(asked, answer.question[0].name.to_text(), "the question, letter by letter")

    def test_names_between_exist_and_deny_nothing_below(self):
        for pdns, zone in self.zones():
            between = empty_names({name for name, _ in published(pdns.server, zone)}, zone)
            self.assertTrue(between)
            for name in between:
                answer = exchange(pdns.server, mixed(name), "A")
                self.assertEqual((dns.rcode.NOERROR, []), (answer.rcode(), answer.answer), f"{name} at {pdns.name}")
                self.assertEqual([dns.rdatatype.SOA], [rrset.rdtype for rrset in answer.authority])

    def test_any(self):
        for pdns in self.pdns:
            # Over UDP the answer is to ask again by TCP: nobody can be flooded with what ANY brings.
            self.assertTrue(exchange(pdns.server, mixed(f"gw1.node.{DOMAIN}."), "ANY").flags & dns.flags.TC)
            answer = exchange(pdns.server, mixed(f"gw1.node.{DOMAIN}."), "ANY", tcp=True)
            self.assertEqual({"A", "AAAA", "TXT"}, {dns.rdatatype.to_text(rrset.rdtype) for rrset in answer.answer})
            apex = exchange(pdns.server, DOMAIN, "ANY", tcp=True)
            self.assertEqual({"SOA", "NS", "NAPTR"}, {dns.rdatatype.to_text(rrset.rdtype) for rrset in apex.answer})

    def test_what_nobody_knows_is_ignored_or_refused_as_the_standard_says(self):
        for pdns in self.pdns:
            expected = records(exchange(pdns.server, f"_sip._udp.{DOMAIN}", "SRV"), "SRV")
            with self.subTest("an unknown option, and a client's subnet"):
                for option in (dns.edns.GenericOption(UNKNOWN_OPTION, b"\x01\x02"), dns.edns.ECSOption("198.51.100.0", 24)):
                    answer = exchange(pdns.server, f"_sip._udp.{DOMAIN}", "SRV", options=[option])
                    self.assertEqual((dns.rcode.NOERROR, expected), (answer.rcode(), records(answer, "SRV")))
                    self.assertNotIn(UNKNOWN_OPTION, [one.otype for one in answer.options])
            with self.subTest("a version of EDNS that there is not"):
                self.assertEqual(dns.rcode.BADVERS, exchange(pdns.server, DOMAIN, "SOA", edns=1).rcode())
            with self.subTest("no EDNS at all"):
                self.assertEqual(expected, records(exchange(pdns.server, f"_sip._udp.{DOMAIN}", "SRV", edns=None), "SRV"))
            with self.subTest("types that no record has"):
                for rdtype in ("TYPE65280", "SPF", "HINFO"):
                    answer = exchange(pdns.server, f"_sip._udp.{DOMAIN}", rdtype)
                    self.assertEqual((dns.rcode.NOERROR, []), (answer.rcode(), answer.answer))

    def test_quotes_backslashes_and_roots_arrive_as_they_were_written(self):
        expected = {}
        for name, rdtype, content in OPERATOR_RECORDS:
            expected.setdefault((f"{name}.{DOMAIN}.", rdtype), set()).add(content)
        for pdns in self.pdns:
            transferred = published(pdns.server, DOMAIN)
            for (name, rdtype), contents in expected.items():
                self.assertEqual(contents, transferred[name, rdtype], f"{name} {rdtype}, transferred")
                self.assertEqual(contents, records(exchange(pdns.server, name.replace("*", "x"), rdtype), rdtype), f"{name} {rdtype}")

    def test_unbound_resolves_every_name(self):
        for pdns in self.pdns:
            unbound = Unbound(self.net, {DOMAIN: pdns.server, CUSTOMER: pdns.server, ROLE_ZONE: self.inside.server},
                              name=f"unbound-{pdns.name}").wait_ready()
            count = 0
            for authority, zone in ((pdns, DOMAIN), (pdns, CUSTOMER), (self.inside, ROLE_ZONE)):
                for (name, rdtype), expected in published(authority.server, zone).items():
                    answer = unbound.server.ask(name.replace("*", "anything"), rdtype)
                    self.assertEqual(("NOERROR", expected), (answer.rcode, answer.texts(rdtype)), f"{name} {rdtype}: {answer}")
                    count += 1
            for name, rcode in ((f"_sip._sctp.{DOMAIN}", "NXDOMAIN"), (f"_udp.{DOMAIN}", "NOERROR"), (f"www.{DOMAIN}", "NOERROR")):
                self.assertEqual(rcode, unbound.server.ask(name, "A").rcode, name)
            self.assertNotRegex(unbound.log_text(), r"(?i)caps ?-?for ?-?id|error|warning")
            print(f"unbound resolves {count} RRsets of {pdns.name}, with minimised names of mixed case")

    def test_the_checkers_have_nothing_against_the_zones(self):
        for pdns, zone in self.zones():
            self.check(pdns, zone)


class DelegatedNames(Checked):
    def test_the_checkers_have_nothing_against_the_zones(self):
        net = self.net = self.enterContext(Overlay())
        net.start_event_server()
        net.start_manager()
        net.start_dns(deployment="delegated")
        pdns = net.start_pdns(zone=f"proxy.{DOMAIN}")
        self.pdns = [pdns]
        net.start_node("gw1", ["sip_proxy"])
        net.start_node("multi1", ["xcap_server", "voicemail_server", "provisioning_server", "media_relay"])
        self.shows("_sip._udp.proxy", "SRV", self.srv(5060, "gw1"))
        self.shows("xcap", "A", [net.node_addresses("multi1")[0]])
        zones = subprocess.run(["pdnsutil", f"--config-dir={net.home(pdns.name)}", "list-all-zones"], capture_output=True, text=True, check=True)
        self.assertIn(f"proxy.{DOMAIN}", zones.stdout.split())
        for zone in zones.stdout.split():
            self.check(pdns, zone)


if __name__ == "__main__":
    overlaytest.main()
