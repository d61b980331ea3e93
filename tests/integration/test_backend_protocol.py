"""The remote backend against a real PowerDNS with the shipped configurations, and against bad input.

static_backend (tests/support) serves a synthetic zone with thor-dns's own code; no overlay is needed.
"""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import pwd
import random
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import dns.edns
import dns.exception
import dns.message
import dns.query

from overlay import READY_S, wait_until
from staticbackend import TOKEN, StaticBackend, loopback, start_pdns

ZONE = "sip.example.com"
MEMBERS = 10
SLICE = 8
STATIC_RECORDS = 9      # SOA, 2 NS, 3 NAPTR, 2 addresses, 1 TXT
RECORDS_PER_MEMBER = 8  # 3 SRV and 2 addresses of the role, 2 addresses and 1 TXT of its own

# Limits of backend/serve/limits.hpp.
HEADER_MAX = 8 * 1024
BODY_MAX = 1024 * 1024
CONNECTIONS_MAX = 512
REQUEST_TIME_MAX_S = 5

SOA_QUESTION = json.dumps({"method": "lookup", "parameters": {"qname": f"{ZONE}.", "qtype": "SOA", "zone-id": -1}})


@contextlib.contextmanager
def good_clients_served(backend):
    """While the body runs, a client of each connector asks without pause, and every answer must be right."""
    done = threading.Event()
    right = {"http": 0, "unix": 0}
    wrong = []

    def check(kind, text):
        if json.loads(text)["result"][0]["qtype"] != "SOA":
            raise AssertionError(text)
        right[kind] += 1

    def over_http():
        with contextlib.closing(backend.http_connection()) as connection:
            while not done.is_set():
                connection.request("POST", f"/{TOKEN}/", SOA_QUESTION)
                check("http", connection.getresponse().read())
                time.sleep(0.001)

    def over_unix():
        with backend.unix_socket() as client, client.makefile("rb") as replies:
            while not done.is_set():
                client.sendall(SOA_QUESTION.encode() + b"\n")
                check("unix", replies.readline())
                time.sleep(0.001)

    def guarded(client):
        try:
            client()
        except Exception as problem:  # pylint: disable=broad-except
            wrong.append(f"{client.__name__}: {problem!r}")

    threads = [threading.Thread(target=guarded, args=(client,)) for client in (over_http, over_unix)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: wrong or min(right.values()) > 0, "both good clients are served")
        yield
        before = dict(right)
        wait_until(lambda: wrong or all(right[kind] > before[kind] for kind in right), "both good clients are still served")
    finally:
        done.set()
        for thread in threads:
            thread.join()
    if wrong:
        raise AssertionError(f"a good client was not served: {wrong}")


class Scratch(unittest.TestCase):
    """A directory that others may enter, and a static_backend in it, for all tests of a class."""

    backend_options = ()

    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="thor-backend-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.directory.chmod(0o755)
        cls.backend = StaticBackend(cls.directory, *cls.backend_options)
        cls.addClassCleanup(lambda: cls.backend.kill())  # pylint: disable=unnecessary-lambda


class PowerDns:
    """What a real PowerDNS makes of the answers. Mixed into one test case for each connector."""

    variant = None
    backend_options = ("--members", str(MEMBERS), "--slice", str(SLICE))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pdns, cls.server = start_pdns(cls.backend, cls.directory, cls.variant, ZONE)
        cls.addClassCleanup(cls.pdns.kill)

    def setUp(self):
        self.change(f"members {MEMBERS}")

    def change(self, line):
        """Has the backend change its zone, and PowerDNS forget the old one."""
        self.backend.command(line)
        self.control("purge")

    def control(self, *words):
        done = subprocess.run(["/usr/bin/pdns_control", f"--socket-dir={self.directory}", *words],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done)
        return done.stdout.strip()

    def texts(self, relative, rdtype):
        answer = self.server.ask(f"{relative}{ZONE}", rdtype)
        self.assertEqual(answer.rcode, "NOERROR", f"{relative} {rdtype}")
        self.assertTrue(answer.authoritative)
        return answer.texts(rdtype)

    def assert_no_transfer(self):
        """PowerDNS tells the client, or cuts the connection: never the end that makes a transfer whole."""
        with self.assertRaises((dns.exception.DNSException, EOFError)):
            self.transfer()

    def transfer(self):
        return [record for message in dns.query.xfr(loopback(), ZONE, port=self.server.port, timeout=READY_S, lifetime=READY_S)
                for rrset in message.answer for record in rrset]

    def test_records(self):
        self.assertEqual(self.texts("", "NAPTR"), {f'10 100 "s" "SIPS+D2T" "" _sips._tcp.{ZONE}.',
                                                   f'20 100 "s" "SIP+D2T" "" _sip._tcp.{ZONE}.',
                                                   f'30 100 "s" "SIP+D2U" "" _sip._udp.{ZONE}.'})
        self.assertEqual(self.texts("", "NS"), {f"ns1.{ZONE}.", f"ns2.{ZONE}."})
        self.assertRegex(self.texts("", "SOA").pop(), rf"^ns1\.{ZONE}\. hostmaster\.{ZONE}\. \d+ 3600 600 1209600 15$")
        self.assertEqual(self.texts("n3.node.", "A"), {"10.0.0.3"})
        self.assertEqual(self.texts("n3.node.", "AAAA"), {"2001:db8:1::3"})
        self.assertEqual(self.texts("xcap.", "TXT"), {f'"https://xcap.{ZONE}./xcap-root"'})

    def test_a_large_role_is_sliced(self):
        every = {f"10 100 5060 n{member}.node.{ZONE}." for member in range(MEMBERS)}
        seen = set()

        def all_members_seen():
            got = self.texts("_sip._udp.", "SRV")
            self.assertEqual(len(got), SLICE)
            self.assertLessEqual(got, every)
            seen.update(got)
            return seen == every
        wait_until(all_members_seen, "every member was handed out", every_s=0.2)
        self.assertEqual(len(self.texts("proxy.", "A")), SLICE)

    def test_clients_may_write_names_in_any_case(self):
        for _ in range(10):
            name = "".join(random.choice((c.lower(), c.upper())) for c in f"n1.node.{ZONE}")
            answer = self.server.ask(name, "A")
            self.assertEqual(answer.texts("A"), {"10.0.0.1"}, name)
            self.assertEqual(answer.message.answer[0].name.to_text(omit_final_dot=True), name)

    def test_names_without_records_exist(self):
        for relative in ("_udp.", "_tcp.", "node.", "_xcap._tcp."):
            for rdtype in ("A", "SRV", "TXT"):
                self.assertTrue(self.server.ask(f"{relative}{ZONE}", rdtype).nodata, f"{relative} {rdtype}")
        self.assertTrue(self.server.ask(f"n1.node.{ZONE}", "SRV").nodata)

    def test_other_names_do_not(self):
        for relative in ("nobody.", "n99.node.", "a.b.n1.node.", "*.", "_sip._sctp."):
            self.assertEqual(self.server.ask(f"{relative}{ZONE}", "A").rcode, "NXDOMAIN", relative)
        self.assertEqual(self.server.ask("elsewhere.example.org", "A").rcode, "REFUSED")

    def test_transfer(self):
        # The SOA comes twice: first and last.
        self.assertEqual(len(self.transfer()), STATIC_RECORDS + RECORDS_PER_MEMBER * MEMBERS + 1)

    def test_unknown_members(self):
        self.change("unknown")
        for relative, rdtype in (("_sip._udp.", "SRV"), ("proxy.", "A"), ("n1.node.", "A"), ("n1.node.", "TXT")):
            self.assertEqual(self.server.ask(f"{relative}{ZONE}", rdtype).rcode, "SERVFAIL", f"{relative} {rdtype}")
        self.assertTrue(self.texts("", "NAPTR"))
        self.assertTrue(self.texts("xcap.", "TXT"))
        self.assertTrue(self.server.ask(f"_udp.{ZONE}", "A").nodata)
        self.assertEqual(self.server.ask(f"nobody.{ZONE}", "A").rcode, "NXDOMAIN")
        self.assert_no_transfer()
        self.change(f"members {MEMBERS}")
        self.assertTrue(self.texts("n1.node.", "A"))

    def test_nothing_is_ready(self):
        before = self.backend.counters()["not_ready"]
        self.change("nothing")
        for relative in ("", "_sip._udp.", "nobody."):
            self.assertEqual(self.server.ask(f"{relative}{ZONE}", "SRV").rcode, "SERVFAIL", relative)
        # Zones that are not listed now must not become REFUSED: PowerDNS keeps the list it had.
        self.control("rediscover")
        time.sleep(1)
        self.assertEqual(self.server.ask(ZONE, "SOA").rcode, "SERVFAIL")
        self.assertGreater(self.backend.counters()["not_ready"], before)
        self.change(f"members {MEMBERS}")
        self.assertTrue(self.texts("", "SOA"))

    def test_the_backend_dies_and_comes_back(self):
        self.backend.kill()
        self.control("purge")
        for relative in ("", "n1.node.", "nobody."):
            self.assertEqual(self.server.ask(f"{relative}{ZONE}", "A").rcode, "SERVFAIL", relative)
        self.backend.start()
        # Each of PowerDNS's threads may find its old connection broken once.
        answers = [wait_until(lambda: (got := self.server.ask(f"n1.node.{ZONE}", "A")).rcode != "SERVFAIL" and got, "it answers")
                   for _ in range(5)]
        self.assertEqual([answer.texts("A") for answer in answers], [{"10.0.0.1"}] * 5)

    def test_a_lost_purge_is_made_up_for(self):
        self.assertEqual(self.server.ask(f"n10.node.{ZONE}", "A").rcode, "NXDOMAIN")
        self.backend.command(f"members {MEMBERS + 1}")
        changed, _ = self.server.watch(f"n10.node.{ZONE}", "A", lambda answer: answer.rcode == "NOERROR", READY_S)
        self.assertIsNotNone(changed)

    def test_powerdns_s_own_tools(self):
        tool = ["/usr/bin/pdnsutil", f"--config-dir={self.directory}"]
        zones = subprocess.run([*tool, "list-all-zones"], capture_output=True, text=True, check=False)
        self.assertIn(ZONE, zones.stdout.split())
        check = subprocess.run([*tool, "check-zone", ZONE], capture_output=True, text=True, check=False)
        self.assertIn("0 errors", check.stdout, check)
        before = self.backend.refused("unsupported")
        write = subprocess.run([*tool, "add-record", ZONE, "new", "A", "192.0.2.1"], capture_output=True, text=True, check=False)
        self.assertNotEqual(write.returncode, 0, write)
        self.assertGreater(self.backend.refused("unsupported"), before)


class OverHttp(PowerDns, Scratch):
    variant = "http"

    def test_a_large_transfer(self):
        members = 4000
        self.change(f"members {members}")
        self.assertEqual(len(self.transfer()), STATIC_RECORDS + RECORDS_PER_MEMBER * members + 1)


class OverUnix(PowerDns, Scratch):
    variant = "unix"

    def test_a_transfer_that_powerdns_cannot_read_is_refused_at_once(self):
        self.change("members 600")
        self.assert_no_transfer()
        self.assertGreater(self.backend.refused("too_large"), 0)
        self.assertIn("more than PowerDNS reads over its Unix connector", self.backend.log.read_text())


class OtherForms(Scratch):
    """The HTTP forms that are read and not shipped: `post`, and REST."""

    backend_options = ("--members", str(MEMBERS), "--sites", "2")

    def check_form(self, connection_string):
        with tempfile.TemporaryDirectory(dir=self.directory) as name:
            home = pathlib.Path(name)
            pdns, server = start_pdns(self.backend, home, "http", ZONE,
                                      {"remote-connection-string": connection_string, "edns-subnet-processing": "yes"})
            try:
                self.assertEqual(server.ask(f"N1.node.{ZONE}", "A").texts("A"), {"10.0.0.1"})
                self.assertEqual(len(server.ask(ZONE, "NAPTR").texts("NAPTR")), 3)
                self.assertTrue(server.ask(f"_udp.{ZONE}", "A").nodata)
                self.assertEqual(server.ask(f"nobody.{ZONE}", "A").rcode, "NXDOMAIN")
                for site, network in ((1, "10.1.0.0"), (2, "10.2.0.0")):
                    query = dns.message.make_query(f"_sip._udp.{ZONE}", "SRV", use_edns=0, options=[dns.edns.ECSOption(network, 16)])
                    answer = dns.query.udp(query, server.address, port=server.port, timeout=READY_S).answer[0]
                    self.assertEqual({int(str(record.target)[1:].split(".")[0]) % 2 + 1 for record in answer if record.priority == 10}, {site})
                records = [record for message in dns.query.xfr(loopback(), ZONE, port=server.port, timeout=READY_S)
                           for rrset in message.answer for record in rrset]
                self.assertEqual(len(records), STATIC_RECORDS + RECORDS_PER_MEMBER * MEMBERS + 1)
            finally:
                pdns.kill()

    def test_post(self):
        self.check_form(f"http:url=http://{self.backend.http}/{TOKEN}/,post=1")

    def test_rest(self):
        self.check_form(f"http:url=http://{self.backend.http}/{TOKEN}/")
        self.check_form(f"http:url=http://{self.backend.http}/{TOKEN}")


class BadInput(Scratch):
    """Each kind is refused clearly and counted, and nobody else notices."""

    @contextlib.contextmanager
    def refused(self, reason, times=1):
        before = self.backend.refused(reason)
        with good_clients_served(self.backend):
            yield
            wait_until(lambda: self.backend.refused(reason) - before >= times, f"{times} counted as {reason}")
        self.assertEqual(self.backend.refused(reason) - before, times, reason)

    def tearDown(self):
        self.assertNotIn(TOKEN, self.backend.log.read_text())

    def assert_error(self, reply):
        self.assertIn("error", reply)
        self.assertNotIn("result", reply)

    def test_malformed_json(self):
        broken = ('{"method":', "<html>", "", "{}{}", '{"method":"lookup","method":"list"}', "[" * 1000, '"\\ud800"')
        with self.refused("bad_json", 2 * len(broken)):
            for text in broken:
                status, reply = self.backend.post(text)
                self.assertEqual(status, 400, text)
                self.assert_error(reply)
            for reply in self.backend.ask_unix(*broken):
                self.assert_error(reply)

    def test_wrong_types(self):
        wrong = ("[]", "7", '{"method":7}', '{"parameters":{}}', '{"method":"lookup","parameters":[]}',
                 '{"method":"lookup","parameters":{"qname":["a."],"qtype":"A"}}',
                 '{"method":"lookup","parameters":{"qname":"a..b.","qtype":"A"}}',
                 '{"method":"lookup","parameters":{"qname":"a.","qtype":"A","zone-id":"1"}}',
                 '{"method":"list","parameters":{"zonename":true}}', '{"method":"getDomainInfo"}')
        with self.refused("bad_request", 2 * len(wrong)):
            for text in wrong:
                status, reply = self.backend.post(text)
                self.assertEqual(status, 400, text)
                self.assert_error(reply)
            for reply in self.backend.ask_unix(*wrong):
                self.assert_error(reply)

    def test_unknown_methods(self):
        with self.refused("unsupported", 4):
            for method in ("setFresh", "noSuchThing"):
                text = json.dumps({"method": method, "parameters": {"domain_id": 1}})
                for reply in (self.backend.post(text)[1], *self.backend.ask_unix(text)):
                    self.assertIs(reply["result"], False)
                    self.assertIn(method, reply["log"][0])

    def test_missing_token(self):
        paths = ("/", f"/{TOKEN[:-1]}", f"/{TOKEN}0/", f"/{'0' * len(TOKEN)}/", f"/lookup/{ZONE}/SOA", f"//{TOKEN}/")
        with self.refused("wrong_token", len(paths)):
            for path in paths:
                status, reply = self.backend.post(SOA_QUESTION, path)
                self.assertEqual(status, 404, path)
                self.assert_error(reply)

    def test_wrong_urls_and_verbs(self):
        requests = (("GET", f"/{TOKEN}"), ("OPTIONS", f"/{TOKEN}/lookup/{ZONE}/SOA"), ("GET", f"/{TOKEN}/lookup/{ZONE}"),
                    ("POST", f"/{TOKEN}/%zz"))
        with self.refused("bad_target", len(requests)):
            for method, path in requests:
                status, reply = self.backend.post("", path, method)
                self.assertEqual(status, 400, path)
                self.assert_error(reply)

    def test_rest_writes(self):
        with self.refused("unsupported", 2):
            broken = self.backend.post("1&rr[qname]=a%2e", f"/{TOKEN}/feedRecord/7", "PATCH")[1]
            self.assertIs(broken["result"], False)
            self.assertIn("post_json=1", broken["log"][0])
            self.assertIs(self.backend.post("", f"/{TOKEN}/deleteTSIGKey/a%2e", "DELETE")[1]["result"], False)

    def test_not_http(self):
        with self.refused("bad_http", 2):
            for octets in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
                with self.backend.http_socket() as client:
                    client.sendall(octets)
                    self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 400 "))

    def test_long_urls_headers_and_bodies(self):
        with self.refused("header_too_long", 2):
            self.assertEqual(self.backend.post("", f"/{TOKEN}/{'a' * HEADER_MAX}")[0], 431)
            self.assertEqual(self.backend.post(SOA_QUESTION, headers={"X-Long": "a" * HEADER_MAX})[0], 431)
        with self.refused("body_too_long", 2):
            self.assertEqual(self.backend.post(" " * (BODY_MAX + 1))[0], 413)
            with self.backend.http_socket() as client:  # announced and never sent
                client.sendall(f"POST /{TOKEN}/ HTTP/1.1\r\nContent-Length: 1000000000000\r\n\r\n".encode())
                self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 413 "))

    def test_long_lines(self):
        with self.refused("line_too_long", 2):
            first, second, third = self.backend.ask_unix("x" * (BODY_MAX + 1), SOA_QUESTION, "y" * 10 * BODY_MAX)
            self.assert_error(first)
            self.assertEqual(second["result"][0]["qtype"], "SOA")
            self.assert_error(third)

    def test_slow_clients(self):
        def closed_after(octets, least_s, most_s):
            """Sends `octets`, reads nothing for a while, and wants the connection gone."""
            with self.backend.http_socket() as client:
                begin = time.monotonic()
                client.sendall(octets)
                client.settimeout(most_s)
                try:
                    self.assertEqual(client.recv(1), b"")
                except ConnectionResetError:
                    pass
                self.assertGreater(time.monotonic() - begin, least_s)

        def dripping():
            with self.backend.http_socket() as client:
                with self.assertRaises(OSError):
                    for octet in b"POST / HTTP/1.1\r\nX-Slow: " + b"a" * 200:
                        client.sendall(bytes([octet]))
                        time.sleep(0.1)

        self.backend.command("members 20000")
        self.addCleanup(self.backend.command, f"members {MEMBERS}")
        question = json.dumps({"method": "list", "parameters": {"zonename": f"{ZONE}."}})
        least, most = REQUEST_TIME_MAX_S - 1, READY_S
        with self.backend.http_socket() as never_reading, self.refused("slow_client", 5), \
                concurrent.futures.ThreadPoolExecutor() as pool:
            never_reading.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            never_reading.sendall(f"POST /{TOKEN}/ HTTP/1.1\r\nContent-Length: {len(question)}\r\n\r\n{question}".encode())
            clients = [pool.submit(closed_after, octets, least, most) for octets in (
                b"", b"POST /", f"POST /{TOKEN}/ HTTP/1.1\r\nContent-Length: 100\r\n\r\n{{".encode())]
            for client in (*clients, pool.submit(dripping)):
                client.result()

    def test_a_half_line_on_the_unix_socket_waits_for_its_other_half(self):
        with good_clients_served(self.backend), self.backend.unix_socket() as client, client.makefile("rb") as replies:
            half = len(SOA_QUESTION) // 2
            client.sendall(SOA_QUESTION[:half].encode())
            time.sleep(REQUEST_TIME_MAX_S + 1)
            client.sendall(SOA_QUESTION[half:].encode() + b"\n")
            self.assertEqual(json.loads(replies.readline())["result"][0]["qtype"], "SOA")

    def test_connections_without_a_token_make_room(self):
        extra = 50
        before = self.backend.refused("connection_limit")
        with contextlib.ExitStack() as strangers, good_clients_served(self.backend):
            for _ in range(CONNECTIONS_MAX + extra):
                strangers.enter_context(self.backend.http_socket())
            wait_until(lambda: self.backend.refused("connection_limit") - before >= extra, "strangers made room")
            self.assertEqual(self.backend.post(SOA_QUESTION)[0], 200)
        self.assertLessEqual(self.backend.counters()["http_open"], CONNECTIONS_MAX)

    def test_unix_connections_above_the_limit_are_refused(self):
        with good_clients_served(self.backend), contextlib.ExitStack() as clients:
            before = self.backend.refused("connection_limit")
            for _ in range(CONNECTIONS_MAX + 10):
                clients.enter_context(self.backend.unix_socket())
            wait_until(lambda: self.backend.refused("connection_limit") > before, "the last ones are refused")
        wait_until(lambda: self.backend.counters()["unix_open"] == 0, "the others are gone")
        self.assertIn("result", self.backend.ask_unix(SOA_QUESTION)[0])


class Crowd(Scratch):
    """Many clients, and clients that hang, beside those that want an answer."""

    backend_options = ("--members", "400", "--threads", "2")

    @contextlib.contextmanager
    def prompt_clients(self, worst_s=1):
        """While the body runs, clients of each connector are served, and none waits long for an answer."""
        slowest = {"http": 0.0, "unix": 0.0}
        done = threading.Event()

        def ask(kind, question):
            begin = time.monotonic()
            if b"SOA" not in question():
                raise AssertionError(f"a wrong answer over {kind}")
            slowest[kind] = max(slowest[kind], time.monotonic() - begin)

        def over_http(connection):
            connection.request("POST", f"/{TOKEN}/", SOA_QUESTION)
            return connection.getresponse().read()

        def over_unix(client, replies):
            client.sendall(SOA_QUESTION.encode() + b"\n")
            return replies.readline()

        def prompt():
            with contextlib.closing(self.backend.http_connection()) as connection, self.backend.unix_socket() as client, \
                    client.makefile("rb") as replies:
                while not done.is_set():
                    ask("http", lambda: over_http(connection))
                    ask("unix", lambda: over_unix(client, replies))

        with concurrent.futures.ThreadPoolExecutor() as pool:
            # As many as there are serving threads, whichever those are dealt to.
            clients = [pool.submit(prompt) for _ in range(2)]
            try:
                yield
            finally:
                done.set()
            for client in clients:
                client.result()
        self.assertLess(max(slowest.values()), worst_s, slowest)
        self.assertGreater(min(slowest.values()), 0)

    def test_a_thousand_connections(self):
        with contextlib.ExitStack() as stack, self.prompt_clients():
            over_http = []
            for _ in range(1000):
                # One that shows no token within five seconds is closed.
                connection = stack.enter_context(contextlib.closing(self.backend.http_connection()))
                connection.request("POST", f"/{TOKEN}/", SOA_QUESTION)
                self.assertIn(b"SOA", connection.getresponse().read())
                over_http.append(connection)
            over_unix = [stack.enter_context(self.backend.unix_socket()) for _ in range(1000)]
            for _ in range(2):
                for connection in over_http:
                    connection.request("POST", f"/{TOKEN}/", SOA_QUESTION)
                for client in over_unix:
                    client.sendall(SOA_QUESTION.encode() + b"\n")
                for connection in over_http:
                    self.assertIn(b"SOA", connection.getresponse().read())
                for client in over_unix:
                    self.assertIn(b"SOA", client.recv(65536))
            counters = self.backend.counters()
            self.assertGreaterEqual(counters["http_open"], 1000)
            self.assertGreaterEqual(counters["unix_open"], 1000)
        self.assertEqual(self.backend.refused("connection_limit"), 0)

    def test_a_hung_client_delays_nobody(self):
        question = json.dumps({"method": "list", "parameters": {"zonename": f"{ZONE}."}}).encode()
        request = f"POST /{TOKEN}/ HTTP/1.1\r\nContent-Length: {len(question)}\r\n\r\n".encode() + question
        with contextlib.ExitStack() as hung, self.prompt_clients():
            # In the middle of a request, and, for each thread many times, of a reply that is not read.
            for octets in (b"", request[:20], *[request * 50] * 8):
                client = hung.enter_context(self.backend.http_socket())
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.sendall(octets)
            for octets in (question[:20], *[(question + b"\n") * 50] * 8):
                hung.enter_context(self.backend.unix_socket()).sendall(octets)
            before = self.backend.counters()["requests"]["lookup"]
            wait_until(lambda: self.backend.counters()["requests"]["lookup"] > before + 1000, "a thousand answers beside them")


def connect_as(user, path):
    """What a process of `user` reads from the Unix socket after a question: text, or the error's name."""
    program = ("import os, socket, sys\n"
               "os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1]))\n"
               "client = socket.socket(socket.AF_UNIX)\n"
               "try:\n"
               "    client.connect(sys.argv[3])\n"
               "    try:\n"
               "        client.sendall(sys.argv[4].encode() + b'\\n')\n"
               "    except BrokenPipeError:\n"
               "        pass\n"
               "    print(client.recv(65536).decode())\n"
               "except OSError as problem:\n"
               "    print(type(problem).__name__)\n")
    entry = pwd.getpwnam(user)
    done = subprocess.run([sys.executable, "-c", program, str(entry.pw_uid), str(entry.pw_gid), path, SOA_QUESTION],
                          capture_output=True, text=True, check=True)
    return done.stdout.strip()


@unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
class OtherUsers(Scratch):
    backend_options = ("--unix-user", str(pwd.getpwnam("pdns").pw_uid), "--unix-group", str(pwd.getpwnam("pdns").pw_gid))

    def test_the_mode_keeps_other_users_out(self):
        with good_clients_served(self.backend):
            self.assertEqual(connect_as("nobody", self.backend.path), "PermissionError")

    def test_powerdns_s_user_is_served(self):
        self.assertIn("SOA", connect_as("pdns", self.backend.path))

    def test_other_users_are_refused_even_where_the_mode_lets_them_in(self):
        self.backend.path.chmod(0o666)
        self.addCleanup(self.backend.path.chmod, 0o660)
        before = self.backend.refused("peer")
        with good_clients_served(self.backend):
            self.assertIn("this local user may not use the backend", connect_as("nobody", self.backend.path))
        self.assertEqual(self.backend.refused("peer"), before + 1)
        self.assertIn(f"local user {pwd.getpwnam('nobody').pw_uid} (peer)", self.backend.log.read_text())


class Stopping(Scratch):
    def test_it_ends_cleanly_and_takes_its_socket_along(self):
        self.assertEqual(self.backend.stop(), 0)
        self.assertFalse(self.backend.path.exists())
        self.backend.start()
        self.assertEqual(self.backend.post(SOA_QUESTION)[0], 200)


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    unittest.main(verbosity=2)
