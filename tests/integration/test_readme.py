#!/usr/bin/python3
"""What README.md prints for adding a node and a role, run as it stands there, on machines where nothing else is configured."""

import os
import re

import overlaytest
import services
from netns import NetnsOverlay
from overlay import SOURCE, toml, wait_until
from shell import Machines, Shell

DOMAIN = "sip.example.com"  # the README's
EVENT_SERVER_PORT = 8000
DIG_S = 10
GATEWAY = "192.0.2.11"      # gw1's, in the README


def blocks(heading):
    """The fenced blocks of one section, in order."""
    text = (SOURCE / "README.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return re.findall(r"^```\w*\n(.*?)^```$", section[1], re.M | re.S) if section else []


def lines(block):
    return [line for line in block.splitlines() if line.strip()]


class Readme(overlaytest.OverlayTest):
    def setUp(self):
        net = self.net = self.enterContext(NetnsOverlay(DOMAIN))
        address = net.machine("dns1").address
        self.machines = Machines(net, address)
        self.roots = {name: self.machines.add(name) for name in ("dns1", "gw1", "tm1", "desk")}
        net.start_event_server(listen=f"{net.machine('es1').address}:{EVENT_SERVER_PORT}")
        net.start_manager()
        self.start_name_server(address)
        (self.roots["desk"] / "etc/thor").mkdir()
        (self.roots["desk"] / "etc/thor/ca").symlink_to(net.ca.directory)
        self.shell = self.open_shell("desk")

    def start_name_server(self, address):
        """What "Set up the overlay" ends with: thor-dns and PowerDNS on one machine."""
        net, home = self.net, self.net.home("dns1")
        tls = self.roots["dns1"] / "etc/thor/tls"
        net.ca.issue("dns1", ["thor_dnsmanager"], home / "tls", [address])
        tls.mkdir(parents=True)
        for ours, place in ((home / "tls/dns1.crt", "node.crt"), (home / "tls/dns1.key", "node.key"), (net.ca.certificate, "ca.crt")):
            (tls / place).write_bytes(ours.read_bytes())
        (tls / "node.key").chmod(0o600)
        (tls.parent / "thor.toml").write_text(toml({"dns": {
            "http_token_file": str(home / "state/pdns-token"), "pdns_control": [str(net.home("pdns") / "run/pdns.controlsocket")],
            "name_server": [{"name": "ns1", "addresses": [address]}],
            "event_server": [{"name": "eventserver1", "port": EVENT_SERVER_PORT, "addresses": [net.machine("es1").address]}]}}))
        self.machines.start("dns1", "thor-dns")
        net.http_backends["dns1"] = "127.0.0.1:8053"
        self.pdns = [net.start_pdns(zone=DOMAIN)]

    def open_shell(self, machine):
        shell = Shell(self.net, self.machines, machine)
        self.addCleanup(shell.close)
        return shell

    def comes_to(self, command, expected):
        """Runs the command until it prints these lines."""
        said = None

        def says():
            nonlocal said
            said = self.shell.run(command).splitlines()
            return said == expected
        wait_until(says, lambda: f"{command}\nprints {expected}; it printed {said}", DIG_S, 0.1)

    def play(self, block):
        """Runs a block; a dig line has what it is to print in its comment."""
        for line in lines(block):
            if line.startswith("dig "):
                command, comment, expected = line.partition(" # ")
                self.assertTrue(comment, f"{line} does not say what it prints")
                self.comes_to(command, [expected.strip()])
            else:
                self.shell.run(line)

    def test_add_a_role(self):
        definition, commands = blocks("Add a role")
        place = re.match(r"# (/etc/thor/roles\.d/\S+\.toml)\n", definition)
        self.assertTrue(place, definition)
        self.assertEqual(2, sum(line.startswith("dig ") for line in lines(commands)))
        file = self.roots["dns1"] / place[1][1:]
        file.parent.mkdir()
        file.write_text(definition)
        self.play(commands)

    def test_add_a_node(self):
        issue, mkdir, node = lines(*blocks("Add a node"))
        self.net.machine("gw1").run("ip", "address", "add", f"{GATEWAY}/32", "dev", "lo")
        services.start(self.net, "sip-udp", GATEWAY, 5060, machine="gw1")

        printed = self.shell.run(issue)
        self.shell.run(mkdir)
        copies = re.findall(r"^ +(\S+) +-> (/\S+)$", printed, re.M)
        self.assertEqual({"node.crt", "node.key", "ca.crt", "ca.crl"}, {os.path.basename(there) for _, there in copies})
        for here, there in copies:
            self.shell.run(f"scp {here} gw1:{there}")
        self.open_shell("desk").begin(node)  # stays at its terminal

        service = f"dig +short _sip._udp.{DOMAIN} SRV"
        in_service = [f"10 100 5060 gw1.node.{DOMAIN}."]
        self.comes_to(f"dig +short gw1.node.{DOMAIN} A", [GATEWAY])
        self.comes_to(service, in_service)
        self.shell.run("ssh gw1 thor-node drain")
        self.comes_to(service, [])
        self.shell.run("ssh gw1 thor-node undrain")
        self.comes_to(service, in_service)


if __name__ == "__main__":
    overlaytest.main()
