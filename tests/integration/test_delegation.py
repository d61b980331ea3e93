#!/usr/bin/python3
"""The classic layout as resolvers see it: the domain is hosted by a name server that knows nothing of Thor, which holds what `thor-dns zone parent`
printed once; a resolver that follows its delegations finds the members."""

import subprocess

import overlaytest
from dnsclient import NameServer
from dnssoftware import Unbound
from netns import NetnsOverlay
from overlay import DOMAIN, PROGRAMS, Pdns


class Delegation(overlaytest.OverlayTest):
    def setUp(self):
        net = self.net = self.enterContext(NetnsOverlay())
        net.start_event_server()
        net.start_manager()
        self.dns = net.start_dns(deployment="delegated", name_server=[{"name": "ns1", "addresses": [net.machine("dns1").address]}])
        self.pdns = [net.start_pdns(zone=f"proxy.{DOMAIN}")]
        parent = self.start_parent()
        resolver = Unbound(net, {DOMAIN: parent})
        resolver.wait_ready()
        self.resolver = NameServer(*resolver.at, resolver=True)

    def start_parent(self):
        """The domain's own name server: PowerDNS with a zone file."""
        home, (address, port) = self.net.home("parent"), self.net.endpoint("parent", 53)
        records = subprocess.run([PROGRAMS / "thor-dns", "--config", self.dns.config, "zone", "parent"], capture_output=True, text=True, check=True).stdout
        (home / "zone").write_text(f"{DOMAIN}. 300 IN SOA ns.parent.example. hostmaster.{DOMAIN}. 1 3600 600 1209600 15\n"
                                   f"{DOMAIN}. 3600 IN NS ns.parent.example.\n{records}")
        (home / "named.conf").write_text(f'zone "{DOMAIN}" {{ type master; file "{home}/zone"; }};\n')
        (home / "pdns.conf").write_text(f"launch=bind\nbind-config={home}/named.conf\nlocal-address={address}\nlocal-port={port}\n"
                                        f"socket-dir={home}/run\nsecurity-poll-suffix=\n")
        server = Pdns("parent", home, self.net.directory / "parent.log", address, port, inside=self.net.inside("parent"))
        self.net.processes.append(server)
        return server.wait_ready().server

    def resolves(self, name, rdtype):
        return self.resolver.ask(name, rdtype).texts(rdtype)

    def test_a_client_of_the_domain_finds_the_members(self):
        self.net.start_node("gw1", ["sip_proxy"])
        self.shows("_sip._udp.proxy", "SRV", self.srv(5060, "gw1"))
        v4, v6 = self.net.node_addresses("gw1")
        with self.subTest("by NAPTR, which leads from the parent straight into the role's zone"):
            self.assertIn(f'30 100 "s" "SIP+D2U" "" _sip._udp.proxy.{DOMAIN}.', self.resolves(DOMAIN, "NAPTR"))
            self.assertEqual(self.srv(5060, "gw1"), self.resolves(f"_sip._udp.proxy.{DOMAIN}", "SRV"))
            self.assertEqual({v4}, self.resolves(f"gw1.node.{DOMAIN}", "A"))
        with self.subTest("by the parent's SRV, and the role's address name"):
            self.assertEqual({f"10 100 5060 proxy.{DOMAIN}."}, self.resolves(f"_sip._udp.{DOMAIN}", "SRV"))
            self.assertEqual(({v4}, {v6}), (self.resolves(f"proxy.{DOMAIN}", "A"), self.resolves(f"proxy.{DOMAIN}", "AAAA")))
        with self.subTest("event servers, which never depend on the overlay that they bootstrap"):
            self.assertEqual(1, len(self.resolves(f"_eventserver._tcp.{DOMAIN}", "SRV")))
        with self.subTest("and a role without members is there, without addresses"):
            self.assertEqual("NOERROR", self.resolver.ask(f"voicemail.{DOMAIN}", "A").rcode)
            self.assertEqual(set(), self.resolves(f"voicemail.{DOMAIN}", "A"))


if __name__ == "__main__":
    overlaytest.main()
