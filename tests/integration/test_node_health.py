#!/usr/bin/python3
"""thor-node's checks against real services: a role is in DNS while they are up, and only then; attributes from commands and files."""

import json
import os
import pathlib
import re
import signal
import subprocess
import unittest

import overlaytest
import services
from overlay import DOMAIN, PROGRAMS, SOURCE, Overlay, Process, wait_until

THOR_NODE = PROGRAMS / "thor-node"
QUICK = {"interval_ms": 200, "timeout_ms": 200}
SURE = {"interval_ms": 1000, "timeout_ms": 1000, "fall": 100}  # does not go down because the machine is busy


class HealthTest(overlaytest.OverlayTest):
    def setUp(self):
        self.net = self.enterContext(Overlay())
        self.port = self.net.free_port()

    def check(self, node, number=0, role="sip_proxy"):
        """What the node's status says of one check."""
        checks = node.status().get("health", {}).get(role, {}).get("checks", [])
        return checks[number] if len(checks) > number else {"state": None, "trouble": "", "heard": ""}

    def wait_state(self, node, state, number=0, role="sip_proxy", trouble=""):
        """The check comes to this state, and its trouble to match: a busy machine may have had another one before."""
        def there():
            check = self.check(node, number, role)
            return check["state"] == state and re.search(trouble, check["trouble"])
        wait_until(there, lambda: f"check {number} of {role} is {state}, {trouble}; it is {self.check(node, number, role)}")

    def offered(self, node):
        return sorted(node.status().get("roles", {}))

    def start(self, *checks, role="sip_proxy", name="gw1", **table):
        """A node with these checks, and nobody to join: what it announces is in its status."""
        if not self.net.event_servers:
            self.net.start_event_server()
        return self.net.start_node(name, [role], {"role": {role: {"check": list(checks)}}} | table).wait_ready()

    def target(self):
        return f"{self.net.address}:{self.port}"


class Dns(HealthTest):
    def test_a_role_leaves_dns_with_its_service_and_comes_back_with_it(self):
        net = self.net
        net.start_event_server()
        net.start_manager()
        net.start_dns()
        self.pdns = [net.start_pdns()]
        service = services.start(net, "sip-udp", net.address, self.port)
        other = net.start_node("gw2", ["sip_proxy", "xcap_server"], {"role": {"sip_proxy": {"check": []}}}).wait_ready()
        node = net.start_node("gw1", ["sip_proxy", "xcap_server"], {
            "role": {"sip_proxy": {"check": [{"type": "sip", "target": self.target()} | QUICK]}}}).wait_ready()
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))
        wait_until(lambda: self.check(node)["heard"] == "200 OK", "it says so")

        service.kill()
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw2"))
        self.shows("proxy", "A", [net.node_addresses("gw2")[0]])
        self.assertEqual(1, node.metric("thor_node_role_offered"), "xcap_server alone")
        self.wait_state(node, "down", trouble="refused")
        with self.subTest("its other role and its name stay"):
            self.shows("_xcap._tcp", "SRV", self.srv(443, "gw1", "gw2"))
            self.shows("gw1.node", "A", [net.node_addresses("gw1")[0]])
            self.shows("gw1.node", "TXT", ['"xcap_server=active"'])
        with self.subTest("the monitor tells why"):
            seen = self.look("--json")
            gw1 = next(member for member in json.loads(seen)["members"] if member["id"] == "gw1")
            self.assertEqual(["xcap_server"], sorted(gw1["roles"]))
            self.assertRegex(gw1["health"]["sip_proxy"], f"^down: sip udp {self.target()}: no response: .*refused")
            self.assertRegex(self.look("--once"), rf"sip_proxy members:\n.*\n{net.node_addresses('gw1')[0]} down: sip udp ")

        services.start(net, "sip-udp", net.address, self.port)
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))
        self.assertEqual(2, node.metric("thor_node_role_offered"))
        other.check_running()

    def test_a_node_whose_last_role_is_down_stays_a_member(self):
        net = self.net
        net.start_event_server()
        net.start_manager()
        net.start_dns()
        self.pdns = [net.start_pdns()]
        service = services.start(net, "tcp", net.address, self.port)
        node = net.start_node("gw1", ["sip_proxy"], {"role": {"sip_proxy": {"check": [{"type": "tcp", "target": self.target()} | QUICK]}}})
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))
        service.kill()
        self.shows("_sip._udp", "SRV", [])
        self.nodata("_sip._udp", "SRV")
        self.shows("gw1.node", "A", [net.node_addresses("gw1")[0]])
        self.assertEqual({}, node.status()["roles"])
        self.assertTrue(node.status()["ready"])
        with self.subTest("draining or not, it is not announced before the service is back"):
            node.command("drain 600")
            self.assertEqual({}, node.status()["roles"])
            services.start(net, "tcp", net.address, self.port)
            wait_until(lambda: node.status()["roles"], "it is announced")
            self.assertEqual("draining", node.status()["roles"]["sip_proxy"]["state"])
            self.shows("_sip._udp", "SRV", [])
            node.command("undrain")
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))

    def look(self, how):
        self.net.ca.issue("watch1", ["thor_monitor"], self.net.home("watch1") / "tls")
        self.net.configure("watch1", {})
        return subprocess.run([PROGRAMS / "thor-monitor", "--config", self.net.home("watch1") / "thor.toml", how, "--timeout", "30"],
                              capture_output=True, text=True, check=True).stdout


class Kinds(HealthTest):
    """Each kind of probe: up, down when its service dies, and what else it takes for a failure."""

    def certificate(self):
        tls = self.net.home("service") / "tls"
        self.net.ca.issue("service", ["sip_proxy"], tls, [self.net.address])
        return tls / "service.crt", tls / "service.key"

    def follows(self, kind, check, **how):
        """A service of a kind and a check of it: up while the service is there."""
        service = services.start(self.net, kind, self.net.address, self.port, **how)
        node = self.start(check | QUICK)
        self.wait_state(node, "up")
        self.assertEqual(["sip_proxy"], self.offered(node))
        service.kill()
        self.wait_state(node, "down")
        wait_until(lambda: self.offered(node) == [], "the role is withdrawn")
        services.start(self.net, kind, self.net.address, self.port, **how)
        self.wait_state(node, "up")
        wait_until(lambda: self.offered(node) == ["sip_proxy"], "the role is offered again")
        return node

    def test_tcp(self):
        self.follows("tcp", {"type": "tcp", "target": self.target()})

    def test_sip_over_udp_tcp_and_tls(self):
        for transport in ("udp", "tcp", "tls"):
            with self.subTest(transport):
                self.port = self.net.free_port()
                node = self.follows(f"sip-{transport}", {"type": "sip", "transport": transport, "target": self.target()},
                                    tls=self.certificate() if transport == "tls" else None)
                wait_until(lambda node=node: self.check(node)["heard"] == "200 OK", "it says so")
                node.stop()

    def test_http_and_https(self):
        for kind in ("http", "https"):
            with self.subTest(kind):
                self.port = self.net.free_port()
                node = self.follows(kind, {"type": "http", "url": f"{kind}://{self.target()}/health?x=1"},
                                    tls=self.certificate() if kind == "https" else None)
                wait_until(lambda node=node: self.check(node)["heard"] == "200 OK", "it says so")
                node.stop()

    def test_a_real_http_server(self):
        with subprocess.Popen(["/usr/bin/python3", "-m", "http.server", "--bind", self.net.address, str(self.port)],
                              cwd=self.net.directory, stderr=subprocess.DEVNULL) as server:
            self.addCleanup(server.kill)
            node = self.start({"type": "http", "url": f"http://{self.target()}/"} | QUICK,
                              {"type": "http", "url": f"http://{self.target()}/nowhere", "status": ["404"]} | QUICK,
                              {"type": "http", "url": f"http://{self.target()}/nowhere"} | QUICK)
            self.wait_state(node, "up", 0)
            self.wait_state(node, "up", 1)
            self.wait_state(node, "down", 2, trouble="^it answers 404 File not found$")
            self.assertEqual([], self.offered(node), "all must be up")
            server.kill()

    def test_what_a_sip_server_says(self):
        status = self.net.directory / "status"
        status.write_text("503 Overloaded")
        services.start(self.net, "sip-udp", self.net.address, self.port, status=status)
        node = self.start({"type": "sip", "target": self.target(), "rise": 1} | QUICK)
        self.wait_state(node, "down", trouble="^it answers 503 Overloaded$")
        for alive in ("404 Not Found", "483 Too Many Hops", "401 Unauthorized"):
            status.write_text(alive)
            wait_until(lambda alive=alive: (self.check(node)["state"], self.check(node)["heard"]) == ("up", alive), f"{alive} is taken for life")
        status.write_text("500 Server Error")
        self.wait_state(node, "down")

    def test_kamailio(self):
        """It answers OPTIONS with Max-Forwards 0 as any server must, over both transports."""
        config = self.net.directory / "kamailio.cfg"
        config.write_text('debug=1\nchildren=1\ntcp_children=1\nloadmodule "sl.so"\nloadmodule "maxfwd.so"\nrequest_route {\n'
                          '  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }\n'
                          '  sl_send_reply("200", "OK");\n}\n')
        home = self.net.home("kamailio")
        kamailio = Process("kamailio", ["/usr/sbin/kamailio", "-DD", "-E", "-f", config, "-Y", home, "-w", home,
                                        "-l", f"udp:{self.target()}", "-l", f"tcp:{self.target()}"],
                           self.net.directory / "kamailio.log", ("unshare", "--pid", "--fork", "--kill-child"))
        self.net.processes.append(kamailio)
        node = self.start(*({"type": "sip", "transport": transport, "target": self.target(), "interval_ms": 200, "timeout_ms": 200}
                            for transport in ("udp", "tcp")))
        for number in (0, 1):
            self.wait_state(node, "up", number)
            wait_until(lambda number=number: self.check(node, number)["heard"] == "483 Too Many Hops", "it has answered itself")
        kamailio.kill()
        self.wait_state(node, "down", 0)
        self.wait_state(node, "down", 1)

    def test_a_service_that_hangs(self):
        service = services.start(self.net, "sip-udp", self.net.address, self.port)
        node = self.start({"type": "sip", "target": self.target()} | QUICK)
        self.wait_state(node, "up")
        service.pause()
        self.wait_state(node, "down", trouble="^no answer within 200 ms$")
        service.resume()
        self.wait_state(node, "up")

    def test_tls_is_verified_with_a_ca(self):
        tls = self.certificate()
        services.start(self.net, "https", self.net.address, self.port, tls=tls)
        other = self.net.directory / "other.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=other",
                        "-keyout", self.net.directory / "other.key", "-out", other], check=True, capture_output=True)
        url = {"type": "http", "url": f"https://{self.target()}/"} | QUICK
        node = self.start(url | {"ca": str(self.net.ca.certificate)}, url | {"ca": str(other)},
                          url | {"ca": str(self.net.ca.certificate), "server_name": "elsewhere.example"})
        self.wait_state(node, "up", 0)
        self.wait_state(node, "down", 1, trouble="certificate verify failed")
        self.wait_state(node, "down", 2, trouble="certificate verify failed")

    def test_a_command(self):
        health = self.net.directory / "health"
        script = self.net.directory / "check"
        script.write_text(f"#!/bin/sh\necho \"$1 $(cat {health})\"\n[ \"$(cat {health})\" = well ]\n")
        script.chmod(0o755)
        health.write_text("well")
        node = self.start({"type": "command", "command": [str(script), "it's; $HOME"], "interval_ms": 1000, "timeout_ms": 1000})
        self.wait_state(node, "up")
        self.assertEqual("it's; $HOME well", self.check(node)["heard"], "no shell has seen its words")
        health.write_text("ill")
        self.wait_state(node, "down", trouble=r"^exit code 1: it's; \$HOME ill$")
        script.unlink()
        wait_until(lambda: "No such file" in self.check(node)["trouble"], "it says that there is no command")

    def test_a_command_that_hangs_is_killed_with_all_that_it_started(self):
        children = self.net.directory / "children"
        script = self.net.directory / "check"
        script.write_text(f"#!/bin/sh\nsleep 1000 &\necho $$ $! >> {children}\nwait\n")
        script.chmod(0o755)
        node = self.start({"type": "command", "command": [str(script)], "interval_ms": 200, "timeout_ms": 200})
        self.wait_state(node, "down", trouble="^no answer within 200 ms$")
        wait_until(lambda: len(children.read_text().split()) >= 6, "it was started three times")
        node.stop()
        for pid in children.read_text().split():
            wait_until(lambda pid=pid: not pathlib.Path(f"/proc/{pid}").exists() or "(sleep)" not in pathlib.Path(f"/proc/{pid}/stat").read_text(),
                       f"{pid} is gone")

    def test_a_unit(self):
        """The real protocol over a real bus; the manager there is a stand-in, because none may run here."""
        bus, units = self.net.directory / "bus", self.net.directory / "units"
        units.write_text("active")
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={bus}"
        self.addCleanup(os.environ.pop, "DBUS_SYSTEM_BUS_ADDRESS")
        node = self.start({"type": "systemd", "unit": "sip-proxy@1.service"} | QUICK)
        self.wait_state(node, "down", trouble="^D-Bus: ")  # there is no bus
        daemon = Process("dbus", ["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address=unix:path={bus}"],
                         self.net.directory / "dbus.log")
        self.net.processes.append(daemon)
        wait_until(bus.exists, "the bus is there")
        wait_until(lambda: self.check(node)["trouble"].startswith("systemd: "), "the bus answers, but nobody on it")
        manager = services.start_units(self.net, units)
        self.wait_state(node, "up")
        units.write_text("failed")
        self.wait_state(node, "down", trouble="^it is failed$")
        self.assertIn("/org/freedesktop/systemd1/unit/sip_2dproxy_401_2eservice", manager.log_text())
        units.write_text("reloading")
        self.wait_state(node, "up")
        daemon.kill()
        self.wait_state(node, "down")


class Starting(HealthTest):
    def test_what_was_never_up_is_not_announced(self):
        node = self.start({"type": "tcp", "target": self.target()} | QUICK)
        self.wait_state(node, "down")
        self.assertEqual((1, {}), (node.status()["sequence"], node.status()["roles"]), "in its first word")

    def test_what_was_up_is_announced_in_the_first_word(self):
        services.start(self.net, "tcp", self.net.address, self.port)
        node = self.start({"type": "tcp", "target": self.target()} | SURE)
        self.assertEqual((1, ["sip_proxy"]), (node.status()["sequence"], self.offered(node)))
        node.kill()
        again = self.net.start("gw1", "thor-node").wait_ready()
        self.assertEqual((1, ["sip_proxy"]), (again.status()["sequence"], self.offered(again)))

    def test_a_check_that_hangs_does_not_hold_up_the_others(self):
        service = services.start(self.net, "http", self.net.address, self.port)
        service.pause()
        node = self.net.start_event_server() and self.net.start_node("gw1", ["sip_proxy", "xcap_server"], {
            "role": {"sip_proxy": {"check": [{"type": "http", "url": f"http://{self.target()}/", "interval_ms": 60000, "timeout_ms": 60000}]},
                     "xcap_server": {"check": []}}}).wait_ready()
        self.assertEqual(["xcap_server"], self.offered(node))
        self.assertTrue(node.status()["health"]["sip_proxy"]["verdict"].startswith("starting: http"))

    def test_failures_within_the_start_grace_are_no_verdict(self):
        node = self.start({"type": "tcp", "target": self.target(), "start_grace_ms": 600000, "rise": 100} | QUICK)
        wait_until(lambda: "refused" in self.check(node)["trouble"], "a probe has failed")
        self.assertEqual(("unknown", []), (self.check(node)["state"], self.offered(node)))
        services.start(self.net, "tcp", self.net.address, self.port)
        self.wait_state(node, "up")
        self.assertEqual(["sip_proxy"], self.offered(node), "the first success is enough")


class ByDefault(HealthTest):
    """Checks of which the configuration says nothing: guesses, which count once they have succeeded."""

    def start_default(self):
        table = {"role": {"xcap_server": {"ports": {"xcap.tcp": self.port}}}}
        return self.net.start_node("gw1", ["xcap_server"], table, addresses=[self.net.address]).wait_ready()

    def setUp(self):
        super().setUp()
        self.net.start_event_server()

    def test_a_guess_counts_from_its_first_success_on_and_after_a_restart(self):
        node = self.start_default()
        self.assertEqual("unseen", self.check(node, role="xcap_server")["state"])
        self.assertEqual(["xcap_server"], self.offered(node))
        self.assertRegex(node.status()["health"]["xcap_server"]["verdict"], f"^not seen yet: tcp {self.target()}: .*refused")
        self.assertIn("a guess until it succeeds once", node.log_text())

        service = services.start(self.net, "tcp", self.net.address, self.port)
        self.wait_state(node, "up", role="xcap_server")
        service.kill()
        self.wait_state(node, "down", role="xcap_server")
        wait_until(lambda: self.offered(node) == [], "it is withdrawn")

        node.kill()
        again = self.net.start("gw1", "thor-node").wait_ready()
        self.assertEqual((1, []), (again.status()["sequence"], self.offered(again)), "not announced before its first success")
        services.start(self.net, "tcp", self.net.address, self.port)
        wait_until(lambda: self.offered(again) == ["xcap_server"], "it is announced")

    def test_sip_options_at_the_address_that_is_announced(self):
        services.start(self.net, "sip-udp", self.net.address, 5060)
        node = self.net.start_node("gw1", ["sip_proxy"], addresses=[self.net.address]).wait_ready()
        self.wait_state(node, "up")
        self.assertEqual(f"sip udp {self.net.address}:5060", self.check(node)["check"])

    def test_none_where_there_is_no_standard_port_and_where_it_is_switched_off(self):
        node = self.net.start_node("gw1", ["media_relay", "sip_proxy"], {"role": {"sip_proxy": {"check": []}}}).wait_ready()
        self.assertEqual({"media_relay": [], "sip_proxy": []}, {role: one["checks"] for role, one in node.status()["health"].items()})
        self.assertEqual(["media_relay", "sip_proxy"], self.offered(node))

    def test_an_address_of_somebody_else_is_not_probed(self):
        node = self.net.start_node("gw1", ["sip_proxy"]).wait_ready()  # 192.0.2.1 is no address of this machine
        self.assertEqual("sip udp 127.0.0.1:5060", self.check(node)["check"])


class Reloading(HealthTest):
    def test_checks_are_read_again_and_nothing_is_withdrawn_meanwhile(self):
        services.start(self.net, "tcp", self.net.address, self.port)
        node = self.start({"type": "tcp", "target": self.target()} | SURE)
        sequence = node.status()["sequence"]
        self.net.configure("gw1", {"node": {"role": {"sip_proxy": {"check": [{"type": "tcp", "target": self.target(), "interval_ms": 1100, "fall": 100}]}}}})
        node.signal(signal.SIGHUP)
        wait_until(lambda: self.check(node).get("interval_ms") == 1100, "the other interval is in force")
        self.wait_state(node, "up")
        self.assertEqual((sequence, ["sip_proxy"]), (node.status()["sequence"], self.offered(node)))
        self.net.configure("gw1", {"node": {"role": {"sip_proxy": {"check": []}}}})
        node.signal(signal.SIGHUP)
        wait_until(lambda: self.check(node)["state"] is None, "the check is gone")
        self.assertEqual(["sip_proxy"], self.offered(node))


class Attributes(HealthTest):
    def start_with(self, **sources):
        self.net.start_event_server()
        return self.net.start_node("gw1", ["sip_proxy"], {"attributes": {"capacity": "7"}, "attribute_source": sources,
                                                          "role": {"sip_proxy": {"check": []}}}).wait_ready()

    def announced(self, node, name):
        return node.status()["attribute_sources"][name]["announced"]

    def test_capacity_of_a_file_and_load_of_a_command(self):
        capacity = self.net.directory / "capacity"
        capacity.write_text("250\n")
        node = self.start_with(capacity={"file": str(capacity), "interval_ms": 50, "rest_ms": 1000},
                               load={"command": ["/bin/echo", "0.42"], "interval_ms": 50})
        self.assertEqual(1, node.status()["sequence"], "all of it in the first word")
        self.assertEqual(("250", "0.42"), (self.announced(node, "capacity"), self.announced(node, "load")))
        for wrong in ("lots", "-1", "", "1 2"):
            capacity.write_text(wrong)
            wait_until(lambda: node.status()["attribute_sources"]["capacity"]["state"] == "down", f"{wrong!r} is refused")
            capacity.write_text("251")  # not worth telling
            wait_until(lambda: node.status()["attribute_sources"]["capacity"]["read"] == "251", "it is read again")
        self.assertIn('it says "lots", which is no whole number', node.log_text())
        self.assertEqual(("250", 1), (self.announced(node, "capacity"), node.status()["sequence"]))
        capacity.write_text("500")
        wait_until(lambda: self.announced(node, "capacity") == "500", "it is announced after its rest")
        self.assertEqual(2, node.status()["sequence"])
        capacity.unlink()
        wait_until(lambda: node.metric("thor_node_attribute_source_up") == 1, "it is noticed")
        self.assertEqual("500", self.announced(node, "capacity"))

    def test_capacity_is_the_weight_in_dns_where_a_role_says_so(self):
        net = self.net
        capacity = net.directory / "capacity"
        capacity.write_text("250")
        net.start_event_server()
        net.start_manager()
        roles = net.home("dns1") / "roles.d"
        roles.mkdir()
        (roles / "capacity.toml").write_text('role = "rating_server"\nweights = "capacity"\n\n'
                                             '[[srv]]\nowner = "_rating._tcp"\nport = 9024\n')
        net.start_dns()
        self.pdns = [net.start_pdns()]
        net.start_node("gw1", ["rating_server"], {"attribute_source": {"capacity": {"file": str(capacity), "interval_ms": 50, "rest_ms": 1000}}})
        self.shows("_rating._tcp", "SRV", [f"10 250 9024 gw1.node.{DOMAIN}."])
        capacity.write_text("500")
        self.shows("_rating._tcp", "SRV", [f"10 500 9024 gw1.node.{DOMAIN}."])


class Refusing(HealthTest):
    def refused(self, table):
        self.net.ca.issue("gw1", ["sip_proxy", "media_relay"], self.net.home("gw1") / "tls", self.net.node_addresses("gw1"))
        self.net.configure("gw1", {"node": table})
        return subprocess.run([THOR_NODE, "--config", self.net.home("gw1") / "thor.toml", "--check-config"],
                              capture_output=True, text=True, check=False, timeout=60)

    def test_checks(self):
        for check, expected in (
                ({}, "needs a type: sip, tcp, http, systemd or command"),
                ({"type": "ping"}, "must be one of sip, tcp, http, systemd, command"),
                ({"type": "tcp", "target": "nowhere"}, 'target in [node.role.sip_proxy.check] is where to connect to, "host:port"'),
                ({"type": "sip", "transport": "sctp"}, "must be one of udp, tcp, tls"),
                ({"type": "sip", "status": ["ok"]}, 'status in [node.role.sip_proxy.check] has "ok", which is no status such as "200" or "4xx"'),
                ({"type": "sip", "ca": "/x"}, "ca in [node.role.sip_proxy.check] is for TLS"),
                ({"type": "http"}, "is what to ask for, such as"),
                ({"type": "http", "url": "ftp://a/"}, "is what to ask for, such as"),
                ({"type": "http", "url": "http://user@a/"}, "must have neither blanks, nor a user, nor a fragment"),
                ({"type": "systemd", "unit": "kamailio"}, "is the full name of a systemd unit"),
                ({"type": "command"}, "names no program"),
                ({"type": "command", "command": ["bin/x"]}, "must name its program by an absolute path"),
                ({"type": "tcp", "interval_ms": 100, "timeout_ms": 200}, "must not be above interval_ms: there is one probe at a time"),
                ({"type": "tcp", "interval_ms": 100, "confirm_ms": 200}, "must not be above interval_ms, when the next probe begins anyway"),
                ({"type": "tcp", "fall": 0}, "must be 1 to 100"),
                ({"type": "tcp", "url": "http://a/"}, 'unknown key "url"')):
            with self.subTest(check):
                done = self.refused({"role": {"sip_proxy": {"check": [check]}}})
                self.assertEqual(2, done.returncode, done.stderr)
                self.assertIn(expected, done.stderr)
                self.assertRegex(done.stderr, r"thor\.toml:\d+:\d+: ")

    def test_sets_of_checks(self):
        tcp = {"type": "tcp"}
        for role, checks, expected in (
                ("sip_proxy", [tcp, tcp], "is there twice"),
                ("media_relay", [tcp], "target in [node.role.media_relay.check] is needed: media_relay has no standard port"),
                ("sip_proxy", [{"type": "tcp", "target": f"a:{port}"} for port in range(1, 10)], "8 checks are the most for one role")):
            with self.subTest(expected):
                done = self.refused({"role": {role: {"check": checks}}})
                self.assertEqual(2, done.returncode, done.stderr)
                self.assertIn(expected, done.stderr)
        done = self.refused({"role": {"sip_proxy": {"ports": {"sip.udp": 0}, "check": [{"type": "sip"}]}}})
        self.assertIn("is needed: sip.udp is not offered, its port is 0", done.stderr)

    def test_attributes(self):
        for table, expected in (
                ({"attribute_source": {"load": {}}}, "needs either command"),
                ({"attribute_source": {"load": {"file": "x"}}}, "must be an absolute path"),
                ({"attribute_source": {"load": {"file": "/x", "command": ["/y"]}}}, "needs either command"),
                ({"attribute_source": {"load": {"file": "/x", "rest_ms": 1}}}, "must be 1000 to 3600000"),
                ({"attributes": {"health.x": "up"}}, "is what this node says of its checks"),
                ({"attributes": {f"a{n}": "x" for n in range(32)}}, "[node] with what checks and sources of attributes add is out of bounds: attributes")):
            with self.subTest(table):
                done = self.refused(table)
                self.assertEqual(2, done.returncode, done.stderr)
                self.assertIn(expected, done.stderr)

    def test_none_of_the_example(self):
        self.net.drop_in("gw1", {})
        example = (SOURCE / "contrib" / "examples" / "conf.d" / "checks.toml").read_text()
        (self.net.home("gw1") / "conf.d" / "checks.toml").write_text(example)
        done = self.refused({})
        self.assertEqual(0, done.returncode, done.stderr)

    def test_none_of_what_is_right(self):
        done = self.refused({"role": {"sip_proxy": {"check": [{"type": "sip"}, {"type": "tcp"}, {"type": "http", "url": "https://[::1]?x"},
                                                              {"type": "systemd", "unit": "kamailio.service"}, {"type": "command", "command": ["true"]}]}}})
        self.assertEqual(0, done.returncode, done.stderr)


if __name__ == "__main__":
    overlaytest.main()
