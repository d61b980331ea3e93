#!/usr/bin/python3
"""What is installed for systemd: the units hold, keep the daemons in, and let them work."""

import grp
import json
import os
import re
import subprocess
import unittest

import overlaytest
from overlay import PROGRAMS, SOURCE, Overlay, wait_until

UNITS = PROGRAMS / "contrib" / "systemd"
DAEMONS = ("thor-eventserver", "thor-manager", "thor-dns", "thor-node", "thor-database")
EXPOSURE_MAX = 2.0  # of 10, as systemd-analyze rates it
SANDBOX = SOURCE / "tests" / "support" / "sandbox.py"


def run(*words, **how):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **how)


class Units(unittest.TestCase):
    def setUp(self):
        """The units as they would be if the programs were installed where they were built."""
        net = self.enterContext(Overlay())
        self.units = {}
        for daemon in DAEMONS:
            text = (UNITS / f"{daemon}.service").read_text()
            text = re.sub(r"(?m)^(ExecStart=)\S+/", rf"\1{PROGRAMS}/", text)
            text = re.sub(r"(?m)^(ExecStartPre=\+)\S+/", rf"\1{SOURCE}/contrib/systemd/", text)
            self.units[daemon] = net.directory / f"{daemon}.service"
            self.units[daemon].write_text(text)

    def test_they_are_correct(self):
        done = run("systemd-analyze", "verify", "--man=no", *self.units.values())
        self.assertEqual((0, ""), (done.returncode, done.stdout + done.stderr))

    def test_they_leave_little_exposed(self):
        for daemon, unit in self.units.items():
            with self.subTest(daemon):
                done = run("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_MAX * 10:.0f}", unit)
                self.assertEqual(0, done.returncode, done.stdout)

    def test_their_order(self):
        order = {daemon: " ".join(re.findall(r"(?m)^(?:After|Before)=.*", unit.read_text())) for daemon, unit in self.units.items()}
        for daemon, text in order.items():
            self.assertIn("After=network-online.target", text, daemon)
        self.assertIn("Before=pdns.service", order["thor-dns"])
        for daemon in ("thor-manager", "thor-dns", "thor-node", "thor-database"):
            self.assertIn("thor-eventserver.service", order[daemon])

    def test_they_never_give_up(self):
        for daemon, unit in self.units.items():
            for line in ("Type=notify", "Restart=always", "StartLimitIntervalSec=0", "WatchdogSec=10", "User=thor"):
                self.assertIn(f"\n{line}\n", unit.read_text(), daemon)


class Installed(unittest.TestCase):
    def test_everything_is_in_its_place(self):
        net = self.enterContext(Overlay())
        done = run("cmake", "--install", PROGRAMS, env=os.environ | {"DESTDIR": str(net.directory / "root")})
        self.assertEqual(0, done.returncode, done.stderr)
        prefix = next((net.directory / "root").rglob("lib/sysusers.d")).parent.parent
        for daemon in DAEMONS:
            unit = (prefix / "lib/systemd/system" / f"{daemon}.service").read_text()
            program = re.search(r"(?m)^ExecStart=(\S+)$", unit)[1]
            self.assertTrue((net.directory / "root" / program.lstrip("/")).is_file(), program)
            self.assertTrue((prefix / "share/man/man8" / f"{daemon}.8").is_file(), daemon)
        self.assertTrue((prefix / "libexec/thor/make-pdns-token").stat().st_mode & 0o111)
        for software in ("kamailio", "opensips", "asterisk", "mediaproxy"):
            done = run(prefix / "share/thor" / software / f"thor-{software}", "--help")
            self.assertEqual(0, done.returncode, done.stderr)
            self.assertTrue((prefix / "share/thor" / software / "README.md").is_file(), software)

    def test_the_user_and_the_directories(self):
        net = self.enterContext(Overlay())
        root = net.directory / "root"
        (root / "etc").mkdir(parents=True)
        users = run("systemd-sysusers", f"--root={root}", SOURCE / "contrib/systemd/sysusers.conf")
        self.assertEqual(0, users.returncode, users.stderr)
        made = run("systemd-tmpfiles", "--create", f"--root={root}", SOURCE / "contrib/systemd/tmpfiles.conf")
        # Only root may give files away.
        self.assertEqual([], [line for line in made.stderr.splitlines() if os.geteuid() == 0 or not line.startswith("fchownat()")])
        self.assertRegex((root / "etc/passwd").read_text(), r"(?m)^thor:.*:/var/lib/thor:/usr/sbin/nologin$")
        for directory in ("etc/thor", "etc/thor/conf.d", "etc/thor/tls"):
            self.assertEqual(0o750, (root / directory).stat().st_mode & 0o7777, directory)

    def test_the_token_is_made_once(self):
        net = self.enterContext(Overlay())
        group = grp.getgrgid(os.getgid()).gr_name
        script = (SOURCE / "contrib/systemd/make-pdns-token").read_text().replace("chgrp thor", f"chgrp {group}")
        (net.directory / "make").write_text(script)
        file = net.directory / "token"
        made = []
        for _ in range(2):
            done = run("/bin/sh", net.directory / "make", file)
            self.assertEqual(0, done.returncode, done.stderr)
            self.assertEqual(0o640, file.stat().st_mode & 0o777)
            made.append(file.read_text())
        self.assertRegex(made[0], r"^[0-9a-f]{32}$")
        self.assertEqual(made[0], made[1])


class SandboxedOverlay(Overlay):
    """Every daemon in the sandbox of its unit, with nothing to write to but its two directories."""

    PROGRAM_OF = {"es1": "thor-eventserver", "m1": "thor-manager", "dns1": "thor-dns", "gw1": "thor-node", "db1": "thor-database"}

    def inside(self, machine):
        home = self.home(machine)
        # LeakSanitizer traces its own process when it ends, which no service may.
        sanitizer = f"ASAN_OPTIONS={os.environ.get('ASAN_OPTIONS', '')}:detect_leaks=0"
        return ["env", sanitizer, SANDBOX, UNITS / f"{self.PROGRAM_OF[machine]}.service", home / "run", home / "state", "--"]


class Sandbox(overlaytest.OverlayTest):
    def setUp(self):
        self.net = self.enterContext(SandboxedOverlay())

    def test_it_keeps_a_process_in(self):
        forbidden = """
import json, mmap, os, socket
def tried(action):
    try:
        action()
        return "done"
    except OSError as failure:
        return os.strerror(failure.errno)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "write elsewhere": tried(lambda: open("%(home)s/elsewhere", "w")),
    "write to its state": tried(lambda: open("%(home)s/state/file", "w")),
    "change an owner": tried(lambda: os.chown("%(home)s/state/file", os.getuid(), os.getgid())),
    "mount": tried(lambda: os.chroot("/")),
    "raw packets": tried(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    "UDP": tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
    "write code": tried(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)),
    "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16),
    "new privileges": int(status["NoNewPrivs"])}))
""" % {"home": self.net.home("gw1")}
        done = run(*self.net.inside("gw1"), "/usr/bin/python3", "-c", forbidden)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual({"write elsewhere": "Read-only file system", "write to its state": "done", "change an owner": "Operation not permitted",
                          "mount": "Operation not permitted", "raw packets": "Address family not supported by protocol", "UDP": "done",
                          "write code": "Operation not permitted", "capabilities": 0, "new privileges": 1}, json.loads(done.stdout))

    def test_it_lets_the_daemons_work(self):
        net = self.net
        event_server, manager = net.start_event_server(), net.start_manager()
        net.ca.issue("db1", ["thor_database"], net.home("db1") / "tls", net.node_addresses("db1"))
        net.configure("db1", {"database": {"uri": [{"uri": "mysql://thor@192.0.2.9/thor"}]}})
        database = net.start("db1", "thor-database").wait_ready()
        dns = net.start_dns(unix_group="pdns" if os.geteuid() == 0 else "")  # only root may give a process other groups
        node = net.start_node("gw1", ["sip_proxy"]).wait_ready()
        wait_until(lambda: 'thor_role_active{role="sip_proxy"} 1\n' in dns.command("metrics")["metrics"], "thor-dns shows gw1")
        self.assertIn("seconds_left", node.command("drain 600"))
        wait_until(lambda: manager.metric("thor_role_draining") == 1, "the drain is published")
        self.assertTrue((net.home("gw1") / "state/thor-node.drain").exists())
        self.assertTrue((net.home("dns1") / "state/zone.sqlite3").exists())
        net.ca.run("renew", "gw1", "--out", net.home("gw1") / "tls")
        wait_until(lambda: "credentials reloaded" in node.log_text(), "the certificate is followed")
        for daemon in (node, database, dns, manager, event_server):
            self.assertEqual(0, daemon.stop(), daemon.name)


if __name__ == "__main__":
    overlaytest.main()
