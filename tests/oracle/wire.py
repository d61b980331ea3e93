"""Asks name servers many questions at a time, and says whether two answers are the same.

Two answers are the same when header, question, EDNS and the records of each section are, TTLs and duplicates included. What may differ: the
id, the order of records (PowerDNS shuffles them), the case of names outside the question (PowerDNS compresses a name to an equal one of
another case that stands before it), and of an RRSIG the signature and its two times. The order also decides how well names compress, and
so whether an answer just fits: wire.agree() asks the reference again.
"""

import concurrent.futures
import select
import socket
import struct
import time

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rdtypes.ANY.RP
import dns.rdtypes.nsbase
import dns.rrset

WINDOW = 48         # questions on their way to one server
PATIENCE_S = 5      # PowerDNS answers SERVFAIL after 2 s of a silent backend
ATTEMPTS = 3
TRANSFER_S = 300    # of 60,000 records, signed meanwhile, on a busy machine
SHUFFLES = 20       # askings in which the rarer order of two records appears
TRUNCATED = 0x0200


class OldTypes:
    """Types of RFC 1035 whose names may be compressed, which dnspython has to know of to read them."""

    class MB(dns.rdtypes.nsbase.NSBase):
        pass

    class MG(dns.rdtypes.nsbase.NSBase):
        pass

    class MR(dns.rdtypes.nsbase.NSBase):
        pass

    class MINFO(dns.rdtypes.ANY.RP.RP):
        pass


for _rdtype in ("MB", "MG", "MR", "MINFO"):
    dns.rdata.register_type(OldTypes, dns.rdatatype.from_text(_rdtype), _rdtype)


def ask_all(server, wires):
    """The answers to all of them, in their order, each with id 0; over TCP where UDP was not enough. None: no answer."""
    answers = _ask_by_udp(server, wires)
    long = [position for position, answer in enumerate(answers) if answer and struct.unpack_from("!H", answer, 2)[0] & TRUNCATED]
    by_tcp = _ask_by_tcp(server, [wires[position] for position in long])
    # What was said over UDP is compared, too.
    return [(answer, None) for answer in answers] if not long else _merge(answers, dict(zip(long, by_tcp)))


def ask_all_of(servers, wires):
    """For each server the answers to all."""
    with concurrent.futures.ThreadPoolExecutor(len(servers)) as pool:
        return list(pool.map(lambda server: ask_all(server, wires), servers))


def _merge(answers, by_tcp):
    return [(answer, by_tcp.get(position)) for position, answer in enumerate(answers)]


def _ask_by_udp(server, wires):
    answers = [None] * len(wires)
    left = list(range(len(wires)))
    for _ in range(ATTEMPTS):
        for begin in range(0, len(left), 1 << 16):
            _ask_some(server, wires, left[begin:begin + (1 << 16)], answers)
        left = [position for position in left if answers[position] is None]
        if not left:
            break
    return answers


def _ask_some(server, wires, positions, answers):
    """Ids are places in `positions`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect((server.address, server.port))
        udp.setblocking(False)
        sent, open_ids, heard = 0, set(), time.monotonic()
        while sent < len(positions) or open_ids:
            while sent < len(positions) and len(open_ids) < WINDOW:
                try:
                    udp.send(struct.pack("!H", sent) + wires[positions[sent]][2:])
                except OSError:
                    break
                open_ids.add(sent)
                sent += 1
            if not select.select([udp], [], [], 0.1)[0]:
                if time.monotonic() - heard > PATIENCE_S:
                    open_ids.clear()  # these are lost; the rest may not be
                    heard = time.monotonic()
                continue
            heard = time.monotonic()
            try:
                while True:
                    got = udp.recv(65535)
                    number = struct.unpack_from("!H", got)[0]
                    if number in open_ids:
                        open_ids.discard(number)
                        answers[positions[number]] = b"\0\0" + got[2:]
            except OSError:
                pass


def _ask_by_tcp(server, wires):
    answers = []
    connection = None
    for wire in wires:
        answer = None
        for _ in range(ATTEMPTS):
            try:
                connection = connection or socket.create_connection((server.address, server.port), timeout=PATIENCE_S)
                connection.sendall(struct.pack("!H", len(wire)) + wire)
                answer = _receive(connection, struct.unpack("!H", _receive(connection, 2))[0])
                break
            except OSError:
                if connection:
                    connection.close()
                connection = None
        answers.append(answer)
    if connection:
        connection.close()
    return answers


def _receive(connection, octets):
    got = b""
    while len(got) < octets:
        if not (more := connection.recv(octets - len(got))):
            raise ConnectionResetError
        got += more
    return got


def transfer(server, zone):
    """The records of a whole zone, comparable and as text: a dict. None when it is not handed out."""
    try:
        messages = dns.query.xfr(server.address, zone, port=server.port, relativize=False, timeout=TRANSFER_S, lifetime=TRANSFER_S)
        return {_record(dns.rrset.from_rdata(rrset.name, rrset.ttl, data)): f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {data}"
                for message in messages for rrset in message.answer for data in rrset}
    except (dns.exception.DNSException, OSError, EOFError):
        return None


def rcode_of(answer):
    udp, tcp = answer
    octets = tcp or udp
    return dns.rcode.to_text(octets[3] & 15) if octets else "none"


def same(ours, theirs):
    """Two pairs of an answer over UDP and one over TCP."""
    return all(a == b or _meaning(a) == _meaning(b) for a, b in zip(ours, theirs))


def agree(ours, theirs, ask_again):
    """Whether `ours` is an answer of the reference, which gave `theirs` and is asked again a few times by ask_again()."""
    return same(ours, theirs) or any(same(ours, ask_again()) for _ in range(SHUFFLES))


def text_of(answer):
    """All of an answer, for people."""
    out = []
    for way, octets in zip(("UDP", "TCP"), answer):
        if octets is not None:
            out.append(f"{way}, {len(octets)} octets\n{_parsed(octets)}")
    return "\n".join(out) or "no answer"


def _parsed(octets):
    try:
        return dns.message.from_wire(octets, one_rr_per_rrset=True)
    except (dns.exception.DNSException, ValueError) as wrong:
        return f"cannot be read ({wrong}): {octets.hex()}"


def _meaning(octets):
    if octets is None:
        return None
    message = _parsed(octets)
    if isinstance(message, str):
        return octets
    sections = [sorted(map(_record, section)) for section in (message.answer, message.authority, message.additional)]
    options = [(option.otype, option.to_wire()) for option in message.options]
    return (message.flags, message.rcode(), message.edns, message.ednsflags, message.payload, options,
            [(record.name.to_wire(), int(record.rdtype), int(record.rdclass)) for record in message.question], sections)


def _record(rrset):
    (data,) = rrset
    if rrset.rdtype == dns.rdatatype.RRSIG:
        data = data.replace(signature=b"", inception=0, expiration=0)
    return rrset.name.to_digestable(), int(rrset.rdtype), int(rrset.rdclass), rrset.ttl, data.to_digestable()
