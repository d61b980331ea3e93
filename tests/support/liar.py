"""An event server with a good certificate and bad intentions: it keeps what members publish, passes nothing on, and says what a test tells it to say."""

import asyncio
import base64
import contextlib
import json
import ssl
import threading

import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from overlay import wait_until
from wirepeer import Identity

LEASE_MS = 3000
AGE_MS = 3_600_000  # it has run for long: its word counts
WAIT_S = 20
FRAME_OCTETS_MAX = 4 << 20


def signed(identity, topic, body):
    """The parts of an event, properly signed by `identity`, whatever the body says."""
    text = body if isinstance(body, str) else json.dumps(body)
    key = serialization.load_pem_private_key(identity.key.read_bytes(), None)
    certificate = x509.load_pem_x509_certificate(identity.certificate.read_bytes())
    return {"topic": topic, "body": text,
            "signature": base64.b64encode(key.sign(f"thor.v1\n{topic}\n{text}".encode(), ec.ECDSA(hashes.SHA256()))).decode(),
            "certificate": base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()}


class Liar(threading.Thread):
    """Started before the members, which find it among net.event_servers."""

    def __init__(self, net, name="liar"):
        super().__init__(daemon=True)
        self.name, self.net = name, net
        self.identity = Identity.issue(net, name, ["thor_eventserver"])
        self.where = f"{net.address}:{net.free_port()}"
        self.links = {}      # by the id of a member
        self.topics = {}     # that it subscribed to
        self.published = []  # (id, topic, the parts of an event)
        self.loop, self.ending = None, None
        self.listening = threading.Event()
        self.start()
        self.listening.wait(WAIT_S)
        net.event_servers.append(self.where)

    def stop(self):
        self.loop.call_soon_threadsafe(self.ending.set)
        self.join()

    # ---- for tests

    def heard(self, member, topic, matches=lambda body: True):
        """The parts of the latest such event that the member published."""
        def latest():
            return next((parts for who, about, parts in reversed(self.published)
                         if (who, about) == (member, topic) and matches(json.loads(parts["body"]))), None)
        return wait_until(latest, f"{member} publishes {topic} to {self.name}")

    def tell(self, member, event):
        """Sends the parts of an event to a member; for a presence with the fact that its author is gone."""
        message = {"type": "event", **event}
        if event["topic"] == "Thor.Presence":
            body = json.loads(event["body"])
            message["fact"] = {key: body[key] for key in ("id", "incarnation", "sequence")} | {"state": "closed", "age_ms": 10 * LEASE_MS}
        self.say(member, **message)

    def say(self, member, **message):
        asyncio.run_coroutine_threadsafe(self.links[member].send(json.dumps(message)), self.loop).result(WAIT_S)

    # ---- the event server

    def run(self):
        asyncio.run(self.listen())

    async def listen(self):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.minimum_version = ssl.TLSVersion.TLSv1_3
        tls.num_tickets = 0
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.load_verify_locations(self.net.ca.certificate)
        tls.load_cert_chain(self.identity.certificate, self.identity.key)
        address, _, port = self.where.rpartition(":")
        self.loop, self.ending = asyncio.get_running_loop(), asyncio.Event()
        async with websockets.serve(self.serve, address, int(port), ssl=tls, subprotocols=["thor.v1"], compression=None, ping_interval=None,
                                    max_size=FRAME_OCTETS_MAX):
            self.listening.set()
            await self.ending.wait()

    async def serve(self, link):
        member = next(value for part in link.transport.get_extra_info("peercert")["subject"] for key, value in part if key == "commonName")
        beating = asyncio.create_task(self.beat(link))
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in link:
                await self.answer(member, link, json.loads(text))
        beating.cancel()
        if self.links.get(member) is link:
            del self.links[member]

    async def answer(self, member, link, message):
        if message["type"] == "hello":
            await link.send(json.dumps({"type": "welcome", "server": self.name, "instance": "00000000000000aa", "age_ms": AGE_MS, "admitting": False,
                                        "renew_ms": 1000, "lease_ms": LEASE_MS}))
            self.links[member] = link
        elif message["type"] == "subscribe":
            self.topics[member] = message["topics"]
            for topic in message["topics"]:
                await link.send(json.dumps({"type": "synced", "topic": topic, "count": 0}))
        elif message["type"] == "publish":
            self.published.append((member, message["topic"], {key: message[key] for key in ("topic", "body", "signature", "certificate")}))

    @staticmethod
    async def beat(link):
        """Claims that nobody is there."""
        beat = 0
        while True:
            await asyncio.sleep(1)
            beat += 1
            await link.send(json.dumps({"type": "heartbeat", "beat": beat, "age_ms": AGE_MS + 1000 * beat, "admitting": False, "members": 0,
                                        "digest": "0" * 16}))
