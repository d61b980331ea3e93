"""A whole overlay of real processes on loopback: what the integration tests, the benches and the demo stand on.

    with Overlay() as net:
        net.start_event_server()
        net.start_manager()
        net.start_dns()
        pdns = net.start_pdns()
        net.start_node("gw1", ["sip_proxy"], ["192.0.2.11"])
        net.wait_until(lambda: "gw1" in ..., "gw1 is in DNS")

Every overlay has a temporary directory and a loopback address of its own (127.64.0.0/10, from the process id), so
any number of them run side by side. All processes end with the overlay, and with this process however it ends.
One overlay a process, used from the main thread.
"""

import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from dnsclient import NameServer

SOURCE = pathlib.Path(os.environ.get("THOR_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
PROGRAMS = pathlib.Path(os.environ.get("THOR_BIN", SOURCE / "build" / "dev"))
DOMAIN = "sip.example"

READY_S = 30       # a slow machine, a sanitizer build, and everybody at once
STOP_S = 10
POLL_S = 0.005


class Failure(AssertionError):
    """What was expected did not happen; the text says what."""


def wait_until(predicate, what, timeout_s=READY_S, every_s=POLL_S):
    """Returns the first true value of predicate(), or raises Failure after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        if value := predicate():
            return value
        if time.monotonic() >= deadline:
            raise Failure(f"not within {timeout_s:g} s: {what}")
        time.sleep(every_s)


def toml(table, path=""):
    """TOML text of nested dicts; a list of dicts is an array of tables."""
    plain, tables = [], []
    for key, value in table.items():
        name = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            tables.append(f"\n[{name}]\n{toml(value, name)}")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            tables.extend(f"\n[[{name}]]\n{toml(entry, name)}" for entry in value)
        else:
            # JSON's strings, numbers, booleans and arrays of them are TOML's too.
            plain.append(f"{json.dumps(key) if '.' in key else key} = {json.dumps(value)}\n")
    return "".join(plain + tables)


class Process:
    """One child process, its output in a file."""

    def __init__(self, name, argv, log):
        self.name = name
        self.argv = [str(word) for word in argv]
        self.log = log
        with open(log, "ab") as out:
            # A child must not outlive us, however we end; and Ctrl-C is for us to handle.
            self.child = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *self.argv], stdin=subprocess.DEVNULL,
                                          stdout=out, stderr=out, start_new_session=True)
        self.pid = self.child.pid

    def running(self):
        return self.child.poll() is None

    def signal(self, number):
        if self.running():
            self.child.send_signal(number)

    def kill(self):
        """SIGKILL, as a crash; returns when it is gone."""
        self.signal(signal.SIGKILL)
        self.child.wait()

    def pause(self):
        """SIGSTOP, as a machine that hangs: its connections stay open."""
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def stop(self):
        """SIGTERM, as a clean end; returns the exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{self.name} did not end within {STOP_S} s of SIGTERM") from None

    def log_text(self):
        return self.log.read_text(errors="replace")

    def check_running(self):
        if not self.running():
            raise Failure(f"{self.name} ended with code {self.child.returncode}:\n{self.log_tail()}")

    def log_tail(self, lines=20):
        return "".join(f"    {line}\n" for line in self.log_text().splitlines()[-lines:])


class Daemon(Process):
    """One of Thor's daemons, with its control socket."""

    def __init__(self, name, program, home, log):
        self.config = home / "thor.toml"
        self.control = home / "run" / f"{program}.sock"
        super().__init__(name, [PROGRAMS / program, "--config", self.config], log)

    def command(self, line):
        """One request to the control socket; None while nobody answers."""
        try:
            with socket.socket(socket.AF_UNIX) as control:
                control.settimeout(5)
                control.connect(str(self.control))
                control.sendall(line.encode() + b"\n")
                answer = b"".join(iter(lambda: control.recv(65536), b""))
        except OSError:
            return None
        return json.loads(answer) if answer else None

    def status(self):
        return self.command("status") or {}

    def metric(self, name):
        """The sum of all samples of one metric."""
        text = (self.command("metrics") or {}).get("metrics", "")
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))

    def wait_ready(self, timeout_s=READY_S):
        def answers_ready():
            self.check_running()
            status = self.status()
            return status if status.get("ready") else None
        wait_until(answers_ready, f"{self.name} is ready", timeout_s)
        return self


class Pdns(Process):
    """A real pdns_server."""

    def __init__(self, name, config_dir, log, address, port, socket_dir):
        self.server = NameServer(address, port)
        self.control = socket_dir / "pdns.controlsocket"
        super().__init__(name, ["/usr/sbin/pdns_server", f"--config-dir={config_dir}"], log)

    def wait_ready(self, timeout_s=READY_S):
        def answers():
            self.check_running()
            return self.server.ask(DOMAIN, "SOA", timeout_s=0.2).rcode == "NOERROR"
        wait_until(answers, f"{self.name} answers the SOA of {DOMAIN}", timeout_s)
        return self


class Authority:
    """The operator's CA, made and used by thor-ca."""

    def __init__(self, directory, domain):
        self.directory = directory
        self.domain = domain

    def run(self, *words):
        done = subprocess.run([PROGRAMS / "thor-ca", "--dir", self.directory, *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"thor-ca {' '.join(map(str, words))}: {done.stderr or done.stdout}")
        return done.stdout


class Overlay:
    def __init__(self, domain=DOMAIN):
        self.domain = domain
        pid = os.getpid()
        self.address = f"127.{64 + (pid >> 16) % 64}.{pid >> 8 & 255}.{pid & 255}"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="thor-"))
        self.processes = []
        self.ca = Authority(self.directory / "ca", domain)

    # ---- life

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        return self

    def __exit__(self, kind, what, trace):
        if kind is not None and not issubclass(kind, (KeyboardInterrupt, SystemExit)):
            self.print_logs()
        self.close()

    def close(self):
        """Ends every process and removes the directory."""
        for process in reversed(self.processes):
            process.resume()
            process.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        for process in self.processes:
            try:
                process.child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def print_logs(self):
        for process in self.processes:
            state = "running" if process.running() else f"ended with {process.child.returncode}"
            print(f"---- {process.name} ({state}), last lines of its log:\n{process.log_tail(40)}", file=sys.stderr)

    # ---- machines

    def home(self, name):
        """A machine's own directory, with what a daemon needs to find there."""
        home = self.directory / name
        for part in ("run", "state", "tls"):
            (home / part).mkdir(parents=True, exist_ok=True)
        return home

    def configure(self, name, tables, **overlay):
        """Writes <home>/thor.toml: [overlay] for this machine, then `tables`."""
        home = self.home(name)
        tls = home / "tls"
        common = {"certificate": f"{tls}/node.crt", "key": f"{tls}/node.key", "ca": f"{tls}/ca.crt",
                  "state_dir": f"{home}/state", "run_dir": f"{home}/run", "event_servers": self.event_servers, **overlay}
        (home / "thor.toml").write_text(toml({"overlay": common, "log": {"level": "debug"}, **tables}))

    def start(self, name, program):
        """Starts a daemon on its configured machine; again after it ended, with the same identity and disk."""
        daemon = Daemon(name, program, self.home(name), self.directory / f"{name}.log")
        self.processes.append(daemon)
        return daemon

    def start_event_server(self, name="es1", **table):
        home = self.home(name)
        self.ca.issue(name, ["thor_eventserver"], home / "tls")
        self.configure(name, {"eventserver": {"listen": [f"{self.address}:0"], **table}})
        daemon = self.start(name, "thor-eventserver")
        listening = daemon.wait_ready()["listen"][0]
        self.event_servers.append(listening)
        # Another start is at the same address: members have it in their configuration.
        self.configure(name, {"eventserver": {"listen": [listening], **table}})
        return daemon
