#!/usr/bin/python3
"""Ten minutes with everybody alive while all CPUs are kept busy: nobody is withdrawn, nothing changes."""

import os
import subprocess

import scenario

SECONDS = float(os.environ.get("THOR_SOAK_S", "600"))
BUSY_PER_CPU = 2


class Soak(scenario.ScenarioTest):
    managers = 3
    members = 12

    def keep_busy(self):
        for _ in range(BUSY_PER_CPU * (os.cpu_count() or 1)):
            busy = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", "/usr/bin/python3", "-c", "while True: pass"])
            self.addCleanup(busy.wait)
            self.addCleanup(busy.kill)

    def test_nobody_is_withdrawn_from_a_busy_machine(self):
        watch = self.watch()
        self.keep_busy()
        self.unchanged(watch, settle_s=SECONDS)
        print(f"{watch.answers} answers in {SECONDS:g} s, none without a member, one serial")


if __name__ == "__main__":
    scenario.main()
