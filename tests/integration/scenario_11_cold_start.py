#!/usr/bin/python3
"""Scenario 11: a name server starts where it hears nobody. It serves what it had, or says that it does not know; it
never denies."""

import scenario
from overlay import DOMAIN, wait_until


class ColdStart(scenario.ScenarioTest):
    members = 2

    def test_with_the_last_zone_on_disk(self):
        server = self.pdns[0].server
        self.machine("dns1").cut()
        self.dns.kill()
        self.dns = self.net.start("dns1", "thor-dns").wait_ready()
        self.expect("n1", "n2")
        self.assertEqual("stale", self.dns.status()["state"])
        watch = self.watch()
        self.machine("dns1").mend()
        wait_until(lambda: self.dns.status()["state"] == "fresh", "it follows a manager")
        self.node["n1"].stop()
        self.expect("n2")
        self.never_missing(watch, "n2")
        self.assertEqual("NXDOMAIN", server.ask(f"nobody.{DOMAIN}", "A").rcode)

    def test_with_an_empty_disk(self):
        self.machine("dns2").cut()
        cold = self.net.start_dns("dns2", pdns=["pdns2"])
        self.pdns = [self.net.start_pdns("pdns2", dns="dns2")]
        server = self.pdns[0].server
        self.assertEqual("unknown", cold.status()["state"])
        for name, rdtype in (("_sip._udp", "SRV"), ("proxy", "A"), ("n1.node", "A"), ("_xcap._tcp", "SRV")):
            self.assertEqual("SERVFAIL", server.ask(f"{name}.{DOMAIN}", rdtype).rcode, f"{name} {rdtype}")
        self.shows("_eventserver._tcp", "SRV", [f"10 0 8000 eventserver{number}.{DOMAIN}." for number in (1, 2, 3)])
        self.shows("", "NS", [f"ns1.{DOMAIN}."])
        self.machine("dns2").mend()
        self.expect("n1", "n2")
        self.shows("proxy", "A", [self.net.node_addresses(name)[0] for name in ("n1", "n2")])


if __name__ == "__main__":
    scenario.main()
