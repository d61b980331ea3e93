#!/usr/bin/python3
"""Which zones an overlay has: the internal names of the roles, and names that a parent hosted elsewhere delegates."""

import subprocess

import overlaytest
from overlay import DOMAIN, PROGRAMS, Overlay, wait_until

ROLE_ZONE = f"role.{DOMAIN}"


def thor_dns(daemon, *words, stdin=None, code=0):
    """Runs a command of thor-dns beside the daemon; returns what it printed."""
    done = subprocess.run([PROGRAMS / "thor-dns", "--config", daemon.config, *words], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != code:
        raise AssertionError(f"thor-dns {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout if code != 2 else done.stderr


def on_disk(net, query):
    """What zone.sqlite3 of dns1 answers."""
    file = f"file:{net.home('dns1')}/state/zone.sqlite3?mode=ro"
    return subprocess.run(["sqlite3", file, query], capture_output=True, text=True, check=True).stdout.split()


class OverlayNames(overlaytest.OverlayTest):
    """`<role>.role.<domain>` is served by a second PowerDNS, and by no other."""

    def setUp(self):
        net = self.net = self.enterContext(Overlay())
        net.start_event_server()
        net.start_manager()
        self.dns = net.start_dns(internal={"pdns_control": [f"{net.home('inside')}/run/pdns.controlsocket"]})
        self.public = net.start_pdns()
        self.inside = net.start_pdns("inside", variant="internal", zone=ROLE_ZONE)
        self.pdns = [self.inside]

    def test_the_roles_show_inside_and_nowhere_else(self):
        gw1 = self.net.start_node("gw1", ["sip_proxy"])
        self.net.start_node("gw2", ["sip_proxy"])
        self.shows("sip_proxy.role", "SRV", self.srv(5061, "gw1", "gw2"))
        self.shows("_sip._udp.sip_proxy.role", "SRV", self.srv(5060, "gw1", "gw2"))
        self.shows("sip_proxy.role", "TXT", {'"active=2" "draining=0" "ring=yes"'})
        self.nodata("xcap_server.role", "SRV")
        self.shows("nothing.role", "SRV", (), rcode="NXDOMAIN")

        with self.subTest("a change shows at once, for the purge reaches the second PowerDNS, too"):
            gw1.command("drain")
            self.shows("sip_proxy.role", "TXT", {'"active=1" "draining=1" "ring=yes"'})
            self.shows("sip_proxy.role", "SRV", self.srv(5061, "gw2"))

        with self.subTest("the public name server knows no such name"):
            self.assertEqual("NXDOMAIN", self.public.server.ask(f"sip_proxy.{ROLE_ZONE}", "SRV").rcode)
            self.assertEqual("NXDOMAIN", self.public.server.ask(ROLE_ZONE, "SOA").rcode)
        with self.subTest("nor does the internal one know the public names"):
            self.assertEqual("REFUSED", self.inside.server.ask(DOMAIN, "SOA").rcode)
        with self.subTest("zone.sqlite3, which a public PowerDNS may serve in an emergency, has none of them"):
            self.assertEqual([DOMAIN], on_disk(self.net, "SELECT DISTINCT zone FROM zone_now"))


class Delegated(overlaytest.OverlayTest):
    """The classic layout: the domain is hosted elsewhere, here by a PowerDNS of its own, and delegates what follows the members."""

    def setUp(self):
        net = self.net = self.enterContext(Overlay())
        net.start_event_server()
        net.start_manager()
        self.dns = net.start_dns(deployment="delegated")
        self.pdns = [net.start_pdns(zone=f"proxy.{DOMAIN}")]

    def test_each_role_is_a_zone_and_the_parent_leads_to_it(self):
        self.net.start_node("gw1", ["sip_proxy"])
        v4, v6 = self.net.node_addresses("gw1")
        self.shows("proxy", "A", {v4})
        self.shows("proxy", "AAAA", {v6})
        self.shows("_sip._udp.proxy", "SRV", self.srv(5060, "gw1"))
        self.shows("proxy", "NAPTR", {f'10 100 "s" "SIPS+D2T" "" _sips._tcp.proxy.{DOMAIN}.', f'20 100 "s" "SIP+D2T" "" _sip._tcp.proxy.{DOMAIN}.',
                                      f'30 100 "s" "SIP+D2U" "" _sip._udp.proxy.{DOMAIN}.'})
        self.shows("gw1.node", "A", {v4})
        self.nodata("ngnpro", "A")
        server = self.pdns[0].server
        self.assertEqual("REFUSED", server.ask(DOMAIN, "SOA").rcode, "the domain is not ours")

        with self.subTest("all of them have one serial"):
            serials = {self.serial(f"{name}.{DOMAIN}") for name in ("proxy", "node", "xcap", "mediarelay", "voicemail", "ngnpro")}
            self.assertEqual({self.dns.status()["serial"]}, serials)

        with self.subTest("and go on together"):
            before = self.serial(f"xcap.{DOMAIN}")
            self.net.start_node("gw2", ["sip_proxy"])
            self.shows("_sip._udp.proxy", "SRV", self.srv(5060, "gw1", "gw2"))
            wait_until(lambda: self.serial(f"xcap.{DOMAIN}") > before, "the zone of another role has the new serial")

        with self.subTest("a restart serves all of them again, from disk"):
            wait_until(lambda: "gw2" in on_disk(self.net, "SELECT node FROM role_now WHERE role = 'sip_proxy'"), "zone.sqlite3 has what is served")
            self.dns.kill()
            self.dns = self.net.start("dns1", "thor-dns").wait_ready()
            self.assertEqual(self.srv(5060, "gw1", "gw2"), server.ask(f"_sip._udp.proxy.{DOMAIN}", "SRV").texts("SRV"))

        with self.subTest("the parent is told what it has to hold"):
            parent = thor_dns(self.dns, "zone", "parent").splitlines()
            self.assertIn(f"proxy.{DOMAIN}. 3600 IN NS ns1.{DOMAIN}.", parent)
            self.assertIn(f"_sip._udp.{DOMAIN}. 300 IN SRV 10 100 5060 proxy.{DOMAIN}.", parent)

    def serial(self, zone):
        return int(next(iter(self.pdns[0].server.ask(zone, "SOA").texts("SOA"))).split()[2])


class ZoneCommands(overlaytest.OverlayTest):
    """thor-dns zone ...: the zones as they are served, for people."""

    def setUp(self):
        net = self.net = self.enterContext(Overlay())
        net.start_event_server()
        net.start_manager()
        self.dns = net.start_dns()
        self.pdns = [net.start_pdns()]
        net.start_node("gw1", ["sip_proxy"])
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))

    def test_lists_prints_compares_and_checks(self):
        with self.subTest("list"):
            serial = self.dns.status()["serial"]
            self.assertRegex(thor_dns(self.dns, "zone", "list"), rf"^{DOMAIN}\. serial {serial}, \d+ names, \d+ records\nlookup\.{DOMAIN}\. serial {serial}, \d+ names, 2 records\n$")

        with self.subTest("print is what PowerDNS hands out by transfer"):
            printed = thor_dns(self.dns, "zone", "print")
            self.assertIn(f"_sip._udp.{DOMAIN}. 30 IN SRV 10 100 5060 gw1.node.{DOMAIN}.\n", printed)
            server = self.pdns[0].server
            transfer = subprocess.run(["dig", f"@{server.address}", "-p", str(server.port), "+noidnout", DOMAIN, "AXFR"],
                                      capture_output=True, text=True, check=True).stdout
            self.assertEqual("", thor_dns(self.dns, "zone", "diff", "-", stdin=transfer))

        with self.subTest("diff shows what came and went since a zone was printed"):
            self.net.start_node("gw2", ["sip_proxy"])
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))
            lines = thor_dns(self.dns, "zone", "diff", "-", stdin=printed, code=1).splitlines()
            self.assertIn(f"+_sip._udp.{DOMAIN}. 30 IN SRV 10 100 5060 gw2.node.{DOMAIN}.", lines)
            self.assertEqual([f"-{DOMAIN}. 300 IN SOA"], [line.rsplit(" ", 7)[0] for line in lines if line.startswith("-")])
            self.assertIn("standard input:1: ", thor_dns(self.dns, "zone", "diff", "-", stdin="no zone\n", code=2))

        with self.subTest("check finds what leads nowhere"):
            self.assertRegex(thor_dns(self.dns, "zone", "check"), rf"^{DOMAIN}\. \d+ records, nothing wrong\nlookup\.{DOMAIN}\. 2 records, nothing wrong\n$")
            thor_dns(self.dns, "record", "add", f"_ldap._tcp.{DOMAIN}", "300", "SRV", "1", "1", "389", f"ldap.{DOMAIN}.")
            self.assertIn(f"_ldap._tcp.{DOMAIN}. SRV: its target ldap.{DOMAIN}. does not exist\n", thor_dns(self.dns, "zone", "check", code=1))

        with self.subTest("a zone that is not there"):
            done = subprocess.run([PROGRAMS / "thor-dns", "--config", self.dns.config, "zone", "print", "elsewhere.example"],
                                  capture_output=True, text=True, check=False)
            self.assertEqual((1, "thor-dns: elsewhere.example. is not served here; thor-dns zone list shows what is\n"),
                             (done.returncode, done.stderr))


if __name__ == "__main__":
    overlaytest.main()
