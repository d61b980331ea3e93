#!/usr/bin/python3
"""Scenario 13: certificates change and are revoked while the overlay works."""

import shutil

import scenario
from overlay import wait_until


class Certificates(scenario.ScenarioTest):
    def overlay_options(self):
        """All follow one revocation list."""
        self.list = self.net.directory / "ca.crl"
        shutil.copy(self.net.ca.revocations, self.list)
        return {"crl": str(self.list)}

    def test_a_member_gets_another_certificate(self):
        watch = self.watch()
        tls = self.net.home("n1") / "tls"
        before = (tls / "n1.crt").read_bytes()
        self.net.ca.run("renew", "n1", "--out", tls)
        self.assertNotEqual(before, (tls / "n1.crt").read_bytes())
        wait_until(lambda: "credentials reloaded" in self.node["n1"].log_text(), "n1 has reloaded its certificate")
        self.unchanged(watch)
        self.connected_everywhere("n1")

    def test_a_connected_member_is_revoked(self):
        """It is cut off, at once out of DNS, and does not get back in."""
        watch = self.watch()
        self.net.ca.run("revoke", "n1")
        shutil.copy(self.net.ca.revocations, self.list)
        self.expect("n2", "n3", "n4")
        self.go_on(scenario.WRONG_WOULD_SHOW_S)
        self.saw(watch, self.node, {"n2", "n3", "n4"})
        self.all_answered(watch)


if __name__ == "__main__":
    scenario.main()
