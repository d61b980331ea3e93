#!/usr/bin/python3
"""thor-move-users, the hook that moves provisioning data: what it decides, and whole in an overlay, where nodes crash and return and every
user's data are where the ring looks for them."""

import json
import os
import subprocess
import sys
import unittest

from overlay import SOURCE, Overlay, wait_until

sys.path.insert(0, str(SOURCE / "contrib" / "python"))
import thor_lookup  # noqa: E402

HOOK = SOURCE / "contrib" / "hooks" / "thor-move-users"
ROLE = "xcap_server"
COPIES = 3
USERS = [f"user{number}@{domain}" for number in range(30) for domain in ("example.net", "Example.ORG")]


def homes(user, nodes):
    return thor_lookup.Ring([thor_lookup.Node(node) for node in nodes]).order(user)[:COPIES]


class Deciding(unittest.TestCase):
    """One node's hook, by hand: `sent` is what its transport was asked to copy."""

    def setUp(self):
        self.net = self.enterContext(Overlay())
        self.home = self.net.directory
        self.data = self.home / "data"
        self.data.mkdir()
        for user in USERS:
            (self.data / user).write_text(user)
        (self.data / ".half").write_text("a transfer under way")
        self.state = self.home / "state.json"
        self.transport = self.home / "transport"
        self.transport.write_text(f"#!/bin/sh\ntr '\\0' '\\n' >{self.home}/sent.$2 && echo \"$1 $3\" >{self.home}/where.$2\n")
        self.transport.chmod(0o755)

    def run_hook(self, nodes, *more, code=0, text=None):
        members = [{"id": node, "addresses": [address], "roles": {ROLE: {}}} for node, address in nodes.items()]
        done = subprocess.run([HOOK, "--dir", self.data, "--role", ROLE, "--state", self.state, "--transport",
                               f"{self.transport} {{dir}} {{id}} {{host}}", *more], capture_output=True, text=True, check=False,
                              input=json.dumps({"id": "n1", "members": members}) if text is None else text)
        self.assertEqual(code, done.returncode, done.stderr)
        return done

    def sent(self):
        """id -> users, of the runs since the last call."""
        out = {}
        for path in self.home.glob("sent.*"):
            out[path.suffix[1:]] = sorted(path.read_text().split())
            path.unlink()
        return out

    def expected(self, now, before=()):
        out = {}
        for user in USERS:
            for node in homes(user, now):
                if node != "n1" and (not before or node not in homes(user, before)):
                    out.setdefault(node, []).append(user)
        return {node: sorted(users) for node, users in out.items()}

    FIVE = {f"n{number}": f"192.0.2.{number}" for number in range(1, 5)} | {"n5": "2001:db8::5"}

    def test_the_first_run_sends_everybody_what_is_theirs(self):
        self.run_hook(self.FIVE)
        self.assertEqual(self.expected(self.FIVE), self.sent())
        self.assertEqual(f"{self.data} [2001:db8::5]\n", (self.home / "where.n5").read_text())
        self.run_hook(self.FIVE)
        self.assertEqual({}, self.sent(), "nothing has changed")

    def test_when_a_node_goes_only_its_users_move(self):
        self.run_hook(self.FIVE)
        self.sent()
        four = {node: address for node, address in self.FIVE.items() if node != "n3"}
        self.run_hook(four)
        sent = self.sent()
        self.assertEqual(self.expected(four, self.FIVE), sent)
        moved = {user for users in sent.values() for user in users}
        self.assertTrue(moved)
        self.assertTrue(all("n3" in homes(user, self.FIVE) for user in moved))
        self.run_hook(self.FIVE)
        self.assertEqual({"n3"}, set(self.sent()), "it gets back what it had")

    def test_what_did_not_arrive_is_sent_again(self):
        good = self.transport.read_text()
        self.transport.write_text("#!/bin/sh\ncat >/dev/null; exit 23\n")
        done = self.run_hook(self.FIVE, code=1)
        self.assertIn("data did not get to n2, n3, n4, n5", done.stderr)
        self.assertFalse(self.state.exists())
        self.transport.write_text(good)
        self.run_hook(self.FIVE)
        self.assertEqual(self.expected(self.FIVE), self.sent())

    def test_the_timer_sends_all_of_it(self):
        self.run_hook(self.FIVE, "--replicate", code=1)
        self.run_hook(self.FIVE)
        self.sent()
        self.run_hook({}, "--replicate", text="")
        self.assertEqual(self.expected(self.FIVE), self.sent())

    def test_bad_input_and_bad_state_are_no_disaster(self):
        for wrong in ("", "[]", "{}", '{"members":[{"id":"../x"}]}'):
            self.assertIn("standard input", self.run_hook({}, code=2, text=wrong).stderr)
        self.state.write_text("garbage")
        self.run_hook(self.FIVE)
        self.assertEqual(self.expected(self.FIVE), self.sent())


class Moving(unittest.TestCase):
    """Five nodes with five directories, and rsync between them."""

    NODES = [f"x{number}" for number in range(1, 6)]

    def setUp(self):
        self.net = self.enterContext(Overlay())
        self.net.start_event_server()
        self.net.start_manager()
        self.base = self.net.directory / "users"
        self.nodes = {}
        for node in self.NODES:
            (self.base / node).mkdir(parents=True)
        for user in USERS:
            self.write(homes(user, self.NODES)[0], user, "first")
        for node in self.NODES:
            self.nodes[node] = self.net.start_node(node, [ROLE], {"hook": [
                {"command": [str(word) for word in self.command(node)], "roles": [ROLE], "debounce_ms": 300, "timeout_s": 60}]})

    def command(self, node):
        return [HOOK, "--dir", self.base / node, "--role", ROLE, "--state", self.net.home(node) / "state/users.json",
                "--transport", f"rsync -rau --from0 --files-from=- {{dir}}/ {self.base}/{{id}}/"]

    def write(self, node, user, text):
        directory = self.base / node / user
        directory.mkdir(exist_ok=True)
        (directory / "pres-rules.xml").write_text(text)

    def read(self, node, user):
        try:
            return (self.base / node / user / "pres-rules.xml").read_text()
        except FileNotFoundError:
            return None

    def misplaced(self, nodes, wanted):
        """(user, node) for which the ring of these nodes finds something else."""
        return [(user, node) for user in USERS for node in homes(user, nodes) if self.read(node, user) != wanted(user)]

    def wait_placed(self, nodes, what, wanted=lambda user: "first"):
        wait_until(lambda: not self.misplaced(nodes, wanted), lambda: f"{what}: {self.misplaced(nodes, wanted)[:5]}", 120, 0.1)

    def test_data_follow_their_users_when_a_node_crashes_and_returns(self):
        self.wait_placed(self.NODES, "every user's data are on three nodes")
        held = {user for user in USERS if self.read("x2", user)}
        self.nodes["x2"].kill()
        rest = [node for node in self.NODES if node != "x2"]
        self.wait_placed(rest, "the survivors have them, too")

        # Meanwhile a user of x2 is changed where the ring finds the user now.
        changed = next(user for user in USERS if homes(user, self.NODES)[0] == "x2")
        self.write(homes(changed, rest)[0], changed, "second")
        later = (self.base / homes(changed, rest)[0] / changed / "pres-rules.xml")
        os.utime(later, (later.stat().st_mtime + 10,) * 2)  # whatever the clock's grain
        self.net.start("x2", "thor-node")
        wait_until(lambda: self.read("x2", changed) == "second", "it returns, and gets what changed", 120, 0.1)
        self.assertLessEqual(held, {user for user in USERS if self.read("x2", user)})

        subprocess.run([*self.command(homes(changed, rest)[0]), "--replicate"], check=True, capture_output=True)
        self.wait_placed(self.NODES, "all copies are the new one", lambda user: "second" if user == changed else "first")


if __name__ == "__main__":
    unittest.main()
