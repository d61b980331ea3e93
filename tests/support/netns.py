"""An overlay whose machines have networks of their own: a network namespace each, joined by veth pairs to one bridge.

    with NetnsOverlay() as net:
        net.start_event_server("es1")
        net.machine("es1").cut()             # the cable is pulled
        net.machine("n1").cut("es1", mute=False)  # n1 no longer hears es1, which still hears n1
        net.machine("es1").mend()

This process moves to a namespace of its own, where the bridge is and where the name servers are asked from, so tests run
side by side with the same addresses. Namespaces without a name live as long as somebody is in them or holds them open:
when this process ends, however it ends, nothing is left to be cleaned up. Without root it takes a user namespace, too.
"""

import ctypes
import os
import subprocess

from overlay import DOMAIN, Failure, Overlay

NETWORK = "10.77"  # /16
OBSERVER = f"{NETWORK}.255.254"  # this process, at the bridge
CROWD = 100  # third octet of the addresses of one machine that stands for many
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SELF = "/proc/self/ns/net"

_libc = ctypes.CDLL(None, use_errno=True)


def _system(function, *arguments):
    if function(*arguments) != 0:
        raise Failure(f"network namespaces need root or user namespaces: {os.strerror(ctypes.get_errno())}")


def _become_root():
    """Root in a user namespace, with the rights over the network namespaces made from there."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        return
    _system(_libc.unshare, CLONE_NEWUSER)
    for file, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{file}", "w", encoding="ascii") as out:
            out.write(text)


def _run(*words, stdin=None):
    done = subprocess.run([str(word) for word in words], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, words))}: {done.stderr}")


class Machine:
    """One network namespace with eth0 at the bridge. The observer always reaches it and is reached by it."""

    def __init__(self, number):
        self.address = f"{NETWORK}.{number >> 8}.{number & 255}"
        self.port = f"veth{number}"
        with open(SELF, "rb") as home:
            _system(_libc.unshare, CLONE_NEWNET)
            self.namespace = os.open(SELF, os.O_RDONLY | os.O_CLOEXEC)
            _system(_libc.setns, home.fileno(), CLONE_NEWNET)
        self.inside = ("nsenter", f"--net=/proc/{os.getpid()}/fd/{self.namespace}")
        _run("ip", "link", "add", self.port, "type", "veth", "peer", "name", "eth0", "netns", self.inside[1].split("=")[1])
        _run("ip", "link", "set", self.port, "master", "bridge", "up")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", f"{self.address}/16", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")

    def run(self, *words, stdin=None):
        """Runs a command on the machine."""
        _run(*self.inside, *words, stdin=stdin)

    def cut(self, *peers, deaf=True, mute=True):
        """Drops what comes from the given machines (`deaf`) and what goes to them (`mute`); from and to all when none is given."""
        rules = []
        for peer in [machine.address for machine in peers] or [f"{NETWORK}.0.0/16"]:
            rules += [f"-A INPUT -i eth0 -s {peer} -j DROP"] * deaf + [f"-A OUTPUT -o eth0 -d {peer} -j DROP"] * mute
        self._filter(rules)

    def mend(self):
        self._filter([])

    def move(self, address):
        """Gives the machine another address in place of the one that it has, as a new DHCP lease does."""
        self.run("ip", "address", "del", f"{self.address}/16", "dev", "eth0")
        self.run("ip", "address", "add", f"{address}/16", "dev", "eth0")
        self.address = address

    def spread(self, count):
        """New connections from here come from `count` addresses in turn, as if from as many machines."""
        several = [f"{NETWORK}.{CROWD}.{number}" for number in range(1, count + 1)]
        for address in several:
            self.run("ip", "address", "add", f"{address}/16", "dev", "eth0")
        rules = [f"-A POSTROUTING -o eth0 -p tcp -m statistic --mode nth --every {count - number} --packet 0 -j SNAT --to-source {address}"
                 for number, address in enumerate(several)]
        self.run("iptables-restore", "--wait", stdin="\n".join(["*nat", *rules, "COMMIT"]) + "\n")

    def octets(self):
        """What eth0 has received and sent so far."""
        table = subprocess.run([*self.inside, "cat", "/proc/net/dev"], capture_output=True, text=True, check=True).stdout
        figures = next(line for line in table.splitlines() if "eth0:" in line).partition(":")[2].split()
        return int(figures[0]), int(figures[8])

    def _filter(self, rules):
        """Takes the place of all rules before, at once."""
        table = ["*filter", f"-A INPUT -s {OBSERVER} -j ACCEPT", f"-A OUTPUT -d {OBSERVER} -j ACCEPT", *rules, "COMMIT"]
        self.run("iptables-restore", "--wait", stdin="\n".join(table) + "\n")


class NetnsOverlay(Overlay):
    """An overlay with one machine for each daemon; pdns_server runs on the machine of its thor-dns."""

    def __init__(self, domain=DOMAIN):
        _become_root()
        _system(_libc.unshare, CLONE_NEWNET)
        _run("ip", "link", "set", "lo", "up")
        _run("ip", "link", "add", "bridge", "type", "bridge")
        _run("ip", "address", "add", f"{OBSERVER}/16", "dev", "bridge")
        _run("ip", "link", "set", "bridge", "up")
        self.machines = {}
        super().__init__(domain)

    def machine(self, name):
        """The machine of that name, made when it is asked for first."""
        if name not in self.machines:
            self.machines[name] = Machine(len(self.machines) + 1)
        return self.machines[name]

    def endpoint(self, machine, port):
        return self.machine(machine).address, port

    def inside(self, machine):
        return self.machine(machine).inside
