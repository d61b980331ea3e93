#!/usr/bin/python3
"""A machine with a certificate and nothing else: thor-node joins, and what is checked is what a role's clients use."""

import shutil

import overlaytest
import services
from netns import NetnsOverlay
from overlay import PROGRAMS, Daemon, Process


class Unconfigured(Daemon):
    """thor-node on a machine where everything is in its default place: /etc, /run and /var/lib there are the machine's own."""

    def __init__(self, net, name):
        home = net.home(name)
        self.control = home / "slash-run" / "thor" / "thor-node.sock"
        places = (("etc", "/etc"), ("slash-run", "/run"), ("var-lib", "/var/lib"))
        mounts = " && ".join(f"mount --bind {home}/{ours} {place}" for ours, place in places)
        Process.__init__(self, name, [PROGRAMS / "thor-node"], net.directory / f"{name}.log",
                         (*net.inside(name), "unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh"))
        net.processes.append(self)


class ZeroConfiguration(overlaytest.OverlayTest):
    def prepare(self, name, roles, name_server):
        """What an operator does: the certificate. The resolver comes with the machine's network."""
        net, home = self.net, self.net.home(name)
        for directory in ("etc/thor/tls", "slash-run/thor", "var-lib/thor"):
            (home / directory).mkdir(parents=True)
        address = net.endpoint(name, 0)[0]
        net.ca.issue(name, roles, home / "issued", [address])
        tls = home / "etc/thor/tls"
        shutil.copy(home / "issued" / f"{name}.crt", tls / "node.crt")
        shutil.copy(home / "issued" / f"{name}.key", tls / "node.key")
        shutil.copy(net.ca.certificate, tls / "ca.crt")
        (home / "etc/resolv.conf").write_text(f"nameserver {name_server}\n")
        return address

    def test_a_certificate_is_enough(self):
        net = self.net = self.enterContext(NetnsOverlay())
        event_server = "{}:{}".format(*net.endpoint("es1", 8000))
        net.event_servers = [event_server]
        net.start_dns()
        self.pdns = [net.start_pdns()]
        net.start_event_server(listen=event_server)
        net.start_manager()
        name_server = self.pdns[0].server.address

        with self.subTest("without any configuration file"):
            address = self.prepare("gw1", ["sip_proxy", "media_relay"], name_server)
            service = services.start(net, "sip-udp", address, 5060, machine="gw1")
            node = Unconfigured(net, "gw1").wait_ready()
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))
            self.shows("mediarelay", "A", [address])
            self.assertEqual([event_server], node.status()["event_servers"])

        with self.subTest("with an empty one"):
            other = self.prepare("gw2", ["sip_proxy"], name_server)
            (net.home("gw2") / "etc/thor/thor.toml").touch()
            Unconfigured(net, "gw2").wait_ready()
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))
            self.shows("gw2.node", "A", [other])

        with self.subTest("its service is checked where clients find it"):
            check = node.status()["health"]["sip_proxy"]["checks"][0]
            self.assertEqual((f"sip udp {address}:5060", "up"), (check["check"], check["state"]))
            service.kill()
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw2"))
            self.shows("mediarelay", "A", [address])
            services.start(net, "sip-udp", address, 5060, machine="gw1")
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))


if __name__ == "__main__":
    overlaytest.main()
