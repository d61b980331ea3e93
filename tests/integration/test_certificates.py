#!/usr/bin/python3
"""Certificates over their life, in an overlay of real processes that nobody restarts: renewed, of another CA, revoked, expired. What is no longer
good is cut off while it is connected, by both ends; what is, is not missed for a moment."""

import os
import shutil

import overlaytest
from cryptography import x509
from overlay import READY_S, Authority, Overlay, wait_until
from wirepeer import Identity

SHORT_LIFE_S = 20
RECHECK_S = 10  # of the event servers


class Lives(overlaytest.OverlayTest):
    """Two event servers, a manager, a thor-dns and two nodes; each has files of its own for the CA and the revocation list."""

    MACHINES = {"es1": ["thor_eventserver"], "es2": ["thor_eventserver"], "m1": ["thor_manager"], "dns1": ["thor_dnsmanager"],
                "gw1": ["sip_proxy"], "gw2": ["sip_proxy"]}
    MEMBERS = ("m1", "dns1", "gw1", "gw2")

    def setUp(self):
        net = self.net = self.enterContext(Overlay())
        for name in self.MACHINES:
            self.prepare(name)
        self.daemons = {name: net.start_event_server(name) for name in ("es1", "es2")}
        self.daemons |= {"m1": net.start_manager(), "dns1": net.start_dns()}
        self.daemons |= {name: net.start_node(name, self.MACHINES[name]) for name in ("gw1", "gw2")}
        self.online("gw1", "gw2")
        for name in self.MEMBERS:
            self.connected(name, "es1", "es2")
        self.settle()

    # ---- files

    def file(self, name, kind):
        return self.net.home(name) / "tls" / kind

    def prepare(self, name):
        self.file(name, "").mkdir(exist_ok=True)
        self.give(name, self.net.ca.certificate.read_bytes(), self.net.ca.revocations.read_bytes())
        self.net.drop_in(name, {"overlay": {"ca": str(self.file(name, "ca.crt")), "crl": str(self.file(name, "ca.crl"))}})

    def give(self, name, ca=None, crl=None):
        """Other files, the list first, as the README of coordinator/identity says."""
        for kind, content in (("ca.crl", crl), ("ca.crt", ca)):
            if content is not None:
                self.replace(self.file(name, kind), content)

    @staticmethod
    def replace(file, content):
        new = file.with_suffix(".new")
        new.write_bytes(content)
        new.rename(file)

    def certificate(self, name):
        return x509.load_pem_x509_certificate(self.file(name, f"{name}.crt").read_bytes())

    # ---- what is seen

    def reloads(self, name):
        return self.daemons[name].log_text().count(" info  credentials reloaded")

    def takes(self, names, change):
        """Each of these comes to use what `change(name)` gives it, without being told."""
        before = {name: self.reloads(name) for name in names}
        for name in names:
            change(name)
        for name in names:
            wait_until(lambda name=name: self.reloads(name) > before[name], f"{name} has reloaded its credentials")

    def online(self, *names, timeout_s=READY_S):
        wait_until(lambda: set(self.daemons["m1"].status().get("roles", {}).get("sip_proxy", {}).get("active", ())) == set(names)
                   and self.daemons["m1"].status().get("serial") == self.daemons["dns1"].status().get("serial"),
                   lambda: f"thor-dns shows {names}; the manager has {self.daemons['m1'].status().get('roles')}", timeout_s)

    def connected(self, name, *servers):
        """The member is connected to exactly these event servers."""
        wanted = {self.daemons[server].status()["listen"][0] for server in servers}
        wait_until(lambda: set(self.daemons[name].status().get("event_servers", ())) == wanted,
                   lambda: f"{name} is connected to {wanted}, not {self.daemons[name].status().get('event_servers')}")

    def settle(self):
        """From here on no record changes and nobody is withdrawn but as a test says."""
        self.serial = self.daemons["dns1"].status()["serial"]

    def withdrawn(self, **reasons):
        """Exactly so many members were withdrawn since the start, by reason."""
        text = self.daemons["m1"].command("metrics")["metrics"]
        found = {line.split('"')[1]: int(line.split()[1]) for line in text.splitlines() if line.startswith("thor_withdrawals_total{")}
        self.assertEqual(reasons, found)

    def nothing_happened(self):
        """Nobody who asks DNS noticed."""
        self.online("gw1", "gw2")
        for name in self.MEMBERS:
            self.connected(name, "es1", "es2")
        self.withdrawn()
        self.assertEqual(self.serial, self.daemons["dns1"].status()["serial"])

    def logged(self, name, text):
        wait_until(lambda: text in self.daemons[name].log_text(), f"{name} logs {text!r}")


class Renewed(Lives):
    def test_every_certificate_and_the_old_ones_are_revoked(self):
        """The old ones are of no use to anybody then, so whoever still used one would be cut off."""
        old = {name: format(self.certificate(name).serial_number, "x") for name in self.MACHINES}
        self.takes(self.MACHINES, lambda name: self.net.ca.run("renew", name, "--out", self.file(name, "")))
        self.nothing_happened()
        for serial in old.values():
            self.net.ca.run("revoke", serial, "--reason", "superseded")
        for name in self.MACHINES:
            with self.subTest(name):
                self.assertNotEqual(old[name], format(self.certificate(name).serial_number, "x"))
        self.takes(self.MACHINES, lambda name: self.give(name, crl=self.net.ca.revocations.read_bytes()))
        self.nothing_happened()


class OfAnotherCa(Lives):
    def test_members_of_both_talk_until_the_old_one_is_gone(self):
        old, new = self.net.ca, Authority(self.net.directory / "ca2", self.net.domain)
        both = [getattr(old, kind).read_bytes() + getattr(new, kind).read_bytes() for kind in ("certificate", "revocations")]
        # One after the other: those that know both and those that know one have to get on.
        for name in self.MACHINES:
            self.takes([name], lambda name: self.give(name, *both))
        self.nothing_happened()

        def issue(name):
            fresh = self.net.directory / "fresh"
            new.issue(name, self.MACHINES[name], fresh, self.net.node_addresses(name) if name.startswith("gw") else [])
            for kind in ("key", "crt"):
                self.replace(self.file(name, f"{name}.{kind}"), (fresh / f"{name}.{kind}").read_bytes())
                os.chmod(self.file(name, f"{name}.{kind}"), 0o600)

        for name in ("es1", "gw1", "m1", "dns1"):
            self.takes([name], issue)
            self.online("gw1", "gw2")
        self.nothing_happened()
        for name in ("es2", "gw2"):
            self.takes([name], issue)
        self.nothing_happened()

        for name in self.MACHINES:
            self.takes([name], lambda name: self.give(name, new.certificate.read_bytes(), new.revocations.read_bytes()))
        self.nothing_happened()
        self.net.start_node("gw3", ["sip_proxy"])  # of the old CA
        wait_until(lambda: self.daemons["es1"].metric("thor_eventserver_refused_total") > 0, "gw3 is refused")
        self.nothing_happened()


class Revoked(Lives):
    def revoke(self, name):
        self.net.ca.run("revoke", name)
        return self.net.ca.revocations.read_bytes()

    def test_a_node(self):
        crl = self.revoke("gw1")
        self.takes(["es1", "es2", "m1", "dns1", "gw2"], lambda name: self.give(name, crl=crl))
        self.online("gw2")
        self.withdrawn(revoked=1)
        for server in ("es1", "es2"):
            self.logged(server, "ALARM: gw1 at 127.0.0.1 is cut off, revoked")
        self.logged("m1", "ALARM: gw1 (revoked)")
        self.logged("gw1", "closed with 4004")

        refused = self.daemons["es1"].metric("thor_eventserver_refused_total")
        wait_until(lambda: self.daemons["es1"].metric("thor_eventserver_refused_total") > refused, "gw1 tries again, and is refused")
        self.assertEqual([], self.daemons["gw1"].status()["event_servers"])
        self.online("gw2")
        self.connected("gw2", "es1", "es2")
        self.withdrawn(revoked=1)

    def test_a_node_takes_the_word_of_two_event_servers(self):
        """While the list has not come to the other one, the first may be lying."""
        crl = self.revoke("gw1")
        self.takes(["es1"], lambda name: self.give(name, crl=crl))
        self.logged("es1", "ALARM: gw1 at 127.0.0.1 is cut off, revoked")
        self.connected("gw1", "es2")
        self.online("gw1", "gw2")
        self.withdrawn()
        self.takes(["es2"], lambda name: self.give(name, crl=crl))
        self.online("gw2")
        self.withdrawn(revoked=1)

    def test_an_event_server(self):
        """The members have the list, the event server itself has not: it would go on serving them."""
        crl = self.revoke("es2")
        self.takes(self.MEMBERS, lambda name: self.give(name, crl=crl))
        for name in self.MEMBERS:
            self.connected(name, "es1")
            self.logged(name, "its certificate is not accepted any more: the certificate of es2 was revoked")
            self.logged(name, "its certificate is not accepted: ")  # when it tries again
        self.online("gw1", "gw2")
        self.withdrawn()
        self.assertEqual(self.serial, self.daemons["dns1"].status()["serial"])

    def test_the_manager(self):
        """Nobody believes it any more, and nobody misses it: thor-dns judges by itself."""
        crl = self.revoke("m1")
        self.takes([name for name in self.MACHINES if name != "m1"], lambda name: self.give(name, crl=crl))
        self.logged("m1", "closed with 4004")
        dns = self.daemons["dns1"]
        wait_until(lambda: dns.status()["state"] == "degraded", "thor-dns judges by itself")
        self.assertIn('thor_role_active{role="sip_proxy"} 2\n', dns.command("metrics")["metrics"])
        self.daemons["gw1"].stop()
        wait_until(lambda: 'thor_role_active{role="sip_proxy"} 1\n' in dns.command("metrics")["metrics"], "thor-dns sees gw1 leave")


class Expired(Lives):
    def short_lived(self, name, roles, addresses=()):
        """A machine whose certificate has some seconds left."""
        self.prepare(name)
        made = Identity.forge(self.net, name, roles=roles, addresses=addresses, days=(-1, SHORT_LIFE_S / 86400))
        shutil.copy(made.certificate, self.file(name, f"{name}.crt"))
        shutil.copy(made.key, self.file(name, f"{name}.key"))
        os.chmod(self.file(name, f"{name}.key"), 0o600)

    def test_a_node_and_an_event_server(self):
        self.short_lived("es3", ["thor_eventserver"])
        self.daemons["es3"] = self.net.start_event_server("es3")
        self.short_lived("gw3", ["sip_proxy"], self.net.node_addresses("gw3"))
        self.daemons["gw3"] = self.net.start_node("gw3", ["sip_proxy"])
        self.daemons["gw4"] = self.net.start_node("gw4", ["sip_proxy"])
        self.online("gw1", "gw2", "gw3", "gw4")
        self.connected("gw4", "es1", "es2", "es3")

        self.online("gw1", "gw2", "gw4", timeout_s=SHORT_LIFE_S + RECHECK_S + READY_S)
        self.withdrawn(expired=1)
        self.connected("gw4", "es1", "es2")
        self.logged("es1", "ALARM: gw3 at 127.0.0.1 is cut off, expired")
        self.logged("gw4", "its certificate is not accepted any more: the certificate of es3 expired on ")
        self.logged("gw3", "our certificate has expired")
        wait_until(lambda: float(self.days_left("gw3")) < 0, "gw3 counts no days any more")
        self.connected("gw4", "es1", "es2")
        self.withdrawn(expired=1)

    def days_left(self, name):
        text = self.daemons[name].command("metrics")["metrics"]
        return next(line.split()[1] for line in text.splitlines() if line.startswith("thor_certificate_days_left "))


if __name__ == "__main__":
    overlaytest.main()
