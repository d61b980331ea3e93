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
    """Returns the first true value of predicate(), or raises Failure after `timeout_s`; `what` is a text, or makes it."""
    deadline = time.monotonic() + timeout_s
    while True:
        if value := predicate():
            return value
        if time.monotonic() >= deadline:
            raise Failure(f"not within {timeout_s:g} s: {what() if callable(what) else what}")
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


def with_options(text, options):
    """A pdns.conf with other values, also for what it has as a comment; a function makes the value from the one that is there."""
    for key, value in options.items():
        def changed(line, key=key, value=value):
            return f"{key}={value(line[1]) if callable(value) else value}"
        text, found = re.subn(rf"^#?{key}=(.*)$", changed, text, flags=re.M)
        if found != 1:
            raise Failure(f"the shipped pdns.conf has {found} lines for {key}")
    return text


class Process:
    """One child process, its output in a file. `inside`: the command that runs it where it belongs."""

    def __init__(self, name, argv, log, inside=()):
        self.name = name
        self.argv = [str(word) for word in argv]
        self.log = log
        with open(log, "ab") as out:
            # A child must not outlive us, however we end; and Ctrl-C is for us to handle.
            self.child = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *inside, *self.argv], stdin=subprocess.DEVNULL,
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

    def __init__(self, name, program, home, log, inside=()):
        self.config = home / "thor.toml"
        self.control = home / "run" / f"{program}.sock"
        super().__init__(name, [PROGRAMS / program, "--config", self.config], log, inside)

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
            return self.status().get("ready")
        wait_until(answers_ready, f"{self.name} is ready", timeout_s)
        return self


class Pdns(Process):
    """A real pdns_server."""

    def __init__(self, name, config_dir, log, address, port, zone=DOMAIN, inside=()):
        self.server = NameServer(address, port)
        self.serves = zone  # one of its zones
        super().__init__(name, ["/usr/sbin/pdns_server", f"--config-dir={config_dir}"], log, inside)

    def wait_ready(self, timeout_s=READY_S):
        def answers():
            self.check_running()
            return self.server.ask(self.serves, "SOA", timeout_s=0.2).rcode == "NOERROR"
        wait_until(answers, f"{self.name} answers the SOA of {self.serves}", timeout_s)
        return self


class Authority:
    """The operator's CA, made and used by thor-ca."""

    def __init__(self, directory, domain):
        self.directory = directory
        self.certificate = directory / "ca.crt"
        self.revocations = directory / "crl.pem"
        self.run("init", "--domain", domain)

    def run(self, *words):
        done = subprocess.run([PROGRAMS / "thor-ca", "--dir", self.directory, *words],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"thor-ca {' '.join(map(str, words))}: {done.stderr or done.stdout}")
        return done.stdout

    def issue(self, node, roles, into, addresses=()):
        """Key and certificate of a node, <into>/<node>.key and .crt, unless they are there already."""
        into.mkdir(parents=True, exist_ok=True)
        if not (into / f"{node}.crt").exists():
            self.run("issue", node, "--role", *roles, *(["--address", *addresses] if addresses else []), "--out", into)

    def forget_issued(self):
        """Makes the CA forget which certificates it issued; they stay good."""
        shutil.rmtree(self.directory / "issued")
        (self.directory / "issued").mkdir()


class Overlay:
    def __init__(self, domain=DOMAIN):
        self.domain = domain
        pid = os.getpid()
        self.address = f"127.{64 + (pid >> 16) % 64}.{pid >> 8 & 255}.{pid & 255}"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="thor-"))
        self.processes = []
        self.event_servers = []
        self.options = {}        # of [overlay], for every machine
        self.http_backends = {}  # where the thor-dns of a name listens
        self.node_numbers = {}
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
        # One after the other, the last one first: members leave while there is somebody to tell.
        for process in reversed(self.processes):
            process.resume()
            process.signal(signal.SIGTERM)
            try:
                process.child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def print_logs(self):
        for process in self.processes:
            state = "running" if process.running() else f"ended with {process.child.returncode}"
            print(f"---- {process.name} ({state}), last lines of its log:\n{process.log_tail(40)}", file=sys.stderr)

    # ---- machines

    def endpoint(self, _machine, _port):
        """Address and port for a service of a machine that usually has that port. Here all machines share one address."""
        return self.address, self.free_port()

    def inside(self, _machine):
        """The command that runs a process on a machine."""
        return ()

    def home(self, name):
        """The directory of one machine, with the places where its daemon keeps things."""
        home = self.directory / name
        for part in ("run", "state"):
            (home / part).mkdir(parents=True, exist_ok=True)
        return home

    def configure(self, name, tables, **overlay):
        """Writes <home>/thor.toml: [overlay] of this machine, then `tables`."""
        home = self.home(name)
        common = {"certificate": f"{home}/tls/{name}.crt", "key": f"{home}/tls/{name}.key",
                  "ca": str(self.ca.certificate), "state_dir": f"{home}/state", "run_dir": f"{home}/run", "event_servers": self.event_servers}
        (home / "thor.toml").write_text(toml({"overlay": common | self.options | overlay, **tables}))

    def drop_in(self, name, tables):
        """What conf.d/test.toml of a machine says beside its thor.toml."""
        directory = self.home(name) / "conf.d"
        directory.mkdir(exist_ok=True)
        (directory / "test.toml").write_text(toml(tables))

    def start(self, name, program):
        """Starts a daemon on its configured machine; also again, with the same identity and the same disk."""
        daemon = Daemon(name, program, self.home(name), self.directory / f"{name}.log", self.inside(name))
        self.processes.append(daemon)
        return daemon

    def start_event_server(self, name="es1", listen=None, **table):
        """thor-eventserver at `listen`, by default a free port."""
        self.ca.issue(name, ["thor_eventserver"], self.home(name) / "tls")
        listen = listen or "{}:{}".format(*self.endpoint(name, 8000))
        self.configure(name, {"eventserver": {"listen": [listen], **table}})
        if listen not in self.event_servers:
            self.event_servers.append(listen)
        return self.start(name, "thor-eventserver").wait_ready()

    def start_manager(self, name="m1", wait=True, **overlay):
        self.ca.issue(name, ["thor_manager"], self.home(name) / "tls")
        self.configure(name, {}, **overlay)
        manager = self.start(name, "thor-manager")
        return manager.wait_ready() if wait else manager

    def start_dns(self, name="dns1", pdns=("pdns",), overlay=None, **table):
        """thor-dns, for the pdns_server processes of the given names; `overlay` adds to [overlay], `table` to [dns]."""
        home = self.home(name)
        address, copy_port = self.endpoint(name, 8002)
        self.ca.issue(name, ["thor_dnsmanager"], home / "tls", [address])
        hosts = [{"name": f"eventserver{number}", "port": int(port), "addresses": [server]}
                 for number, (server, _, port) in enumerate((s.rpartition(":") for s in self.event_servers), 1)]
        self.http_backends[name] = "{}:{}".format(*self.endpoint(name, 8053))
        (home / "roles.d").mkdir(exist_ok=True)
        dns = {"http": self.http_backends[name], "http_token_file": f"{home}/state/pdns-token", "roles_dir": f"{home}/roles.d",
               "unix_socket": f"{home}/run/pdns-remote.sock", "replica_listen": [f"{address}:{copy_port}"],
               "pdns_control": [f"{self.home(server)}/run/pdns.controlsocket" for server in pdns],
               "name_server": [{"name": "ns1", "addresses": [self.address]}], "event_server": hosts}
        self.configure(name, {"dns": dns | table}, **(overlay or {}))
        return self.start(name, "thor-dns").wait_ready()

    def start_pdns(self, name="pdns", variant="http", dns="dns1", zone=DOMAIN, options=(), added=()):
        """A pdns_server in front of a thor-dns, with the shipped configuration of one variant ("http", "unix",
        "internal", "emergency"); it is ready when it answers for `zone`. Only addresses, ports, paths, the token and the group are ours,
        and the given `options`; `added` are those that the shipped file does not name."""
        home, behind = self.home(name), self.home(dns)
        address, port = self.endpoint(dns, 53)
        options = dict(options) | {"local-address": address, "local-port": port, "socket-dir": home / "run", "setgid": os.getgid()}
        if variant == "emergency":
            options["gsqlite3-database"] = behind / "state/zone.sqlite3"
        else:
            token = (behind / "state/pdns-token").read_text().strip()
            options.setdefault("remote-connection-string", lambda shipped: shipped.replace(
                "127.0.0.1:8053/TOKEN", f"{self.http_backends[dns]}/{token}").replace(
                "/run/thor/", f"{behind}/run/"))
        shipped = (SOURCE / "pdns-conf" / variant / "pdns.conf").read_text()
        more = "".join(f"{key}={value}\n" for key, value in dict(added).items())
        (home / "pdns.conf").write_text(with_options(shipped, options) + more)
        pdns = Pdns(name, home, self.directory / f"{name}.log", address, port, zone, self.inside(dns))
        self.processes.append(pdns)
        return pdns.wait_ready()

    def node_addresses(self, name):
        """Addresses for documentation, the same for the same name: published, never connected to."""
        number = self.node_numbers.setdefault(name, len(self.node_numbers) + 1)
        return [f"192.0.2.{number}" if number < 256 else f"198.18.{number >> 8}.{number & 255}", f"2001:db8::{number:x}"]

    def start_node(self, name, roles, table=None, addresses=None, **overlay):
        """thor-node with nothing but a certificate, and `table` as [node]. `addresses`: those of the certificate."""
        self.ca.issue(name, roles, self.home(name) / "tls", self.node_addresses(name) if addresses is None else addresses)
        # No text port, unless the test wants one: the default place is one for the whole machine.
        self.configure(name, {"node": {"lookup": {"listen": ""}} | (table or {})}, **overlay)
        return self.start(name, "thor-node")

    def forget(self, process):
        """Ends a process for good; the overlay no longer looks after it."""
        process.kill()
        self.processes.remove(process)

    def free_port(self):
        """A port that is free for UDP and TCP. The address is ours alone, so it stays free."""
        while True:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
                udp.bind((self.address, 0))
                port = udp.getsockname()[1]
                try:
                    tcp.bind((self.address, port))
                    return port
                except OSError:
                    continue
