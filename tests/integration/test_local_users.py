#!/usr/bin/python3
"""Another user of the machine reads no key, no token and no metadata, and writes nothing: not in the files, not over HTTP, not over
the Unix socket, not by DNS UPDATE. Each attempt is made a second time by one who may, so that its failure is no accident."""

import json
import os
import pathlib
import pwd
import sqlite3
import subprocess
import sys
import unittest

import overlaytest
from overlay import DOMAIN, Overlay

SECRET = "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: dG9wIHNlY3JldA==\n"
OTHER = pwd.getpwnam("nobody")
WORLD_MAY_PASS = 0o711


def one_as(user, code, *words):
    """Runs Python `code` as `user`; what it prints is JSON."""
    ran = subprocess.run([sys.executable, "-I", "-B", "-c", code, *map(str, words)], capture_output=True, text=True, timeout=60, check=True,
                         user=user.pw_uid, group=user.pw_gid, extra_groups=[])
    return json.loads(ran.stdout)


READ = """
import json, pathlib, sys
try:
    print(json.dumps({"read": len(pathlib.Path(sys.argv[1]).read_bytes())}))
except OSError as why:
    print(json.dumps({"refused": type(why).__name__}))
"""

WRITE = """
import json, sqlite3, sys
try:
    with sqlite3.connect(sys.argv[1], timeout=1) as db:
        db.execute("UPDATE cryptokeys SET active = active")
    print(json.dumps({"written": True}))
except sqlite3.Error as why:
    print(json.dumps({"refused": str(why)}))
"""

POST = """
import http.client, json, sys
host, token, body = sys.argv[1:4]
link = http.client.HTTPConnection(host, timeout=10)
link.request("POST", f"/{token}/" if token else "/", body, {"Content-Type": "text/javascript"})
reply = link.getresponse()
print(json.dumps([reply.status, reply.read().decode()]))
"""

TALK = """
import json, socket, sys
link = socket.socket(socket.AF_UNIX)
link.settimeout(10)
try:
    link.connect(sys.argv[1])
    for line in sys.argv[2:]:
        link.sendall(line.encode() + b"\\n")
    got = b""
    while b"}" not in got:
        piece = link.recv(65536)
        if not piece:
            break
        got += piece
    print(json.dumps({"got": got.decode()}))
except OSError as why:
    print(json.dumps({"refused": type(why).__name__}))
"""


def envelope(method, **parameters):
    return json.dumps({"method": method, "parameters": parameters})


KEYS = envelope("getDomainKeys", name=f"{DOMAIN}.")
SET_META = envelope("setDomainMetadata", name=f"{DOMAIN}.", kind="ALLOW-AXFR-FROM", value=["0.0.0.0/0"])


@unittest.skipUnless(os.geteuid() == 0, "only root can act as two users")
class LocalUsers(overlaytest.OverlayTest):
    @classmethod
    def setUpClass(cls):
        cls.net = cls.enterClassContext(Overlay())
        # Nothing but the modes of the files themselves keeps anybody out.
        cls.net.directory.chmod(WORLD_MAY_PASS)
        cls.addClassCleanup(os.umask, os.umask(0))
        cls.net.start_event_server()
        cls.net.start_manager()
        cls.dns = cls.net.start_dns()
        cls.pdns = [cls.net.start_pdns()]
        cls.home = cls.net.home("dns1")
        cls.database = cls.home / "state/operator.sqlite3"
        with sqlite3.connect(cls.database) as db:
            db.execute("INSERT INTO cryptokeys (domain_id, flags, active, content) SELECT id, 257, 0, ? FROM domains WHERE name = ?", (SECRET, DOMAIN))
            db.execute("INSERT INTO tsigkeys (name, algorithm, secret) VALUES ('laptop', 'hmac-sha256', 'dG9wIHNlY3JldA==')")
        cls.me = pwd.getpwuid(os.geteuid())
        cls.http = cls.net.http_backends["dns1"]
        cls.token = (cls.home / "state/pdns-token").read_text().strip()
        cls.socket = cls.home / "run/pdns-remote.sock"

    def rows(self):
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as db:
            return [db.execute(f"SELECT * FROM {table}").fetchall() for table in ("cryptokeys", "tsigkeys", "domainmetadata", "records")]

    def setUp(self):
        self.before = self.rows()

    def tearDown(self):
        self.assertEqual(self.before, self.rows(), "somebody wrote")

    def test_the_files(self):
        probe = self.net.directory / "dns1/state/probe"
        probe.write_text("x")
        self.assertEqual({"read": 1}, one_as(OTHER, READ, probe), "nothing but the mode of a file is tested here")
        for suffix in ("", "-wal", "-shm"):
            file = pathlib.Path(f"{self.database}{suffix}")
            with self.subTest(file.name):
                self.assertEqual(0o600, file.stat().st_mode & 0o777)
                self.assertEqual({"refused": "PermissionError"}, one_as(OTHER, READ, file))
        token = self.home / "state/pdns-token"
        self.assertEqual(0o640, token.stat().st_mode & 0o777)
        self.assertEqual({"refused": "PermissionError"}, one_as(OTHER, READ, token))
        self.assertIn("read", one_as(self.me, READ, token))
        self.assertIn("unable to open", one_as(OTHER, WRITE, self.database)["refused"])
        for file in (self.home / "state").glob("zone.sqlite3*"):
            self.assertEqual(0, file.stat().st_mode & 0o007, file)

    def test_the_published_zones_hold_no_secret(self):
        for file in (self.home / "state").iterdir():
            if not file.name.startswith("operator.sqlite3") and file.is_file():
                self.assertNotIn(b"dG9wIHNlY3JldA", file.read_bytes(), file)
        self.assertNotIn("dG9wIHNlY3JldA", self.dns.log_text())
        self.assertNotIn("dG9wIHNlY3JldA", self.dns.command("metrics")["metrics"])

    def test_http(self):
        for token in ("", "0" * len(self.token), self.token[:-1], self.token + "0"):
            for body in (KEYS, SET_META):
                with self.subTest(token=token):
                    status, said = one_as(OTHER, POST, self.http, token, body)
                    self.assertIn(status, (403, 404))
                    self.assertNotIn("result", said)
        status, said = one_as(OTHER, POST, self.http, self.token, KEYS)
        self.assertEqual(200, status, "with the token the same request is answered")
        self.assertIn("result", said)

    def test_the_unix_socket(self):
        hello = envelope("initialize")
        self.assertEqual({"refused": "PermissionError"}, one_as(OTHER, TALK, self.socket, hello, KEYS))
        self.socket.chmod(0o666)
        try:
            for line in (KEYS, SET_META):
                said = one_as(OTHER, TALK, self.socket, hello, line)
                self.assertNotIn("result", said.get("got", ""), said)
        finally:
            self.socket.chmod(0o660)
        self.assertIn("result", one_as(self.me, TALK, self.socket, hello, KEYS)["got"])

    def test_dns_update(self):
        """An address of this machine is everybody's, so none may update."""
        server = self.pdns[0].server
        for user in (OTHER, self.me):
            ran = subprocess.run(["nsupdate"], text=True, capture_output=True, timeout=60, check=False, user=user.pw_uid, group=user.pw_gid,
                                 input=f"server {server.address} {server.port}\nzone {DOMAIN}\nupdate add mine.{DOMAIN} 60 A 192.0.2.66\nsend\n")
            self.assertIn("REFUSED", ran.stderr)


if __name__ == "__main__":
    overlaytest.main()
