#!/usr/bin/python3
"""thor-database in a real overlay: what it announces, that it retracts what cannot be reached, and what it refuses."""

import json
import signal
import socket
import subprocess
import unittest

from overlay import PROGRAMS, Overlay, wait_until
from overlaytest import main

THOR_DATABASE = PROGRAMS / "thor-database"
THOR_MONITOR = PROGRAMS / "thor-monitor"
NEAR, FAR = "mysql://sipthor@10.0.0.131/sipthor", "mysql://sipthor@85.17.186.8/sipthor"


class Service:
    """Something that accepts TCP connections, or does not."""

    def __init__(self, net):
        self.where = (net.address, net.free_port())
        self.text = f"{self.where[0]}:{self.where[1]}"
        self.listening = None

    def start(self):
        self.listening = socket.create_server(self.where, backlog=128)

    def stop(self):
        if self.listening:
            self.listening.close()
            self.listening = None


class DatabaseTest(unittest.TestCase):
    def setUp(self):
        self.net = self.enterContext(Overlay())

    def configure(self, table, name="db1", roles=("thor_database",)):
        self.net.ca.issue(name, list(roles), self.net.home(name) / "tls", self.net.node_addresses(name))
        self.net.configure(name, {"database": table})

    def start(self, table, name="db1"):
        self.configure(table, name)
        return self.net.start(name, "thor-database")

    def join(self):
        self.net.start_event_server()
        self.net.start_manager()

    def look(self):
        """The network as a program sees it."""
        self.net.ca.issue("watch1", ["thor_monitor"], self.net.home("watch1") / "tls")
        self.net.configure("watch1", {})
        done = subprocess.run([THOR_MONITOR, "--config", self.net.home("watch1") / "thor.toml", "--json", "--timeout", "30"],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def uris(self):
        return [one["uri"] for one in self.look()["databases"]]

    def wait_uris(self, *expected):
        wait_until(lambda: self.uris() == list(expected), lambda: f"the databases are {expected}; they are {self.uris()}")


class Announcing(DatabaseTest):
    def test_databases_of_all_members_best_first(self):
        self.join()
        self.start({"uri": [{"uri": FAR, "priority": 50}, {"uri": NEAR, "priority": 10}], "site": "ams1"}).wait_ready()
        self.start({"uri": [{"uri": "mysql://other/db", "priority": 10}]}, "db2").wait_ready()
        self.wait_uris(NEAR, "mysql://other/db", FAR)  # db1 has the lower address
        seen = self.look()
        self.assertEqual({"active": 2, "draining": 0}, seen["roles"]["thor_database"])
        db1 = next(member for member in seen["members"] if member["id"] == "db1")
        self.assertEqual(("ams1", 10), (db1["site"], db1["roles"]["thor_database"]["priority"]))
        self.assertTrue(db1["software"].startswith("thor-database "))

    def test_leaves_when_it_stops(self):
        self.join()
        database = self.start({"uri": [{"uri": NEAR}]}).wait_ready()
        self.wait_uris(NEAR)
        self.assertEqual(0, database.stop())
        wait_until(lambda: "db1" not in str(self.look()["members"]), "db1 has left")

    def test_reads_its_configuration_again(self):
        self.join()
        database = self.start({"uri": [{"uri": NEAR}]}).wait_ready()
        self.wait_uris(NEAR)
        self.configure({"uri": [{"uri": FAR}]})
        database.signal(signal.SIGHUP)
        self.wait_uris(FAR)


class Probing(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.near, self.far = Service(self.net), Service(self.net)
        self.addCleanup(self.near.stop)
        self.addCleanup(self.far.stop)

    def table(self, **probe):
        quick = {"interval_ms": 100, "timeout_ms": 100, "fall": 2, "rise": 2} | probe
        return {"uri": [{"uri": NEAR, "priority": 10, "probe": {"tcp": self.near.text} | quick},
                        {"uri": FAR, "priority": 50, "probe": {"tcp": self.far.text} | quick}]}

    def test_retracts_what_cannot_be_reached_and_announces_it_again(self):
        self.join()
        self.near.start()
        self.far.start()
        database = self.start(self.table()).wait_ready()
        self.wait_uris(NEAR, FAR)
        self.near.stop()
        self.wait_uris(FAR)
        near, far = database.status()["databases"]
        self.assertEqual(("down", False), (near["state"], near["announced"]))
        self.assertIn("cannot connect", near["trouble"])
        self.assertEqual(("up", True), (far["state"], far["announced"]))
        self.assertEqual(1, database.metric("thor_database_reachable"))
        self.near.start()
        self.wait_uris(NEAR, FAR)
        self.assertEqual(2, database.metric("thor_database_reachable"))

    def test_without_any_it_stays_a_member_that_nobody_uses(self):
        self.join()
        database = self.start(self.table()).wait_ready()
        wait_until(lambda: self.look()["roles"].get("thor_database") == {"active": 0, "draining": 1}, "it drains")
        self.assertEqual([], self.uris())
        self.far.start()
        self.wait_uris(FAR)
        self.assertEqual({"active": 1, "draining": 0}, self.look()["roles"]["thor_database"])
        database.check_running()

    def test_says_nothing_before_every_probe_has_answered(self):
        """So that consumers do not change over and back when it is restarted."""
        event_server = self.net.start_event_server()
        self.near.start()
        self.far.start()
        database = self.start(self.table()).wait_ready()
        wait_until(lambda: any(member["id"] == "db1" for member in event_server.status()["members"]), "it is announced")
        self.assertEqual(1, database.status()["sequence"], "in one word, with both")


class Refusing(DatabaseTest):
    def check(self, table):
        self.configure(table)
        return self.run_it("--check-config")

    def run_it(self, *words):
        return subprocess.run([THOR_DATABASE, "--config", self.net.home("db1") / "thor.toml", *words],
                              capture_output=True, text=True, check=False, timeout=60)

    def test_a_password(self):
        for uri in ("mysql://sipthor:s3cret@db1/sipthor", "postgresql://u@db1/db?password=s3cret", "mysql://u:s3/cret@db1/x"):
            with self.subTest(uri):
                done = self.check({"uri": [{"uri": uri}]})
                self.assertEqual(2, done.returncode)
                self.assertRegex(done.stderr, r"thor\.toml:\d+:\d+: uri in \[database\.uri\]")
                self.assertNotIn("s3cret", done.stderr + done.stdout)
                self.assertNotIn("s3/cret", done.stderr + done.stdout)
        self.assertIn("has a password: announce it without one, clients hold their own credentials",
                      self.check({"uri": [{"uri": "mysql://a:b@c/d"}]}).stderr)

    def test_other_configurations(self):
        for table, expected in (
                ({}, "names no database: add [[database.uri]]"),
                ({"uri": [{"uri": "sipthor"}]}, "is no URI such as mysql://user@host/database"),
                ({"uri": [{"priority": 10}]}, "is no URI such as"),
                ({"uri": [{"uri": NEAR, "priority": 65536}]}, "must be 0 to 65535"),
                ({"uri": [{"uri": NEAR}, {"uri": NEAR}]}, "is there twice"),
                ({"uri": [{"uri": f"mysql://db{n}/x"} for n in range(17)]}, "is there 17 times"),
                ({"uri": [{"uri": NEAR, "prio": 1}]}, 'unknown key "prio"'),
                ({"uri": [{"uri": NEAR, "probe": {"tcp": "nowhere"}}]}, 'is where to connect to, "host:port"'),
                ({"uri": [{"uri": NEAR, "probe": {"tcp": "a:1", "timeout_ms": 3000}}]}, "must not be above interval_ms"),
                ({"uri": [{"uri": NEAR}], "addresses": ["db"]}, 'has "db", which is no IP address'),
                ({"uri": [{"uri": NEAR}], "site": "am s1"}, "[database] is out of bounds: site: "),
                ({"uri": [{"uri": NEAR}], "on_stop": "stay"}, "must be one of leave, hold")):
            with self.subTest(table):
                done = self.check(table)
                self.assertEqual(2, done.returncode, done.stderr)
                self.assertIn(expected, done.stderr)
        self.assertEqual(0, self.check({"uri": [{"uri": NEAR, "probe": {"tcp": "db.example.net:3306"}}]}).returncode)

    def test_a_certificate_without_the_role(self):
        self.configure({"uri": [{"uri": NEAR}]}, roles=("sip_proxy",))
        done = self.run_it()
        self.assertEqual(2, done.returncode)
        self.assertIn("the certificate of db1 has no OU thor_database; install one that has, from thor-ca issue ID --role thor_database",
                      done.stderr)


if __name__ == "__main__":
    main()
