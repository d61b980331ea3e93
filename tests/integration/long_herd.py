#!/usr/bin/python3
"""Scenario 7 with 2,000 members, all in one process."""

import os

os.environ.setdefault("THOR_HERD", "2000")

import scenario  # noqa: E402
from scenario_07_herd import HerdReturns  # noqa: E402, F401

if __name__ == "__main__":
    scenario.main()
