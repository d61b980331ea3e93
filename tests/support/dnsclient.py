"""A small DNS client that asks one name server and hides nothing: no retries, no caches, no search list."""

import select
import socket
import time

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.zone


class Answer:
    """What one query brought. `rcode` is "NOERROR", "NXDOMAIN", ..., or "TIMEOUT"."""

    def __init__(self, message):
        self.message = message
        self.rcode = dns.rcode.to_text(message.rcode()) if message else "TIMEOUT"
        self.authoritative = bool(message and message.flags & dns.flags.AA)

    def texts(self, rdtype):
        """The answer section's records of one type, as a set of presentation texts."""
        wanted = dns.rdatatype.from_text(rdtype)
        return {record.to_text() for rrset in (self.message.answer if self.message else ())
                if rrset.rdtype == wanted for record in rrset}

    def lines(self):
        """The answer section, one sorted line a record."""
        return sorted(line for rrset in (self.message.answer if self.message else ())
                      for line in rrset.to_text().splitlines())

    @property
    def nodata(self):
        """NOERROR with an empty answer and the SOA that says how long that holds (RFC 2308)."""
        return (self.rcode == "NOERROR" and not self.message.answer
                and any(rrset.rdtype == dns.rdatatype.SOA for rrset in self.message.authority))

    def __repr__(self):
        return f"{self.rcode} {self.lines()}"


class NameServer:
    """One server, by address and port; a `resolver` is asked for recursion."""

    def __init__(self, address, port, resolver=False):
        self.address = address
        self.port = port
        self.resolver = resolver

    def __repr__(self):
        return f"{self.address}#{self.port}"

    def ask(self, name, rdtype, timeout_s=3.0, tcp=False):
        query = dns.message.make_query(name, rdtype, use_edns=0, payload=1232)
        if not self.resolver:
            query.flags &= ~dns.flags.RD
        send = dns.query.tcp if tcp else dns.query.udp
        try:
            message = send(query, self.address, port=self.port, timeout=timeout_s)
        except (dns.exception.Timeout, OSError):
            return Answer(None)
        if message.flags & dns.flags.TC and not tcp:
            return self.ask(name, rdtype, timeout_s, tcp=True)
        return Answer(message)

    def transfer(self, zone, timeout_s=10.0):
        """The whole zone by AXFR, as sorted lines of presentation text; None while the server hands out none."""
        try:
            found = dns.zone.from_xfr(dns.query.xfr(self.address, zone, port=self.port, relativize=False, timeout=timeout_s, lifetime=timeout_s),
                                      relativize=False)
        except (dns.exception.DNSException, OSError, EOFError):
            return None
        return sorted(f"{name} {ttl} {dns.rdatatype.to_text(data.rdtype)} {data.to_text()}" for name, ttl, data in found.iterate_rdatas())

    def watch(self, name, rdtype, until, timeout_s, every_s=0.001):
        """Asks every millisecond until `until(answer)`; returns (when, answer) of the first such answer, or
        (None, last answer) after `timeout_s`. `when` is on the clock of time.monotonic()."""
        query = dns.message.make_query(name, rdtype, use_edns=0, payload=1232)
        query.flags &= ~dns.flags.RD
        wire = bytearray(query.to_wire())
        last = Answer(None)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.connect((self.address, self.port))
            deadline = time.monotonic() + timeout_s
            next_send, serial = time.monotonic(), 0
            while (now := time.monotonic()) < deadline:
                if now >= next_send:
                    serial = (serial + 1) & 0xFFFF
                    wire[0:2] = serial.to_bytes(2, "big")
                    try:
                        udp.send(wire)
                    except OSError:
                        pass  # nobody listens there right now
                    next_send = max(next_send + every_s, now)
                if select.select([udp], [], [], max(0.0, next_send - time.monotonic()))[0]:
                    try:
                        octets = udp.recv(65535)
                    except OSError:
                        continue
                    last = Answer(dns.message.from_wire(octets))
                    if until(last):
                        return time.monotonic(), last
        return None, last
