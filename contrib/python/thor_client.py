#!/usr/bin/python3
"""A member of a Thor overlay, in Python: joins, announces a presence, subscribes, prints what happens, looks keys up.

Written from the specification of thor.v1 (coordinator/wire/README.md), whose sections the comments name. Needs the
Debian packages python3-websockets, python3-cryptography and python3-xxhash. As a command:

    thor_client.py --certificate n1.crt --key n1.key --ca ca.crt --server es1.example.net:8000 \\
                   --role sip_proxy --topic Thor.Presence --topic Thor.Leave --topic Thor.Members

joins as the certificate's id and prints each verified message as one line of JSON; SIGINT or SIGTERM leaves. Without
--role it only listens. With --lookup sip_proxy alice@example.com it prints which nodes are responsible, and ends. As a module:

    credentials = Credentials("n1.crt", "n1.key", "ca.crt")
    async with Client(credentials, ["es1.example.net:8000"], ["Thor.Members"]) as client:
        await client.announce({"sip_proxy": {}}, ["192.0.2.11"])
        await client.synced()
        print(client.lookup("sip_proxy", "alice@example.com")[0]["addresses"])
        async for message in client:
            print(client.view.members)
"""

import argparse
import asyncio
import base64
import contextlib
import datetime
import json
import logging
import random
import signal
import ssl
import sys
import time

import websockets
import xxhash
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from thor_lookup import Ring

SUBPROTOCOL = "thor.v1"
TOPICS = ("Thor.Presence", "Thor.Leave", "Thor.Members", "Thor.Statistics")
FRAME_OCTETS_MAX = 4 << 20
HEARTBEATS_MISSED_S = 3
EPOCH_LEAD_MAX_S = 3600
REPLACED = 4000  # close code, section 12

log = logging.getLogger("thor")


class Untrusted(Exception):
    """A certificate or a signature does not hold."""


class Replaced(Exception):
    """A newer process of our id is at work: do not come back without a person (section 8)."""


class OutOfStep(Exception):
    """What we hold differs from what the event server holds, or a status is missing: connect again."""


# ---- certificates and signatures, sections 2 and 7

class Holder:
    """Who a certificate says its holder is."""

    def __init__(self, certificate):
        def values(oid):
            return [attribute.value for attribute in certificate.subject.get_attributes_for_oid(oid)]
        domains, ids = values(NameOID.ORGANIZATION_NAME), values(NameOID.COMMON_NAME)
        if len(domains) != 1 or len(ids) != 1:
            raise Untrusted("a certificate of the overlay has one O and one CN")
        self.domain = domains[0].lower()
        self.id = ids[0]
        self.roles = frozenset(values(NameOID.ORGANIZATIONAL_UNIT_NAME))


def verify(key, signature, octets):
    """Raises Untrusted unless `signature` over `octets` is by `key`."""
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, octets)
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            key.verify(signature, octets, ec.ECDSA(hashes.SHA256()))
        else:
            raise Untrusted("a key is ECDSA P-256 or Ed25519")
    except InvalidSignature:
        raise Untrusted("a signature does not verify") from None


def signed_octets(topic, body):
    return f"{SUBPROTOCOL}\n{topic}\n{body}".encode()


class Credentials:
    """Our certificate and key, and whom we trust: the operator's CA and its revocation list."""

    def __init__(self, certificate, key, ca, crl=None):
        self.certificate = x509.load_pem_x509_certificate(_read(certificate))
        self.key = serialization.load_pem_private_key(_read(key), None)
        # While one CA replaces the other there are two in the file, and two lists in the other.
        self.authorities = _read_all(ca, b"-----END CERTIFICATE-----", x509.load_pem_x509_certificate)
        self.revoked = _read_all(crl, b"-----END X509 CRL-----", x509.load_pem_x509_crl) if crl else []
        self.self = Holder(self.certificate)
        self.der = self.certificate.public_bytes(serialization.Encoding.DER)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_3
        self.tls.check_hostname = False  # the subject counts, see check_server()
        self.tls.load_cert_chain(certificate, key)
        self.tls.load_verify_locations(ca)
        if crl:
            self.tls.load_verify_locations(crl)
            self.tls.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF

    def sign(self, octets):
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(octets)
        return self.key.sign(octets, ec.ECDSA(hashes.SHA256()))

    def check_server(self, der):
        """The other end of a verified TLS connection is an event server of our domain."""
        server = Holder(x509.load_der_x509_certificate(der))
        if server.domain != self.self.domain or "thor_eventserver" not in server.roles:
            raise Untrusted(f"{server.id} is no event server of {self.self.domain}")

    def check_certificate(self, der):
        """The holder of a certificate of our CA and domain, in the profile, valid now and not revoked."""
        try:
            certificate = x509.load_der_x509_certificate(der)
            usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
            purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except (ValueError, x509.ExtensionNotFound) as wrong:
            raise Untrusted(f"not a certificate of the overlay: {wrong}") from None
        issuers = [ca for ca in self.authorities if ca.subject == certificate.issuer]
        for issuer in issuers:
            with contextlib.suppress(Untrusted):
                verify(issuer.public_key(), certificate.signature, certificate.tbs_certificate_bytes)
                break
        else:
            raise Untrusted("a certificate is not of the operator's CA")
        now = datetime.datetime.utcnow()
        if not certificate.not_valid_before <= now <= certificate.not_valid_after:
            raise Untrusted("a certificate has expired or is not valid yet")
        if any(listed.issuer == certificate.issuer and listed.get_revoked_certificate_by_serial_number(certificate.serial_number)
               for listed in self.revoked):
            raise Untrusted("a certificate was revoked")
        if not usage.digital_signature or ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
            raise Untrusted("a certificate is outside the profile")
        holder = Holder(certificate)
        if holder.domain != self.self.domain:
            raise Untrusted(f"{holder.id} is of another overlay, {holder.domain}")
        return holder, certificate.public_key()

    def check_event(self, event):
        """The author and the parsed body of an event whose author may say it, or Untrusted."""
        topic, text = event["topic"], event["body"]
        author, key = self.check_certificate(base64.b64decode(event["certificate"], validate=True))
        verify(key, base64.b64decode(event["signature"], validate=True), signed_octets(topic, text))
        body = json.loads(text)
        if topic == "Thor.Members":
            if "thor_manager" not in author.roles:
                raise Untrusted(f"{author.id} is no manager")
        elif body["id"] != author.id or not author.roles.issuperset(body.get("roles", ())):
            raise Untrusted(f"{author.id} speaks for another, or claims a role it may not take")
        return author, body


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def _read_all(path, end, load):
    """All that a PEM file holds of one kind, whose parts end with `end`."""
    return [load(part + end) for part in _read(path).split(end)[:-1]]


# ---- what a consumer holds

def digest(versions):
    """Of a set of members, as id -> (incarnation, sequence): section 5, heartbeat."""
    total = 0
    for node, (incarnation, sequence) in versions.items():
        total ^= xxhash.xxh64(f"{node} {incarnation} {sequence}".encode(), seed=0).intdigest()
    return f"{total:016x}"


class Table:
    """What one event server told of its connections: section 9."""

    def __init__(self):
        self.facts = {}

    def on_fact(self, fact):
        self.facts[fact["id"]] = fact

    def on_leave(self, leave):
        known = self.facts.get(leave["id"])
        if known and _version(known) < _version(leave):
            del self.facts[leave["id"]]

    def check(self, heartbeat):
        live = {node: _version(fact) for node, fact in self.facts.items() if fact["state"] in ("connected", "late")}
        if len(live) != heartbeat["members"] or digest(live) != heartbeat["digest"]:
            raise OutOfStep(f"we know {len(live)} connected members, the event server {heartbeat['members']}")


def _version(holder):
    return holder["incarnation"], holder["sequence"]


class View:
    """The network status: section 10."""

    def __init__(self):
        self.known = False
        self.epoch = (0, "")
        self.sequence = 0
        self.serial = 0
        self.members = {}

    def fold(self, status):
        """True when the view has changed."""
        kind, sequence = status["kind"], status["sequence"]
        epoch = (status["epoch"]["counter"], status["epoch"]["manager"].encode())
        if epoch < self.epoch:
            return False
        if epoch > self.epoch and epoch[0] > time.time() + EPOCH_LEAD_MAX_S:
            log.error("a status of the future is refused: is the clock of %s right?", status["epoch"]["manager"])
            return False
        if kind == "full":
            return self._replace(epoch, sequence, status)
        if kind == "delta" and epoch == self.epoch and sequence == self.sequence:
            return False
        expected = self.sequence + (kind == "delta")
        if not self.known or epoch != self.epoch or sequence > expected:
            raise OutOfStep(f"a {kind} at {sequence} does not continue {self.sequence}")
        if sequence < expected:
            return False
        if kind == "delta":
            return self._change(sequence, status)
        if status["serial"] != self.serial or status["digest"] != digest(
                {node: _version(member) for node, member in self.members.items()}):
            raise OutOfStep("the manager's members are others than ours")
        return False

    def _replace(self, epoch, sequence, status):
        if (epoch, sequence) < (self.epoch, self.sequence):
            return False
        self.known = True
        self.epoch, self.sequence, self.serial = epoch, sequence, status["serial"]
        self.members = {member["id"]: member for member in status["members"]}
        return True

    def _change(self, sequence, status):
        for removal in status["removals"]:
            self.members.pop(removal["id"], None)
        for member in status["upserts"]:
            self.members[member["id"]] = member
        self.sequence, self.serial = sequence, status["serial"]
        return True


# ---- connections

class Link:
    """The connection to one event server, made again whenever it ends."""

    def __init__(self, client, server):
        self.client = client
        self.server = server
        self.socket = None  # while welcome

    async def run(self):
        tries = 0
        while True:
            began = time.monotonic()
            try:
                await self._connection()
            except (OSError, asyncio.TimeoutError, websockets.WebSocketException, Untrusted, OutOfStep) as failure:
                log.warning("%s: %s", self.server, failure or type(failure).__name__)
            finally:
                self.socket = None
            tries = 0 if time.monotonic() - began > 10 else tries + 1
            await asyncio.sleep(min(0.1 * 2 ** max(tries - 1, 0), 5) * random.uniform(0.5, 1.5))

    async def _connection(self):
        credentials = self.client.credentials
        async with websockets.connect(f"wss://{self.server}/", ssl=credentials.tls, subprotocols=[SUBPROTOCOL],
                                      compression=None, max_size=FRAME_OCTETS_MAX, open_timeout=5, close_timeout=2,
                                      ping_interval=None) as socket:
            if socket.subprotocol != SUBPROTOCOL:
                raise Untrusted("it does not speak thor.v1")
            tls = socket.transport.get_extra_info("ssl_object")
            credentials.check_server(tls.getpeercert(binary_form=True))
            await self._say(socket, type="hello", incarnation=self.client.incarnation, software=self.client.software)
            welcome = await self._hear(socket)
            if welcome.get("type") == "refused":
                welcome = await self._refused(socket, welcome)
            self.client.tell(self.server, welcome)
            if self.client.topics:
                await self._say(socket, type="subscribe", topics=list(self.client.topics))
            if self.client.presence:
                await socket.send(self.client.presence)
            self.socket = socket
            renewing = asyncio.create_task(self._renew(socket, welcome["renew_ms"] / 1000))
            try:
                await self._follow(socket)
            finally:
                renewing.cancel()

    async def _follow(self, socket):
        table = Table()
        while True:
            message = await self._hear(socket)
            if message["type"] == "event":
                self._on_event(table, message)
            elif message["type"] == "fact":
                table.on_fact(message)
                self.client.tell(self.server, message)
            elif message["type"] == "heartbeat" and {"Thor.Presence", "Thor.Leave"} <= set(self.client.topics):
                table.check(message)
                self.client.tell(self.server, message)
            elif message["type"] in ("heartbeat", "synced", "refused"):
                if message["type"] == "synced" and message["topic"] == "Thor.Members":
                    self.client.on_retained()
                self.client.tell(self.server, message)

    def _on_event(self, table, event):
        # The table is about what this server said, whether or not its author is believed: so the digests agree.
        if event["topic"] == "Thor.Presence":
            table.on_fact(event["fact"])
        elif event["topic"] == "Thor.Leave":
            table.on_leave(json.loads(event["body"]))
        try:
            author, body = self.client.credentials.check_event(event)
        except (Untrusted, ValueError, KeyError, TypeError, AttributeError) as wrong:
            log.error("%s: an event of %s is dropped: %s", self.server, event["topic"], wrong)
            return
        if event["topic"] == "Thor.Members":
            self.client.on_status(body)
        shown = {"type": "event", "topic": event["topic"], "author": author.id, "body": body}
        if event["topic"] == "Thor.Presence":
            shown["fact"] = event["fact"]
        self.client.tell(self.server, shown)

    async def _renew(self, socket, every_s):
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await asyncio.sleep(every_s)
                if self.client.version:
                    incarnation, sequence = self.client.version
                    await self._say(socket, type="renew", incarnation=incarnation, sequence=sequence)

    async def _hear(self, socket):
        try:
            async with asyncio.timeout(HEARTBEATS_MISSED_S):  # wait_for() may lose that we were cancelled
                return json.loads(await socket.recv())
        except websockets.ConnectionClosed as closed:
            if closed.rcvd and closed.rcvd.code == REPLACED:
                raise Replaced(f"{self.server}: {closed.rcvd.reason}") from None
            raise

    async def _refused(self, socket, refused):
        """Refused instead of welcome: the close code that follows says what to do."""
        self.client.tell(self.server, refused)
        await self._hear(socket)
        raise Untrusted(f"refused: {refused['reason']}")

    @staticmethod
    async def _say(socket, **message):
        await socket.send(json.dumps(message))


class Client:
    """Our membership: a connection to each event server, one presence, one view. Iterate it for the messages."""

    def __init__(self, credentials, servers, topics=TOPICS, incarnation=0, software="thor_client.py"):
        self.credentials = credentials
        self.topics = tuple(topics)
        self.incarnation = incarnation
        self.software = software
        self.view = View()
        self.version = None
        self.presence = None  # the signed frame, sent again on each new connection
        self.links = [Link(self, server) for server in servers]
        self._messages = asyncio.Queue()
        self._tasks = []
        self._retained = False  # an event server has sent all that it keeps of Thor.Members
        self._synced = asyncio.Event()

    async def __aenter__(self):
        self._tasks = [asyncio.create_task(link.run()) for link in self.links]
        for task in self._tasks:
            task.add_done_callback(self._on_end)
        return self

    async def __aexit__(self, *_):
        if self.version and not self._is_replaced():
            await self.leave()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def __aiter__(self):
        return self

    async def __anext__(self):
        message = await self._messages.get()
        if isinstance(message, Exception):
            raise message
        return message

    def tell(self, server, message):
        self._messages.put_nowait({"via": server, **message})

    def on_status(self, status):
        self.view.fold(status)
        self._check_synced()

    def on_retained(self):
        self._retained = True
        self._check_synced()

    def _check_synced(self):
        if self._retained and self.view.known:
            self._synced.set()

    async def synced(self):
        """Returns when the members are known; needs the topic Thor.Members."""
        await self._synced.wait()

    def lookup(self, role, key, count=1, fresh=False):
        """The members responsible for a key, the home first: what libthor, thor-lookup and DNS say. `fresh`: for a new key."""
        members = self.view.members
        return [members[node] for node in Ring.of_members(members, role).order(key, fresh)[:count]]

    async def announce(self, roles, addresses, **more):
        """Says, or says anew, what we are. `roles`: name -> offer. `more`: site, software, attributes."""
        if self.incarnation == 0:
            raise ValueError("a client that announces needs an incarnation, see next_incarnation()")
        body = self._next_version() | {"addresses": list(addresses), "roles": roles, **more}
        self.presence = self._signed("Thor.Presence", body)
        await self._send_to_all(self.presence)

    async def leave(self, hold_ms=0):
        frame = self._signed("Thor.Leave", self._next_version() | {"hold_ms": hold_ms})
        self.version = self.presence = None
        await self._send_to_all(frame)

    async def publish(self, topic, body):
        await self._send_to_all(self._signed(topic, body))

    def _next_version(self):
        self.version = (self.incarnation, self.version[1] + 1 if self.version else 1)
        return {"id": self.credentials.self.id, "incarnation": self.version[0], "sequence": self.version[1]}

    def _signed(self, topic, body):
        text = json.dumps(body, separators=(",", ":"))
        return json.dumps({"type": "publish", "topic": topic, "body": text,
                           "signature": base64.b64encode(self.credentials.sign(signed_octets(topic, text))).decode(),
                           "certificate": base64.b64encode(self.credentials.der).decode()})

    async def _send_to_all(self, frame):
        for link in self.links:
            if link.socket:
                with contextlib.suppress(websockets.ConnectionClosed):
                    await link.socket.send(frame)

    def _is_replaced(self):
        return any(task.done() for task in self._tasks)

    def _on_end(self, task):
        """A link ends by itself only for good: the others end with it."""
        if task.cancelled():
            return
        for other in self._tasks:
            other.cancel()
        self._messages.put_nowait(task.exception())


def next_incarnation(path):
    """Greater than the last one kept in the file at `path`, by convention unix time in milliseconds (section 1)."""
    last = 0
    with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:
        last = int(file.read())
    incarnation = max(last + 1, int(time.time() * 1000))
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{incarnation}\n")
    return incarnation


# ---- the command

async def _main(options):
    credentials = Credentials(options.certificate, options.key, options.ca, options.crl)
    incarnation = 0
    if options.role:
        incarnation = next_incarnation(options.incarnation_file) if options.incarnation_file else int(time.time() * 1000)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with Client(credentials, options.server, options.topic or TOPICS, incarnation) as client:
        if options.role:
            await client.announce({role: {} for role in options.role}, options.address)
        stopping = asyncio.create_task(stopped.wait())
        printing = asyncio.create_task(_look_up(client, options.lookup) if options.lookup else _print(client))
        await asyncio.wait({stopping, printing}, return_when=asyncio.FIRST_COMPLETED)
        printing.cancel()
        if printing.done():
            printing.result()


async def _look_up(client, questions):
    await client.synced()
    for role, key in questions:
        print(json.dumps({"role": role, "key": key, "nodes": client.lookup(role, key, count=3)}), flush=True)


async def _print(client):
    async for message in client:
        print(json.dumps(message), flush=True)


def main():
    parser = argparse.ArgumentParser(description="Joins a Thor overlay and prints what happens, a JSON object a line.")
    parser.add_argument("--certificate", required=True, metavar="FILE", help="our certificate, PEM")
    parser.add_argument("--key", required=True, metavar="FILE", help="its private key, PEM")
    parser.add_argument("--ca", required=True, metavar="FILE", help="the operator's CA, PEM; one or two certificates")
    parser.add_argument("--crl", metavar="FILE", help="the CA's revocation list, PEM")
    parser.add_argument("--server", required=True, action="append", metavar="HOST:PORT", help="an event server; may be repeated")
    parser.add_argument("--topic", action="append", choices=TOPICS, help="subscribe; may be repeated (default: all)")
    parser.add_argument("--role", action="append", metavar="ROLE", help="announce this role; may be repeated")
    parser.add_argument("--address", action="append", metavar="IP", help="announce this address; may be repeated")
    parser.add_argument("--lookup", action="append", nargs=2, metavar=("ROLE", "KEY"),
                        help="print which nodes are responsible, the home first, and end; may be repeated")
    parser.add_argument("--incarnation-file", metavar="FILE", help="where the last incarnation is kept")
    options = parser.parse_args()
    if bool(options.role) != bool(options.address):
        parser.error("--role and --address go together")
    if options.lookup and "Thor.Members" not in (options.topic or TOPICS):
        parser.error("--lookup needs the topic Thor.Members")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(message)s")
    try:
        asyncio.run(_main(options))
    except Replaced as gone:
        sys.exit(f"replaced by a newer process of our id: {gone}")


if __name__ == "__main__":
    main()
