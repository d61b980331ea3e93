"""What the hooks in contrib/ share: the members that thor-node hands to a hook, files that change at once or not at all, and
JSON-RPC over a Unix datagram socket, which Kamailio and OpenSIPS speak.

A hook reads one JSON object on standard input (thor-node(8), HOOKS) and exits 0 when the software beside it has taken it
over, 1 when it should be tried again, 2 when that would be no use: wrong usage, or input that is not what it should be.
Python 3.9 and later, nothing but the standard library.
"""

import dataclasses
import ipaddress
import json
import os
import re
import socket
import sys
import tempfile

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
NAME = re.compile(r"[a-z0-9_]{1,63}")
INPUT_OCTETS_MAX = 64 << 20
RPC_TIMEOUT_S = 5
DATAGRAM_OCTETS_MAX = 65536


class BadInput(Exception):
    """Standard input is not what thor-node writes; the text says where."""


class TryAgain(Exception):
    """The software beside us did not take it over now; the text says why."""


@dataclasses.dataclass(frozen=True)
class Offer:
    """One role of one member."""
    state: str     # "active" or "draining"
    weight: int    # share of the work, 0 = only when there is nothing else
    priority: int  # as in SRV: the lowest first
    ports: dict    # service ("sip.udp") -> port, where it is not the standard one; 0 = not offered


@dataclasses.dataclass(frozen=True)
class Member:
    id: str
    addresses: tuple  # of ipaddress.IPv4Address and IPv6Address, the preferred one first
    roles: dict       # role -> Offer


def _expect(condition, what):
    if not condition:
        raise BadInput(what)


def _number(table, key, default, where):
    value = table.get(key, default)
    _expect(isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 65535, f"{where}: {key} is no number of 0 to 65535")
    return value


def _offer(table, where):
    _expect(isinstance(table, dict), f"{where}: no object")
    _expect(table.get("state", "active") in ("active", "draining"), f"{where}: state is neither active nor draining")
    ports = table.get("ports", {})
    _expect(isinstance(ports, dict), f"{where}: ports is no object")
    return Offer(table.get("state", "active"), _number(table, "weight", 100, where), _number(table, "priority", 10, where),
                 {service: _number(ports, service, 0, f"{where}: ports") for service in ports})


def _member(table):
    _expect(isinstance(table, dict), "a member is no object")
    node = table.get("id")
    _expect(isinstance(node, str) and LABEL.fullmatch(node), f"{node!r} is no id of a node")
    addresses, roles = table.get("addresses", []), table.get("roles", {})
    _expect(isinstance(addresses, list) and isinstance(roles, dict), f"{node}: addresses is no array, or roles no object")
    try:
        parsed = tuple(ipaddress.ip_address(address) for address in addresses)
    except ValueError as wrong:
        raise BadInput(f"{node}: {wrong}") from None
    for role in roles:
        _expect(NAME.fullmatch(role), f"{node}: {role!r} is no role")
    return Member(node, parsed, {role: _offer(offer, f"{node}: {role}") for role, offer in roles.items()})


def read_members(stream):
    """All members, by id."""
    text = stream.read(INPUT_OCTETS_MAX + 1)
    _expect(len(text) <= INPUT_OCTETS_MAX, f"more than {INPUT_OCTETS_MAX} octets")
    try:
        document = json.loads(text)
    except ValueError as wrong:
        raise BadInput(f"no JSON: {wrong}") from None
    _expect(isinstance(document, dict) and isinstance(document.get("members"), list), "no object with an array `members`")
    return sorted((_member(table) for table in document["members"]), key=lambda member: member.id)


def of_role(members, role):
    """(member, offer) of those that have the role."""
    return [(member, member.roles[role]) for member in members if role in member.roles]


def host(address):
    """As in a URI."""
    return f"[{address}]" if address.version == 6 else str(address)


# Who talks SIP to a proxy, and the sets of a dispatcher module that they are in. Those sets are also the list of trusted
# peers: members, and nobody else.
SETS = {"sip_proxy": 1, "voicemail_server": 2, "conference_server": 3, "webrtc_gateway": 4, "xmpp_gateway": 5, "xcap_server": 6}


@dataclasses.dataclass(frozen=True)
class Destination:
    """One address of one member, as a dispatcher module takes it."""
    set: int
    uri: str
    draining: bool
    priority: int  # as in SRV
    weight: int
    node: str


def add_set_arguments(parser):
    parser.add_argument("--set", action="append", metavar="ROLE=ID", help="roles and their sets, in place of " +
                        " ".join(f"{role}={number}" for role, number in SETS.items()))
    parser.add_argument("--transport", choices=("udp", "tcp", "tls"), default="tcp", help="to the members (%(default)s)")


def sets_of(parser, given):
    """What --set says: role -> set."""
    if not given.set:
        return SETS
    try:
        sets = {role: int(number) for role, number in (one.split("=") for one in given.set)}
    except ValueError:
        parser.error("--set takes ROLE=ID, ID a number")
    if len(set(sets.values())) != len(sets):
        parser.error("--set: two roles share a set")
    return sets


def destinations(members, sets, transport):
    """Every address of every member that offers the transport, by set and id; an id's preferred address first."""
    service, standard = ("sips.tcp", 5061) if transport == "tls" else (f"sip.{transport}", 5060)
    for role, number in sorted(sets.items(), key=lambda item: item[1]):
        for member, offer in of_role(members, role):
            port = offer.ports.get(service, standard)
            for address in member.addresses if port else ():
                yield Destination(number, f"sip:{host(address)}:{port};transport={transport}", offer.state == "draining",
                                  offer.priority, offer.weight, member.id)


def write_file(path, text, mode=0o644):
    """Readers see the old content or the new one, also after a power cut. Returns whether it has changed."""
    path = os.path.abspath(path)
    try:
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return False
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=f".{os.path.basename(path)}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(handle, mode)
            file.flush()
            os.fsync(handle)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return True


class RpcError(Exception):
    """The other side answered with an error; `code` and the text are its own."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def rpc(path, method, params=()):
    """One JSON-RPC 2.0 request to a Unix datagram socket; returns the result. Raises RpcError, or TryAgain while nobody answers."""
    request = {"jsonrpc": "2.0", "method": method, "id": os.getpid()}
    if params:
        request["params"] = list(params)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.bind("")  # a name without a file: nothing that file permissions could keep the answer from
            link.settimeout(RPC_TIMEOUT_S)
            link.connect(path)
            link.send(json.dumps(request).encode())
            answer = json.loads(link.recv(DATAGRAM_OCTETS_MAX))
    except OSError as wrong:
        raise TryAgain(f"{path}: {wrong}; does it run, and may we use its socket?") from None
    except ValueError as wrong:
        raise TryAgain(f"{path}: {method} was answered with what is no JSON: {wrong}") from None
    if not isinstance(answer, dict) or answer.get("id") != request["id"]:
        raise TryAgain(f"{path}: {method} was answered with something else")
    if "error" in answer:
        raise RpcError(answer["error"].get("code"), str(answer["error"].get("message")))
    return answer.get("result")


def run(hook):
    """Calls hook() and exits as a hook does; what went wrong is one line on standard error."""
    name = os.path.basename(sys.argv[0])
    try:
        hook()
    except TryAgain as why:
        print(f"{name}: {why}", file=sys.stderr)
        sys.exit(1)
    except OSError as why:
        print(f"{name}: {why}", file=sys.stderr)
        sys.exit(1)
    except BadInput as why:
        print(f"{name}: standard input: {why}", file=sys.stderr)
        sys.exit(2)
