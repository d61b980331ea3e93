#!/usr/bin/python3
"""Some questions of the oracle (tests/oracle): PowerDNS answers with thor-dns behind it as with gsqlite3. `contrib/dev oracle` asks more."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["THOR_SOURCE"]) / "tests" / "oracle"))
import run  # noqa: E402

SEED = 1
QUESTIONS = 300
BIG_RECORDS = 500


class Oracle(unittest.TestCase):
    def test_every_answer_is_the_same(self):
        differences = run.compare_all(SEED, run.MODES, range(QUESTIONS), BIG_RECORDS)
        self.assertEqual([], [f"{difference.where}\n{difference.text}" for difference in differences[:3]])

    def test_planted_faults_are_found(self):
        self.assertEqual([], run.find_planted(SEED, "nsec", range(QUESTIONS), BIG_RECORDS))


if __name__ == "__main__":
    unittest.main(verbosity=2)
