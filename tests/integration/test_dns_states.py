#!/usr/bin/python3
"""Every state that the overlay can be in, as it shows in packets: response code, AA, answer and authority, the same over both connectors."""

import sqlite3
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import overlaytest
from dns.flags import AA, RD, TC
from overlay import DOMAIN, Overlay, wait_until

NEGATIVE_TTL_S = 15
NODE_GRACE_S = 5
DYNAMIC = [("_sip._udp", "SRV"), ("_sip._tcp", "SRV"), ("_sips._tcp", "SRV"), ("proxy", "A"), ("proxy", "AAAA"), ("_xcap._tcp", "SRV"),
           ("xcap", "A"), ("mediarelay", "A"), ("_voicemail._tcp", "SRV"), ("_ngnpro._tcp", "SRV")]
SERVFAIL = ("SERVFAIL", True, (), ())  # PowerDNS sets AA, which means nothing there
NEGATIVE = ((DOMAIN + ".", "SOA", NEGATIVE_TTL_S),)
NODATA = ("NOERROR", True, (), NEGATIVE)
NXDOMAIN = ("NXDOMAIN", True, (), NEGATIVE)


def positive(*texts):
    return ("NOERROR", True, tuple(sorted(texts)), ())


class States(overlaytest.OverlayTest):
    """One overlay, whose states follow each other as in the life of a network."""

    def setUp(self):
        net = self.net = self.enterContext(Overlay())
        net.event_servers.append("{}:{}".format(*net.endpoint("es1", 8000)))
        self.dns = net.start_dns(pdns=["pdns-http", "pdns-unix"], node_grace_s=NODE_GRACE_S)
        with sqlite3.connect(net.home("dns1") / "state/operator.sqlite3", timeout=10) as operator:
            operator.execute("INSERT INTO records (domain_id, name, type, content) SELECT id, 'web.' || name, 'A', '192.0.2.80' FROM domains "
                             "WHERE name NOT LIKE 'lookup.%'")
        self.pdns = [net.start_pdns("pdns-http", "http"), net.start_pdns("pdns-unix", "unix")]
        self.shows("web", "A", ["192.0.2.80"])

    # ---- packets

    @staticmethod
    def packet(server, name, rdtype):
        """(response code, AA, texts of the answer, (owner, type, TTL) of the authority section)."""
        query = dns.message.make_query(f"{name}.{DOMAIN}" if name else DOMAIN, rdtype, use_edns=0, payload=1232)
        query.flags &= ~RD
        try:
            found = dns.query.udp(query, server.address, port=server.port, timeout=3)
        except dns.exception.Timeout:
            return ("no answer", False, (), ())  # as of a query that was under way while thor-dns was killed
        assert not found.flags & TC
        authority = [] if found.answer else found.authority
        return (dns.rcode.to_text(found.rcode()), bool(found.flags & AA),
                tuple(sorted(record.to_text() for rrset in found.answer for record in rrset)),
                tuple((rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype), rrset.ttl) for rrset in authority))

    def says(self, name, rdtype, expected):
        """Both name servers come to say this; PowerDNS may remember another answer for a second, after a restart of thor-dns."""
        for pdns in self.pdns:
            wait_until(lambda server=pdns.server: self.packet(server, name, rdtype) == expected,
                       lambda server=pdns.server: f"{name} {rdtype} at {pdns.name} is {expected}, not {self.packet(server, name, rdtype)}")

    def says_all(self, names, expected):
        for name, rdtype in names:
            self.says(name, rdtype, expected)

    def static_names_answer(self):
        """What never depends on the members."""
        address, _, port = self.net.event_servers[0].rpartition(":")
        self.says("", "NS", positive(f"ns1.{DOMAIN}."))
        self.says("ns1", "A", positive(self.net.address))
        self.says("_eventserver._tcp", "SRV", positive(f"10 0 {port} eventserver1.{DOMAIN}."))
        self.says("eventserver1", "A", positive(address))
        self.says("", "NAPTR", positive(f'10 100 "s" "SIPS+D2T" "" _sips._tcp.{DOMAIN}.', f'20 100 "s" "SIP+D2T" "" _sip._tcp.{DOMAIN}.',
                                        f'30 100 "s" "SIP+D2U" "" _sip._udp.{DOMAIN}.', f'40 100 "s" "SIPS+D2W" "" _sips._ws.{DOMAIN}.'))
        self.says("web", "A", positive("192.0.2.80"))
        self.says("nobody", "A", NXDOMAIN)
        for pdns in self.pdns:
            self.assertEqual(("NOERROR", True), self.packet(pdns.server, "", "SOA")[:2])

    def members_show(self, active, named):
        """`active` members in the role's records, and the addresses of all those that have a `named` name."""
        v4, v6 = ({name: self.net.node_addresses(name)[family] for name in named} for family in (0, 1))
        for service, port in (("_sip._udp", 5060), ("_sip._tcp", 5060), ("_sips._tcp", 5061)):
            self.says(service, "SRV", positive(*self.srv(port, *active)) if active else NODATA)
        self.says("proxy", "A", positive(*(v4[name] for name in active)) if active else NODATA)
        self.says("proxy", "AAAA", positive(*(v6[name] for name in active)) if active else NODATA)
        for name in named:
            self.says(f"{name}.node", "A", positive(v4[name]))
            self.says(f"{name}.node", "AAAA", positive(v6[name]))
            self.says(f"{name}.node", "SRV", NODATA)
        self.says("_xcap._tcp", "SRV", NODATA)
        self.says("xcap", "TXT", positive(f'"https://xcap.{DOMAIN}/xcap-root"'))
        self.says("gw9.node", "A", NXDOMAIN)

    def becomes(self, state):
        wait_until(lambda: self.dns.status().get("state") == state, lambda: f"thor-dns is {state}: {self.dns.status()}")

    # ---- the story

    def test_the_states_one_after_the_other(self):
        net = self.net
        with self.subTest("unknown: nobody was ever heard"):
            self.assertEqual("unknown", self.dns.status()["state"])
            self.says_all(DYNAMIC, SERVFAIL)
            self.says_all([("_sip._udp", "TXT"), ("gw1.node", "A"), ("node", "A"), ("_udp.proxy", "SRV")], SERVFAIL)
            # Its TXT is known, but PowerDNS asks for all types at once: what it is told is the whole name.
            self.says("xcap", "TXT", SERVFAIL)
            self.static_names_answer()

        with self.subTest("fresh, and no members"):
            event_server = net.start_event_server("es1", net.event_servers[0])
            manager = net.start_manager()
            self.becomes("fresh")
            self.says_all([*DYNAMIC, ("_udp", "SRV"), ("_tcp", "A"), ("node", "A"), ("proxy", "TXT")], NODATA)
            self.static_names_answer()

        with self.subTest("members"):
            node = {name: net.start_node(name, ["sip_proxy"]) for name in ("gw1", "gw2", "gw3")}
            self.members_show(node, node)
            self.static_names_answer()

        with self.subTest("draining: not among the role's records, the name stays"):
            self.assertNotIn("error", node["gw2"].command("drain 600"))
            self.members_show(["gw1", "gw3"], node)
            self.says("gw2.node", "TXT", positive('"sip_proxy=draining"'))

        with self.subTest("gone: not among the role's records, the name stays for a grace"):
            not_before = time.monotonic() + NODE_GRACE_S
            self.assertEqual(0, node.pop("gw3").stop())
            self.says("_sip._udp", "SRV", positive(*self.srv(5060, "gw1")))
            for pdns in self.pdns:
                answer = self.packet(pdns.server, "gw3.node", "A")
                if time.monotonic() < not_before:
                    self.assertEqual(positive(net.node_addresses("gw3")[0]), answer)
            self.says("gw3.node", "A", NXDOMAIN)
            self.assertGreaterEqual(time.monotonic(), not_before)
            self.members_show(["gw1"], node)

        with self.subTest("degraded: no manager, and DNS follows the members all the same"):
            before = self.dns.status()["serial"]
            manager.kill()
            self.becomes("degraded")
            self.members_show(["gw1"], node)
            node["gw2"].command("undrain")
            self.members_show(["gw1", "gw2"], node)
            self.static_names_answer()
            self.assertGreater(self.dns.status()["serial"], before)

        with self.subTest("stale: no event server either, the last good zone"):
            event_server.kill()
            self.becomes("stale")
            self.members_show(["gw1", "gw2"], node)
            self.static_names_answer()

        with self.subTest("stale from disk: the same after a crash of thor-dns"):
            serial = self.dns.status()["serial"]
            self.dns.kill()
            self.dns = net.start("dns1", "thor-dns").wait_ready()
            self.assertEqual(("stale", serial), (self.dns.status()["state"], self.dns.status()["serial"]))
            self.members_show(["gw1", "gw2"], node)
            self.static_names_answer()

        with self.subTest("fresh again"):
            net.start("es1", "thor-eventserver").wait_ready()
            net.start("m1", "thor-manager").wait_ready()
            self.becomes("fresh")
            self.members_show(["gw1", "gw2"], node)
            for name in ("gw1", "gw2"):
                node[name].kill()
            self.says_all(DYNAMIC, NODATA)


if __name__ == "__main__":
    overlaytest.main()
