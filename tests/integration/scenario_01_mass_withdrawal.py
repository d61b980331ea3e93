#!/usr/bin/python3
"""Scenario 1: the source of truth goes blank. Nobody is withdrawn because somebody knows nothing."""

import shutil

import scenario
from overlay import wait_until


class MassWithdrawal(scenario.ScenarioTest):
    def follows(self):
        wait_until(lambda: self.dns.status().get("state") == "fresh", "thor-dns follows a manager")

    def test_all_event_servers_are_killed(self):
        watch = self.watch()
        for server in self.es.values():
            server.kill()
        wait_until(lambda: self.dns.status()["state"] != "fresh", "thor-dns knows that it hears nothing")
        self.go_on(scenario.WRONG_WOULD_SHOW_S)
        self.es = {name: self.net.start(name, "thor-eventserver").wait_ready() for name in self.es}
        self.follows()
        self.unchanged(watch)

    def test_the_name_server_is_isolated(self):
        watch = self.watch()
        self.machine("dns1").cut()
        wait_until(lambda: self.dns.status()["state"] != "fresh", "thor-dns knows that it hears nothing")
        self.go_on(scenario.WRONG_WOULD_SHOW_S)
        self.machine("dns1").mend()
        self.follows()
        self.unchanged(watch, settle_s=2)
        self.node["n1"].stop()
        self.expect("n2", "n3", "n4")

    def test_the_manager_restarts_with_an_empty_disk(self):
        watch = self.watch()
        for end in ("stop", "kill"):
            getattr(self.manager["m1"], end)()
            shutil.rmtree(self.net.home("m1") / "state")
            self.manager["m1"] = self.net.start("m1", "thor-manager").wait_ready()
            self.follows()
        self.unchanged(watch)


if __name__ == "__main__":
    scenario.main()
