#!/usr/bin/python3
"""One writer, many name servers: the operator's data of one thor-dns on all of them, whatever fails."""

import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import time

import overlaytest
from overlay import DOMAIN, Overlay, wait_until

REFUSED = "this database follows dns1: write there, or run thor-dns promote here"


def insert(name, content="192.0.2.80"):
    return (f"INSERT INTO records (domain_id, name, type, content, ttl) "
            f"SELECT id, '{name}.{DOMAIN}', 'A', '{content}', 30 FROM domains WHERE name = '{DOMAIN}'")


def many(records):
    return f"""WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {records})
               INSERT INTO records (domain_id, name, type, content) SELECT 1, 'n' || i || '.{DOMAIN}', 'A', '192.0.2.1' FROM n"""


class NameServers(overlaytest.OverlayTest):
    """dns1 writes, dns2 and dns3 follow; a pdns_server in front of each."""

    NAMES = ("dns1", "dns2", "dns3")

    def setUp(self):
        self.net = self.enterContext(Overlay())
        self.event_server = self.net.start_event_server()
        self.manager = self.net.start_manager()
        self.dns = {name: self.net.start_dns(name, pdns=[f"pdns-{name}"], writer="dns1") for name in self.NAMES}
        self.pdns = [self.net.start_pdns(f"pdns-{name}", dns=name) for name in self.NAMES]
        for name in ("dns2", "dns3"):
            self.wait_in_step(name)

    # ---- what tests say

    def database(self, name):
        return self.net.home(name) / "state" / "operator.sqlite3"

    def sql(self, name, text):
        """What `sqlite3 FILE TEXT` does, waiting for other writers."""
        with sqlite3.connect(self.database(name), timeout=10) as database:
            rows = database.execute(text).fetchall()
        database.close()
        return rows

    def rows(self, name):
        return self.sql(name, "SELECT * FROM records ORDER BY id") + self.sql(name, "SELECT * FROM domains ORDER BY id")

    def operator(self, name):
        return self.dns[name].status().get("operator", {})

    def wait_in_step(self, *names):
        for name in names:
            wait_until(lambda which=name: self.operator(which).get("in_step"), lambda which=name: f"{which} is in step: {self.operator(which)}")

    def wait_writer(self, writer, term, *names):
        for name in names or self.NAMES:
            wait_until(lambda which=name: (self.operator(which).get("writer"), self.operator(which).get("term")) == (writer, term),
                       lambda which=name: f"{which} knows that {writer} writes in term {term}: {self.operator(which)}")

    def restart(self, name):
        self.dns[name] = self.net.start(name, "thor-dns").wait_ready()

    def address_of_copies(self, name):
        """Where a name server lets itself be copied."""
        config = (self.net.home(name) / "thor.toml").read_text()
        listen = next(line for line in config.splitlines() if line.startswith("replica_listen"))
        address, _, port = listen.split('"')[1].rpartition(":")
        return address, int(port)

    def same_serials(self):
        def serials():
            return {pdns.server.ask(DOMAIN, "SOA").texts("SOA").pop().split()[2] for pdns in self.pdns}
        wait_until(lambda: len(serials()) == 1, lambda: f"all serve the same serial: {serials()}")

    # ---- tests

    def test_an_edit_is_everywhere_within_a_second(self):
        slowest = 0
        for number in range(5):
            self.sql("dns1", insert(f"www{number}"))
            written = time.monotonic()
            self.shows(f"www{number}", "A", ["192.0.2.80"])
            slowest = max(slowest, time.monotonic() - written)
        print(f"\nan edit by SQL was answered by all three name servers after {slowest * 1000:.0f} ms at most")
        self.assertEqual(self.rows("dns1"), self.rows("dns2"))
        self.assertEqual(self.rows("dns1"), self.rows("dns3"))
        self.same_serials()
        with self.subTest("metrics and status say so"):
            self.wait_in_step("dns2")
            self.assertEqual([0, 1, 1], [self.dns[name].metric("thor_operator_follower") for name in self.NAMES])
            self.assertEqual(1, len({self.dns[name].metric("thor_operator_revision") for name in self.NAMES}))
            self.assertEqual(0, sum(self.dns[name].metric("thor_operator_digest_mismatch") for name in self.NAMES))
            self.assertEqual({"dns2", "dns3"}, {one["id"] for one in self.operator("dns1")["followers"] if one["in_step"]})
            self.assertEqual(1, len({self.operator(name)["digest"] for name in self.NAMES}))
            self.assertLess(abs(self.operator("dns2")["in_step_since"] - time.time()), 600)
        with self.subTest("a change and its end"):
            self.sql("dns1", "DELETE FROM records WHERE name LIKE 'www%'")
            self.shows("www1", "A", [], rcode="NXDOMAIN")

    def test_followers_refuse_writes_with_the_name_of_the_writer(self):
        for statement in (insert("here"), "DELETE FROM domains", "UPDATE domains SET name = 'x'"):
            with self.assertRaises(sqlite3.DatabaseError) as refusal:
                self.sql("dns2", statement)
            self.assertEqual(REFUSED, str(refusal.exception))
        with self.subTest("commands refuse, too"):
            for words in (["domain", "add", "customer.example"], ["record", "add", f"www.{DOMAIN}", "60", "A", "192.0.2.80"]):
                done = subprocess.run([self.dns["dns2"].argv[0], "--config", self.dns["dns2"].config, *words],
                                      capture_output=True, text=True, check=False)
                self.assertEqual(1, done.returncode, done)
                self.assertIn(REFUSED, done.stderr)
        with self.subTest("past the triggers: undone, with an alarm that names the writer"):
            self.sql("dns1", insert("kept"))
            self.shows("kept", "A", ["192.0.2.80"])
            self.wait_in_step("dns2")
            for (guard,) in self.sql("dns2", "SELECT name FROM sqlite_schema WHERE name LIKE 'follower_refuses_%'"):
                self.sql("dns2", f"DROP TRIGGER {guard}")
            self.sql("dns2", "DELETE FROM records")
            wait_until(lambda: self.rows("dns2") == self.rows("dns1"), "the next copy undoes it")
            self.wait_in_step("dns2")
            self.assertIn("Write on dns1", self.dns["dns2"].log_text())
            self.shows("kept", "A", ["192.0.2.80"])
            with self.assertRaisesRegex(sqlite3.DatabaseError, REFUSED):
                self.sql("dns2", "DELETE FROM records")

    def test_a_partition_heals(self):
        with self.subTest("the writer hangs"):
            self.dns["dns1"].pause()
            wait_until(lambda: not self.operator("dns2")["in_step"], "dns2 knows that it may be behind")
            self.sql("dns1", insert("meanwhile"))
            self.dns["dns1"].resume()
            self.shows("meanwhile", "A", ["192.0.2.80"])
            self.wait_in_step("dns2", "dns3")
        with self.subTest("without event servers copies go on"):
            self.event_server.kill()
            self.manager.kill()
            self.sql("dns1", insert("quiet"))
            self.shows("quiet", "A", ["192.0.2.80"])
        with self.subTest("the writer crashes and returns"):
            self.dns["dns1"].kill()
            self.sql("dns1", insert("offline"))
            self.restart("dns1")
            self.shows("offline", "A", ["192.0.2.80"])
            self.wait_in_step("dns2", "dns3")
        with self.subTest("a follower starts without anybody, has its data, and catches up"):
            self.dns["dns2"].stop()
            self.dns["dns1"].pause()
            self.sql("dns1", insert("later"))
            self.restart("dns2")
            self.pdns = self.pdns[1:2]
            self.shows("offline", "A", ["192.0.2.80"])
            self.dns["dns1"].resume()
            self.shows("later", "A", ["192.0.2.80"])

    def test_a_follower_killed_at_any_moment_has_the_old_or_the_new(self):
        self.sql("dns1", many(3000))
        wait_until(lambda: self.rows("dns2") == self.rows("dns1"), "dns2 has all of it")
        for turn in range(6):
            before = self.rows("dns2")
            self.sql("dns1", "UPDATE records SET ttl = ttl + 1")
            time.sleep(0.1 * turn)  # where the kill falls is the test's input, not something to wait for
            self.dns["dns2"].kill()
            after = self.rows("dns2")
            self.assertIn(after, (before, self.rows("dns1")), f"turn {turn}")
            self.restart("dns2")
            wait_until(lambda: self.rows("dns2") == self.rows("dns1"), "dns2 has all of it after its return")

    def test_promotion_and_the_return_of_the_old_writer(self):
        self.sql("dns1", insert("first"))
        self.shows("first", "A", ["192.0.2.80"])
        self.wait_in_step("dns2", "dns3")
        with self.subTest("a crash, and an edit that nobody copies"):
            self.dns["dns1"].kill()
            self.sql("dns1", insert("lost"))
        with self.subTest("one command"):
            done = subprocess.run([self.dns["dns2"].argv[0], "--config", self.dns["dns2"].config, "promote"],
                                  capture_output=True, text=True, check=False)
            self.assertEqual((0, ""), (done.returncode, done.stderr))
            self.wait_writer("dns2", 1, "dns2", "dns3")
            self.wait_in_step("dns3")
            again = subprocess.run([self.dns["dns2"].argv[0], "--config", self.dns["dns2"].config, "promote"],
                                   capture_output=True, text=True, check=False)
            self.assertEqual(1, again.returncode)
            self.assertIn("writes the operator's data already (term 1)", again.stderr)
            self.sql("dns2", insert("second"))
            self.pdns = self.pdns[1:]
            self.shows("second", "A", ["192.0.2.80"])
            with self.assertRaisesRegex(sqlite3.DatabaseError, "follows dns2"):
                self.sql("dns3", insert("here"))
        with self.subTest("the old writer follows, and keeps what nobody had"):
            self.restart("dns1")
            self.wait_writer("dns2", 1)
            self.wait_in_step("dns1", "dns3")
            self.assertEqual(self.rows("dns2"), self.rows("dns1"))
            kept = list(self.database("dns1").parent.glob("operator.sqlite3.superseded-*"))
            self.assertEqual(1, len(kept), kept)
            self.assertEqual(0o600, kept[0].stat().st_mode & 0o777)
            with sqlite3.connect(kept[0]) as database:
                self.assertEqual([(f"lost.{DOMAIN}",)], database.execute("SELECT name FROM records WHERE name LIKE 'lost%'").fetchall())
            database.close()
            self.assertIn(kept[0].name, self.dns["dns1"].log_text())
        with self.subTest("it is remembered, whatever the configuration says"):
            for name in ("dns1", "dns2"):
                self.assertEqual(0, self.dns[name].stop())
                self.restart(name)
            self.wait_writer("dns2", 1)
            self.wait_in_step("dns1", "dns3")
            self.same_serials()

    def test_only_name_servers_copy(self):
        net = self.net
        node = net.home("gw1") / "tls"
        net.ca.issue("gw1", ["sip_proxy"], node)
        address = self.address_of_copies("dns1")

        def connect(directory, name):
            """The first octets that come back over TLS; "" when the connection is closed."""
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.load_verify_locations(net.ca.certificate)
            context.load_cert_chain(directory / f"{name}.crt", directory / f"{name}.key")
            with socket.create_connection(address, timeout=10) as tcp, context.wrap_socket(tcp) as tls:
                tls.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: thor.copy.v1\r\n\r\n")
                got = b""
                try:
                    while more := tls.recv(65536):
                        got += more
                        if len(got) > 4096:
                            break
                except OSError:
                    pass
                return got

        with self.subTest("another role is told why it may not"):
            got = connect(node, "gw1")
            self.assertIn(b"no OU thor_dnsmanager", got)
            wait_until(lambda: 'reason="not_a_dns_manager"' in self.dns["dns1"].command("metrics")["metrics"], "it is counted")
        with self.subTest("another CA is not spoken to"):
            stranger = net.directory / "stranger"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "1", "-subj", f"/O={DOMAIN}/CN=dns9/OU=thor_dnsmanager",
                            "-keyout", f"{stranger}.key", "-out", f"{stranger}.crt"], check=True, capture_output=True)
            with self.assertRaises((ssl.SSLError, ConnectionError, AssertionError)):
                self.assertNotEqual(b"", connect(net.directory, "stranger"))

    def test_a_revoked_follower_is_cut_off(self):
        net = self.net
        for name in ("dns1", "dns3"):  # dns2 itself has not heard of it
            net.drop_in(name, {"overlay": {"crl": str(net.ca.revocations)}})
            self.assertEqual(0, self.dns[name].stop())
            self.restart(name)
        self.wait_in_step("dns2", "dns3")
        net.ca.run("revoke", "dns2")
        self.dns["dns1"].signal(signal.SIGHUP)
        wait_until(lambda: not self.operator("dns2").get("in_step"), "dns2 is cut off while connected")
        wait_until(lambda: 'thor_operator_refused_total{reason="revoked"}' in self.dns["dns1"].command("metrics")["metrics"], "it is counted")
        self.sql("dns1", insert("secret"))
        wait_until(lambda: self.rows("dns3") == self.rows("dns1"), "dns3 has the edit")
        self.assertNotEqual(self.rows("dns2"), self.rows("dns1"))

    def test_a_new_name_server_gets_everything_and_an_empty_one_is_not_promoted(self):
        self.sql("dns1", many(20_000))
        self.dns["dns3"].kill()
        shutil.rmtree(self.net.home("dns3") / "state")
        self.dns["dns1"].pause()
        self.restart("dns3")
        self.assertIn("never had a copy", self.dns["dns3"].command("promote")["error"])
        self.dns["dns1"].resume()
        self.wait_in_step("dns3")
        self.assertEqual(self.rows("dns1"), self.rows("dns3"))
        self.assertEqual([], list((self.net.home("dns3") / "state").glob("*.superseded-*")))

    def test_the_ids_of_the_writer_hold_everywhere(self):
        self.sql("dns1", f"DELETE FROM domains WHERE name = '{DOMAIN}'")
        self.sql("dns1", f"INSERT INTO domains (name) VALUES ('{DOMAIN}')")
        self.sql("dns1", insert("moved"))
        self.assertNotEqual([(1,)], self.sql("dns1", f"SELECT id FROM domains WHERE name = '{DOMAIN}'"))
        wait_until(lambda: self.rows("dns3") == self.rows("dns1"), "dns3 has the new id")
        self.wait_in_step("dns3")
        for name in self.NAMES:
            with sqlite3.connect(self.net.home(name) / "state" / "zone.sqlite3") as zone:
                wait_until(lambda rows=zone: rows.execute("SELECT count(*) FROM records WHERE name LIKE 'moved.%'").fetchone() == (1,),
                           f"{name} serves the record under the new id")
            zone.close()
            self.assertEqual([], self.dns[name].status()["not_served"])


if __name__ == "__main__":
    overlaytest.main()
