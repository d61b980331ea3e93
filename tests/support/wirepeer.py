"""A peer of an event server that may misbehave: thor.v1 over a blocking socket, by hand, and certificates that thor-ca would not issue."""

import base64
import contextlib
import datetime
import ipaddress
import json
import os
import socket
import ssl
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
TIMEOUT_S = 20


class Identity:
    """A certificate and its key."""

    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key

    @classmethod
    def of(cls, net, name):
        """What thor-ca issued to a machine of the overlay."""
        tls = net.home(name) / "tls"
        return cls(tls / f"{name}.crt", tls / f"{name}.key")

    @classmethod
    def issue(cls, net, name, roles, addresses=()):
        net.ca.issue(name, roles, net.home(name) / "tls", addresses)
        return cls.of(net, name)

    @classmethod
    def forge(cls, net, name, ca=None, cn=None, domain=None, roles=("sip_proxy",), addresses=(), days=(-1, 30)):
        """A certificate by the operator's CA (or the one in directory `ca`) with whatever is given; days: validity from now."""
        directory = ca or net.ca.directory
        authority = x509.load_pem_x509_certificate((directory / "ca.crt").read_bytes())
        authority_key = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), None)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, domain or net.domain)]
                            + [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, role) for role in roles]
                            + [x509.NameAttribute(NameOID.COMMON_NAME, cn or name)])
        now = datetime.datetime.utcnow()
        made = (x509.CertificateBuilder().subject_name(subject).issuer_name(authority.subject).public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now + datetime.timedelta(days[0])).not_valid_after(now + datetime.timedelta(days[1]))
                .add_extension(x509.BasicConstraints(False, None), critical=True)
                .add_extension(x509.KeyUsage(True, *[False] * 8), critical=True)
                .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False))
        if addresses:
            names = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
            made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        into = net.home(name)
        certificate, private = into / "forged.crt", into / "forged.key"
        certificate.write_bytes(made.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return cls(certificate, private)


class Closed(Exception):
    """The event server closed: its close code and reason, None when there was no close frame."""

    def __init__(self, code=None, reason=""):
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class Peer:
    """One connection. Nothing is done by itself but answering pings while it waits for a message."""

    def __init__(self, net, server, identity=None, source=None, version=ssl.TLSVersion.TLSv1_3, receive_octets=None):
        self.identity = identity
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.minimum_version = tls.maximum_version = version
        tls.check_hostname = False
        tls.load_verify_locations(net.ca.certificate)
        if identity:
            tls.load_cert_chain(identity.certificate, identity.key)
        self.raw = connect(server, source, receive_octets)
        self.tls = tls.wrap_socket(self.raw)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tls.close()

    # ---- WebSocket, RFC 6455

    def upgrade(self, subprotocol="thor.v1"):
        """The status line of the answer."""
        key = base64.b64encode(os.urandom(16)).decode()
        offered = f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else ""
        self.tls.sendall(f"GET / HTTP/1.1\r\nHost: es\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                         f"Sec-WebSocket-Version: 13\r\n{offered}\r\n".encode())
        while b"\r\n\r\n" not in self.pending:
            self._more()
        head, _, self.pending = self.pending.partition(b"\r\n\r\n")
        return head.decode().splitlines()[0]

    def send_frame(self, payload, opcode=TEXT, declared=None, final=True):
        """`declared`: the length in the header, when it is to lie."""
        size = len(payload) if declared is None else declared
        head = bytes([(0x80 if final else 0) | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 1 << 16:
            head += bytes([0x80 | 126]) + struct.pack("!H", size)
        else:
            head += bytes([0x80 | 127]) + struct.pack("!Q", size)
        self.tls.sendall(head + bytes(4) + payload)  # masked with zero

    def receive_frame(self):
        """Opcode and payload. Nothing is lost when it times out half way."""
        while (frame := self._whole_frame()) is None:
            self._more()
        return frame

    def _whole_frame(self):
        if len(self.pending) < 2:
            return None
        size = self.pending[1] & 127
        head = {126: 4, 127: 10}.get(size, 2)
        if head > 2:
            size = int.from_bytes(self.pending[2:head], "big")
        if len(self.pending) < head + size:
            return None
        frame = self.pending[0] & 15, self.pending[head:head + size]
        self.pending = self.pending[head + size:]
        return frame

    def _more(self):
        try:
            octets = self.tls.recv(1 << 16)
        except (ConnectionError, ssl.SSLError) as failure:
            raise Closed(reason=str(failure)) from None
        if not octets:
            raise Closed()
        self.pending += octets

    # ---- thor.v1

    def join(self, incarnation=0, topics=()):
        """Upgrade, hello, welcome, subscriptions."""
        status = self.upgrade()
        assert " 101 " in status, status
        self.say(type="hello", incarnation=incarnation, software="wirepeer")
        self.hear("welcome")
        if topics:
            self.say(type="subscribe", topics=list(topics))
        return self

    def say(self, **message):
        self.send_frame(json.dumps(message).encode())

    def publish(self, topic, body, identity=None):
        identity = identity or self.identity
        text = body if isinstance(body, str) else json.dumps(body)
        key = serialization.load_pem_private_key(identity.key.read_bytes(), None)
        signature = key.sign(f"thor.v1\n{topic}\n{text}".encode(), ec.ECDSA(hashes.SHA256()))
        certificate = x509.load_pem_x509_certificate(identity.certificate.read_bytes())
        self.say(type="publish", topic=topic, body=text, signature=base64.b64encode(signature).decode(),
                 certificate=base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode())

    def announce(self, name, incarnation, sequence=1, addresses=("192.0.2.1",), roles=("sip_proxy",)):
        self.publish("Thor.Presence", {"id": name, "incarnation": incarnation, "sequence": sequence,
                                       "addresses": list(addresses), "roles": {role: {} for role in roles}})

    def hear(self, *types):
        """The next message of one of these types; raises Closed at the end of the connection."""
        while True:
            opcode, payload = self.receive_frame()
            if opcode == PING:
                self.send_frame(payload, PONG)
            elif opcode == CLOSE:
                with contextlib.suppress(OSError):
                    self.send_frame(payload[:2], CLOSE)
                raise Closed(struct.unpack("!H", payload[:2])[0], payload[2:].decode())
            elif opcode == TEXT:
                message = json.loads(payload)
                if message["type"] in types:
                    return message

    def hear_close(self):
        """Reads to the end; how it was closed."""
        try:
            while True:
                self.hear()
        except Closed as end:
            return end


def connect(server, source=None, receive_octets=None):
    """A TCP connection to "address:port", from a given source address."""
    address, _, port = server.rpartition(":")
    connection = socket.socket()
    connection.settimeout(TIMEOUT_S)
    if receive_octets:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_octets)
    if source:
        connection.bind((source, 0))
    connection.connect((address, int(port)))
    return connection
