#!/usr/bin/python3
"""The life of an overlay as DNS shows it, over both connectors of a real PowerDNS."""

import overlaytest
from overlay import DOMAIN, Overlay, wait_until


class LifeOfMembers(overlaytest.OverlayTest):
    """One thor-dns with two pdns_server processes in front: over HTTP and over the Unix socket."""

    @classmethod
    def setUpClass(cls):
        cls.net = cls.enterClassContext(Overlay())
        cls.net.start_event_server()
        cls.net.start_manager()
        cls.net.start_dns(pdns=["pdns-http", "pdns-unix"])
        cls.pdns = [cls.net.start_pdns("pdns-http", "http"), cls.net.start_pdns("pdns-unix", "unix")]

    def test_a_role_follows_its_members(self):
        gw1 = self.net.start_node("gw1", ["sip_proxy"])
        gw2 = self.net.start_node("gw2", ["sip_proxy"])
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))
        self.shows("_sip._tcp", "SRV", self.srv(5060, "gw1", "gw2"))
        self.shows("_sips._tcp", "SRV", self.srv(5061, "gw1", "gw2"))
        v4 = {name: self.net.node_addresses(name)[0] for name in ("gw1", "gw2")}
        v6 = {name: self.net.node_addresses(name)[1] for name in ("gw1", "gw2")}
        self.shows("proxy", "A", v4.values())
        self.shows("proxy", "AAAA", v6.values())
        self.shows("gw1.node", "A", [v4["gw1"]])
        self.shows("gw1.node", "AAAA", [v6["gw1"]])

        with self.subTest("draining: no new work, still reachable"):
            self.assertNotIn("error", gw2.command("drain 600"))
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))
            self.shows("gw2.node", "A", [v4["gw2"]])
            self.shows("gw2.node", "TXT", ['"sip_proxy=draining"'])
            gw2.command("undrain")
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))

        with self.subTest("leaving: SRV forgets at once, the name stays for a grace"):
            self.assertEqual(0, gw2.stop())
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))
            self.shows("gw2.node", "A", [v4["gw2"]])

        with self.subTest("a crash"):
            gw1.kill()
            self.shows("_sip._udp", "SRV", [])
            self.nodata("_sip._udp", "SRV")

        with self.subTest("coming back"):
            gw1 = self.net.start("gw1", "thor-node")
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))

        with self.subTest("silence, and its end"):
            gw1.pause()
            self.shows("_sip._udp", "SRV", [])
            gw1.resume()
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))

    def test_every_role_has_its_records(self):
        self.net.start_node("relay1", ["media_relay"])
        self.net.start_node("multi1", ["xcap_server", "voicemail_server", "provisioning_server", "msrprelay_server",
                                       "conference_server", "xmpp_gateway", "webrtc_gateway", "rating_server"])
        v4, v6 = self.net.node_addresses("multi1")
        self.shows("mediarelay", "A", [self.net.node_addresses("relay1")[0]])
        self.shows("_xcap._tcp", "SRV", self.srv(443, "multi1"))
        self.shows("xcap", "TXT", [f'"https://xcap.{DOMAIN}/xcap-root"'])
        self.shows("_voicemail._tcp", "SRV", self.srv(9200, "multi1"))
        self.shows("_ngnpro._tcp", "SRV", self.srv(9200, "multi1"))
        self.shows("_msrps._tcp", "SRV", self.srv(2855, "multi1"))
        self.shows("_xmpp-server._tcp", "SRV", self.srv(5269, "multi1"))
        self.shows("_sips._ws", "SRV", self.srv(443, "multi1"))
        self.shows("_sips._wss", "SRV", self.srv(443, "multi1"))
        self.shows("_sylkserver", "TXT", [f'"https://webrtc.{DOMAIN}/config.json"'])
        for name in ("xcap", "voicemail", "ngnpro", "msrprelay", "conference", "xmpp", "webrtc"):
            self.shows(name, "A", [v4])
            self.shows(name, "AAAA", [v6])

    def test_what_never_changes(self):
        self.shows("", "NAPTR", [f'10 100 "s" "SIPS+D2T" "" _sips._tcp.{DOMAIN}.', f'20 100 "s" "SIP+D2T" "" _sip._tcp.{DOMAIN}.',
                                 f'30 100 "s" "SIP+D2U" "" _sip._udp.{DOMAIN}.', f'40 100 "s" "SIPS+D2W" "" _sips._ws.{DOMAIN}.'])
        self.shows("", "NS", [f"ns1.{DOMAIN}."])
        self.shows("ns1", "A", [self.net.address])
        address, _, port = self.net.event_servers[0].rpartition(":")
        self.shows("_eventserver._tcp", "SRV", [f"10 0 {port} eventserver1.{DOMAIN}."])
        self.shows("eventserver1", "A", [address])

    def test_names_that_exist_without_records_are_not_denied(self):
        for name in ("_udp", "_tcp", "node"):
            for rdtype in ("A", "SRV", "TXT"):
                self.nodata(name, rdtype)
        self.nodata("ns1", "SRV")

    def test_names_that_do_not_exist_are_denied(self):
        for name in ("nobody", "a.b.c", "gw9.node", "_sip._sctp"):
            self.shows(name, "A", [], rcode="NXDOMAIN")

    def test_case_does_not_matter(self):
        self.shows("nS1", "A", [self.net.address])
        self.shows("_EVENTserver._TCP", "A", [])


class WithoutTheRest(overlaytest.OverlayTest):
    """What a name server does when the parts behind it go away."""

    def setUp(self):
        self.net = self.enterContext(Overlay())

    def test_thor_dns_alone_serves_what_it_had(self):
        net = self.net
        event_server = net.start_event_server()
        manager = net.start_manager()
        dns = net.start_dns()
        self.pdns = [net.start_pdns()]
        server = self.pdns[0].server
        net.start_node("gw1", ["sip_proxy"])
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))

        with self.subTest("without event server and manager nothing changes"):
            manager.kill()
            event_server.kill()
            wait_until(lambda: dns.status()["state"] == "stale", "thor-dns knows that its view is stale")
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))

        with self.subTest("without thor-dns: SERVFAIL, never a denial"):
            self.assertEqual(0, dns.stop())
            # What PowerDNS has in its query cache is right, for a second.
            for name in (f"_sip._udp.{DOMAIN}", f"_udp.{DOMAIN}", f"nobody.{DOMAIN}", DOMAIN):
                wait_until(lambda asked=name: server.ask(asked, "SRV").rcode == "SERVFAIL", f"SERVFAIL for {name}")

        with self.subTest("the last good zone is there as soon as thor-dns is"):
            dns = net.start("dns1", "thor-dns").wait_ready()
            self.assertEqual("stale", dns.status()["state"])
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))
            self.shows("gw1.node", "A", [net.node_addresses("gw1")[0]])

        with self.subTest("the rest comes back"):
            net.start("es1", "thor-eventserver").wait_ready()
            net.start("m1", "thor-manager").wait_ready()
            wait_until(lambda: dns.status()["state"] == "fresh", "thor-dns follows a manager again")
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))


if __name__ == "__main__":
    overlaytest.main()
