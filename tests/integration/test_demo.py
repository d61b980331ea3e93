#!/usr/bin/python3
"""The demo that the README promises, played to its end: every answer in it is right."""

import subprocess
import sys
import unittest

from overlay import SOURCE


class Demo(unittest.TestCase):
    def test_every_answer_is_right(self):
        played = subprocess.run([sys.executable, SOURCE / "contrib" / "demo", "--once"], capture_output=True, text=True, check=False)
        self.assertEqual(0, played.returncode, played.stdout + played.stderr)
        self.assertRegex(played.stdout, r"\d+ answers, 0 wrong\n$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
