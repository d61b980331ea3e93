#!/usr/bin/python3
"""The hooks of contrib/ for OpenSIPS and Asterisk, which Debian 12 does not have: what they write is read back by strict readers
of the documented formats, and what they say is answered by a stand-in that has read just that."""

import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import unittest

SOURCE = pathlib.Path(os.environ.get("THOR_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
PROXIES = {
    "n1": {"addresses": ["192.0.2.1", "2001:db8::1"], "roles": {"sip_proxy": {"state": "active", "weight": 100, "priority": 10}}},
    "n2": {"addresses": ["192.0.2.2"], "roles": {"sip_proxy": {"state": "draining", "weight": 50, "priority": 20, "ports": {"sip.tcp": 5070}},
                                                 "conference_server": {}}},
    "n3": {"addresses": ["192.0.2.3"], "roles": {"sip_proxy": {"weight": 0, "ports": {"sip.tcp": 0}}}},
    "r1": {"addresses": ["192.0.2.9"], "roles": {"media_relay": {}}},
}


def document(members):
    return json.dumps({"members": [{"id": name, "attributes": {"note": "a:b\n[x]"}, **what} for name, what in members.items()]})


class HookTest(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="thor-")))

    def hook(self, name, *words, members=PROXIES, text=None):
        return subprocess.run([SOURCE / "contrib" / name.removeprefix("thor-") / name, *map(str, words)], capture_output=True, text=True,
                              input=document(members) if text is None else text, check=False)

    def taken(self, done):
        self.assertEqual((0, ""), (done.returncode, done.stderr))

    def refused(self, done, code, *parts):
        self.assertEqual(code, done.returncode, done.stderr)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)


def read_db_text(text):
    """A table of OpenSIPS's db_text as its documentation has it: the columns, then a row a line, fields apart by colons."""
    head, *lines = text.split("\n")
    assert lines.pop() == "", "the last row ends, too"
    columns = [re.fullmatch(r"(\w+)\((int|string)(?:,(auto|null))?\)", column) for column in head.split(" ")]
    assert all(columns), head
    table = []
    for line in lines:
        fields = re.split(r"(?<!\\):", line)
        assert len(fields) == len(columns), line
        row = {}
        for column, field in zip(columns, fields):
            name, kind, attribute = column.groups()
            assert field or attribute == "null", f"{name} may not be null"
            plain = re.sub(r"\\(.)", lambda escape: {":": ":", "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}[escape[1]], field)
            row[name] = (int(plain) if kind == "int" else plain) if field else None
        table.append(row)
    return table


class OpenSips(threading.Thread):
    """What OpenSIPS does about its dispatcher table, behind the socket of mi_datagram."""

    def __init__(self, directory, path):
        super().__init__(daemon=True)
        self.directory, self.cached, self.loaded, self.asked = directory, [], [], []
        self.link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.link.bind(str(path))
        self.start()

    def run(self):
        while True:
            text, client = self.link.recvfrom(65536)
            if not client:
                return
            self.link.sendto(json.dumps(self.answer(json.loads(text))).encode(), client)

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:  # a datagram without an address to answer to
            end.sendto(b"", self.link.getsockname())
        self.join()
        self.link.close()

    def answer(self, request):
        known = {"dbt_reload": self.dbt_reload, "ds_reload": self.ds_reload, "ds_list": self.ds_list}
        assert request.keys() <= {"jsonrpc", "method", "params", "id"} and request["jsonrpc"] == "2.0", request
        self.asked.append(request["method"])
        return {"jsonrpc": "2.0", "result": known[request["method"]](*request.get("params", [])), "id": request["id"]}

    def dbt_reload(self, database, table):
        assert (database, table) == (str(self.directory), "dispatcher")
        self.cached = read_db_text((self.directory / table).read_text())
        return "OK"

    def ds_reload(self):
        versions = {row["table_name"]: row["table_version"] for row in read_db_text((self.directory / "version").read_text())}
        assert versions["dispatcher"] == 9
        self.loaded = self.cached
        return "OK"

    def ds_list(self):
        numbers = sorted({row["setid"] for row in self.loaded})
        sets = [{"id": number, "Destinations": [{"URI": row["destination"], "state": "Inactive" if row["state"] else "Active", "first_hit_counter": 0}
                                                for row in self.loaded if row["setid"] == number]} for number in numbers]
        return {"PARTITIONS": [{"name": "default", **({"SETS": sets} if sets else {})}]}


class OpenSipsHook(HookTest):
    def start(self):
        server = OpenSips(self.directory, self.directory / "mi.sock")
        self.addCleanup(server.close)
        return server

    def opensips(self, *words, **how):
        return self.hook("thor-opensips", "--db", self.directory, "--mi", self.directory / "mi.sock", *words, **how)

    def test_the_table_is_what_the_overlay_is(self):
        server = self.start()
        self.taken(self.opensips())
        self.assertEqual(["dbt_reload", "ds_reload", "ds_list"], server.asked)
        rows = [tuple(row[name] for name in ("setid", "destination", "state", "weight", "priority", "attrs")) for row in server.loaded]
        self.assertEqual([(1, "sip:192.0.2.1:5060;transport=tcp", 0, "100", 10, "n1"), (1, "sip:[2001:db8::1]:5060;transport=tcp", 0, "100", 10, "n1"),
                          (1, "sip:192.0.2.2:5070;transport=tcp", 1, "50", 20, "n2"), (3, "sip:192.0.2.2:5060;transport=tcp", 0, "100", 10, "n2")], rows)
        self.assertEqual([1, 2, 3, 4], [row["id"] for row in server.loaded])
        with self.subTest("sets and transport of one's own"):
            self.taken(self.opensips("--set", "media_relay=7", "--transport", "udp"))
            self.assertEqual([(7, "sip:192.0.2.9:5060;transport=udp")], [(row["setid"], row["destination"]) for row in server.loaded])
        with self.subTest("nobody"):
            self.taken(self.opensips(members={}))
            self.assertEqual([], server.loaded)

    def test_without_opensips_it_is_to_be_tried_again(self):
        self.refused(self.opensips(), 1, "mi.sock", "does it run")
        self.assertEqual(4, len(read_db_text((self.directory / "dispatcher").read_text())), "on disk for its next start")

    def test_a_server_that_reads_another_table_is_noticed(self):
        server = self.start()
        server.ds_reload = lambda: "OK"
        self.refused(self.opensips(), 1, "192.0.2.1", "db_url")

    def test_bad_input_changes_nothing(self):
        self.start()
        self.taken(self.opensips())
        before = (self.directory / "dispatcher").read_text()
        for text, why in (("{", "no JSON"), ("[]", "members"), (document({"n 1": {}}), "'n 1'"), (document({"n1": {"addresses": ["nowhere"]}}), "nowhere"),
                          (document({"n1": {"roles": {"sip_proxy": {"weight": -1}}}}), "weight"),
                          (document({"n1": {"roles": {"sip_proxy": {"state": "asleep"}}}}), "state"),
                          (document({"n1": {"roles": {"sip_proxy": {"ports": {"sip.tcp": "5060\n1"}}}}}), "sip.tcp"),
                          (document({"n1": {"roles": {"a b": {}}}}), "'a b'")):
            with self.subTest(why):
                self.refused(self.opensips(text=text), 2, why)
        self.assertEqual(before, (self.directory / "dispatcher").read_text())


ASTERISK = '''#!/usr/bin/python3
"""`asterisk -rx` of a running Asterisk: a reload reads the file, and the addresses are listed as PJSIP lists them."""
import ipaddress, pathlib, sys
here = pathlib.Path(__file__).parent
def sections(text):
    found = []
    for line in filter(None, (line.partition(";")[0].strip() for line in text.splitlines())):
        if line.startswith("["):
            assert line.endswith("]"), line
            found.append({"id": line[1:-1]})
        else:
            key, _, value = line.partition("=")
            found[-1].setdefault(key, []).append(value)
    return found
assert sys.argv[1] == "-rx" and len(sys.argv) == 3
if not (here / "running").exists():
    print("Unable to connect to remote asterisk (does /var/run/asterisk/asterisk.ctl exist?)")
    sys.exit(1)
if sys.argv[2].startswith("module reload res_pjsip.so"):
    kinds = {"endpoint": {"id", "type", "context", "disallow", "allow", "direct_media", "rtp_symmetric"}, "identify": {"id", "type", "endpoint", "match"}}
    lines, endpoints = [], set()
    for section in sections((here / "pjsip.conf").read_text()):
        kind, = section["type"]
        assert section.keys() == kinds[kind], section
        if kind == "endpoint":
            endpoints.add(section["id"])
        else:
            endpoint, = section["endpoint"]
            assert endpoint in endpoints
            lines.append(f"  Identify:  {section['id']}/{endpoint}")
            lines += [f"        Match: {ipaddress.ip_network(match)}" for match in section["match"]]
    (here / "known").write_text("".join(f"{line}\\n" for line in lines))
elif sys.argv[2] == "pjsip show identifies":
    print((here / "known").read_text() or "No objects found.")
else:
    sys.exit(f"No such command '{sys.argv[2]}'")
'''


class AsteriskHook(HookTest):
    def setUp(self):
        super().setUp()
        self.program = self.directory / "asterisk"
        self.program.write_text(ASTERISK)
        self.program.chmod(0o755)
        (self.directory / "running").touch()

    def asterisk(self, *words, **how):
        return self.hook("thor-asterisk", "--config", self.directory / "pjsip.conf", "--asterisk", self.program, *words, **how)

    def matches(self):
        return re.findall(r"Match: (\S+)", (self.directory / "known").read_text())

    def test_the_proxies_are_trusted_and_nobody_else(self):
        self.taken(self.asterisk())
        self.assertEqual(["192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32", "2001:db8::1/128"], self.matches())
        with self.subTest("one that left is not"):
            self.taken(self.asterisk(members={name: what for name, what in PROXIES.items() if name != "n2"}))
            self.assertEqual(["192.0.2.1/32", "192.0.2.3/32", "2001:db8::1/128"], self.matches())
        with self.subTest("roles of one's own"):
            self.taken(self.asterisk("--role", "conference_server"))
            self.assertEqual(["192.0.2.2/32"], self.matches())
        with self.subTest("nobody"):
            self.taken(self.asterisk(members={}))
            self.assertEqual([], self.matches())

    def test_without_asterisk_it_is_to_be_tried_again(self):
        (self.directory / "running").unlink()
        self.refused(self.asterisk(), 1, "Unable to connect", "does it run")
        self.assertIn("match=192.0.2.1\n", (self.directory / "pjsip.conf").read_text())

    def test_one_that_does_not_include_the_file_is_noticed(self):
        self.program.write_text(ASTERISK.replace('print((here / "known").read_text() or "No objects found.")', 'print("No objects found.")'))
        self.refused(self.asterisk(), 1, "192.0.2.1", "include")


if __name__ == "__main__":
    unittest.main(verbosity=2)
