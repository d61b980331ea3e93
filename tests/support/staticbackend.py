"""static_backend (static_backend.cpp): thor-dns's answers for a zone without an overlay, and a real PowerDNS in front of it."""

import contextlib
import http.client
import json
import os
import socket
import subprocess

from dnsclient import NameServer
from overlay import PROGRAMS, READY_S, SOURCE, Process, wait_until, with_options

TOKEN = "0123456789abcdef0123456789abcdef"


def loopback():
    """A loopback address of this process alone."""
    pid = os.getpid()
    return f"127.{64 + (pid >> 16) % 64}.{pid >> 8 & 255}.{pid & 255}"


def free_port(address):
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind((address, 0))
            try:
                tcp.bind((address, udp.getsockname()[1]))
                return udp.getsockname()[1]
            except OSError:
                continue


class StaticBackend:
    """One static_backend, spoken to by lines; started again it is at the same place."""

    def __init__(self, directory, *options):
        self.log = directory / "static_backend.log"
        self.path = directory / "backend.sock"
        self.http = f"{loopback()}:0"
        self.options = options
        self.child = None
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", PROGRAMS / "static_backend", "--http", self.http, "--token", TOKEN,
                 "--unix", self.path, *self.options],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        ready = self.child.stdout.readline()
        if not ready:
            raise AssertionError(f"static_backend did not start: {self.log.read_text()}")
        self.http = json.loads(ready)["listen"][0]

    def command(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        return json.loads(self.child.stdout.readline())

    def counters(self):
        return self.command("counters")

    def refused(self, reason):
        return self.counters()["refusals"][reason]

    def kill(self):
        self.child.kill()
        self.child.communicate()

    def stop(self):
        """Ends it by the end of its input; returns the exit code."""
        self.child.stdin.close()
        code = self.child.wait(READY_S)
        self.child.stdout.close()
        return code

    # ---- clients

    def http_connection(self):
        address, port = self.http.rsplit(":", 1)
        return http.client.HTTPConnection(address, int(port), timeout=READY_S)

    def http_socket(self):
        address, port = self.http.rsplit(":", 1)
        return socket.create_connection((address, int(port)), timeout=READY_S)

    def post(self, body, path=f"/{TOKEN}/", method="POST", headers=None):
        """One request on a connection of its own; (status, parsed body)."""
        with contextlib.closing(self.http_connection()) as connection:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def unix_socket(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(READY_S)
        client.connect(str(self.path))
        return client

    def ask_unix(self, *lines):
        """Lines on a connection of their own; the parsed replies."""
        with self.unix_socket() as client, client.makefile("rb") as replies:
            client.sendall("".join(line + "\n" for line in lines).encode())
            return [json.loads(replies.readline()) for _ in lines]


def start_pdns(backend, directory, variant, zone, settings=None, added=None, inside=()):
    """A pdns_server with the shipped configuration of one variant, its values changed by `settings`, and lines `added`; returns it and where it answers. The caller kills it.
    `inside` is a command that runs it."""
    address, port = loopback(), free_port(loopback())
    options = {
        "local-address": address, "local-port": port, "socket-dir": directory, "setgid": os.getgid(),
        "remote-connection-string": lambda shipped: shipped.replace("127.0.0.1:8053/TOKEN", f"{backend.http}/{TOKEN}")
                                                           .replace("/run/thor/pdns-remote.sock", str(backend.path)),
    }
    shipped = (SOURCE / "pdns-conf" / variant / "pdns.conf").read_text()
    further = "".join(f"{key}={value}\n" for key, value in (added or {}).items())
    (directory / "pdns.conf").write_text(with_options(shipped, options | (settings or {})) + further)
    pdns = Process("pdns", ["/usr/sbin/pdns_server", f"--config-dir={directory}"], directory / "pdns.log", inside)
    server = NameServer(address, port)
    try:
        wait_until(lambda: server.ask(zone, "SOA", timeout_s=0.2).rcode == "NOERROR", lambda: f"pdns_server answers:\n{pdns.log_text()}")
    except BaseException:
        pdns.kill()
        raise
    return pdns, server
