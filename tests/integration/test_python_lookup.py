"""contrib/python/thor_lookup.py against the vectors of coordinator/lookup."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

SOURCE = pathlib.Path(os.environ["THOR_SOURCE"])
sys.path.insert(0, str(SOURCE / "contrib/python"))

import thor_lookup as lookup  # noqa: E402

VECTORS = json.loads((SOURCE / "coordinator/lookup/vectors.json").read_text())


class VectorsTest(unittest.TestCase):
    def test_keys(self):
        for vector in VECTORS["keys"]:
            with self.subTest(vector["key"]):
                hashed = lookup.key_hash(vector["key"])
                self.assertEqual(f"{hashed:016x}", vector["hash"])
                self.assertEqual(lookup.hash_label(hashed), vector["label"])
                self.assertEqual(lookup.dns_label(vector["key"]), vector["dns"])

    def test_draws_and_distances(self):
        for vector in VECTORS["draws"]:
            self.assertEqual(f"{lookup.key_hash(vector['node']):016x}", vector["node_hash"])
            drawn = lookup.draw(int(vector["key_hash"], 16), int(vector["node_hash"], 16))
            self.assertEqual((f"{drawn:016x}", lookup.distance(drawn)), (vector["draw"], vector["distance"]))
        for vector in VECTORS["distances"]:
            self.assertEqual(lookup.distance(int(vector["draw"], 16)), vector["distance"])

    def test_orders(self):
        for vector in VECTORS["sets"]:
            ring = lookup.Ring([lookup.Node(**node) for node in vector["nodes"]])
            for asked in vector["lookups"]:
                with self.subTest(vector["name"], key=asked["key"]):
                    for fresh in (False, True):
                        expected = asked["fresh" if fresh else "existing"]
                        self.assertEqual(ring.order(asked["key"], fresh)[:len(expected)], expected)


class SurfaceTest(unittest.TestCase):
    def test_a_label_of_a_hash_is_that_hash_in_either_case(self):
        self.assertEqual(lookup.hash_of_label("K-00000000000000fF"), 255)
        self.assertEqual(lookup.hash_of_label("k-00000000000000f"), lookup.key_hash("k-00000000000000f"))

    def test_members_of_a_status(self):
        members = {"n1": {"roles": {"sip_proxy": {"weight": 5}, "thor_manager": {}}},
                   "n2": {"roles": {"sip_proxy": {"state": "draining"}, "media_relay": {}}}}
        nodes = [lookup.Node("n1", 5), lookup.Node("n2", 100, True)]
        ring = lookup.Ring.of_members(members, "sip_proxy")
        for number in range(100):
            self.assertEqual(ring.order(str(number)), lookup.Ring(nodes).order(str(number)))
        self.assertEqual(len(lookup.Ring.of_members(members, "thor_manager")), 0)
        self.assertEqual(len(lookup.Ring.of_members(members, "xcap_server")), 0)

    def test_the_command_says_the_same(self):
        run = subprocess.run([SOURCE / "contrib/python/thor_lookup.py", "--fresh", "--node", "n1", "--node", "n2:200:draining",
                              "--node", "n3:300", "Alice@Example.COM"], stdout=subprocess.PIPE, check=True)
        ring = lookup.Ring([lookup.Node("n1"), lookup.Node("n2", 200, True), lookup.Node("n3", 300)])
        self.assertEqual(json.loads(run.stdout), {"key": "Alice@Example.COM", "label": "k-ff8d9819fc0e12bf",
                                                  "nodes": ring.order("alice@example.com", fresh=True)})


if __name__ == "__main__":
    unittest.main()
