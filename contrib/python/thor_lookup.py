#!/usr/bin/python3
"""Which members of a role are responsible for a key: coordinator/lookup/README.md in Python, nothing but its own library.

    ring = Ring([Node("n1"), Node("n2", weight=200), Node("n3", draining=True)])
    ring.order("alice@example.com")[0]             the home of alice, as libthor, thor-lookup and DNS say it
    ring.order("alice@example.com", fresh=True)    where to put something new: draining nodes come last
    dns_name("alice@example.com", "sip_proxy", "example.net")

The sections in the comments are those of that README. As a command it answers the same:

    thor_lookup.py --node n1 --node n2:200 --node n3:100:draining alice@example.com bob@example.com
"""

import argparse
import dataclasses
import hashlib
import json
import re

MASK = (1 << 64) - 1
LABEL_OCTETS_MAX = 63
HASH_LABEL = re.compile(rb"[kK]-([0-9a-fA-F]{16})")
# Octets that PowerDNS answers in a name.
PLAIN_LABEL = re.compile(rb"[0-9A-Za-z*./:@_-]+")


def octets(key):
    return key.encode() if isinstance(key, str) else bytes(key)


def key_hash(key):
    """Section 1. Text counts as UTF-8. bytes.lower() changes A to Z alone."""
    return int.from_bytes(hashlib.sha256(octets(key).lower()).digest()[:8], "big")


def hash_label(value):
    return f"k-{value:016x}"


def hash_of_label(label):
    """Section 6: of the octets of a DNS label."""
    form = HASH_LABEL.fullmatch(octets(label))
    return int(form.group(1), 16) if form else key_hash(label)


def escaped(label):
    """The octets of a plain label as a zone file writes them (RFC 1035 section 5.1)."""
    return re.sub(r"([.@])", r"\\\1", label.decode())


def dns_label(key):
    """Section 6: the key itself where it is one plain label and does not look like a hash, the label of its hash otherwise."""
    label = octets(key)
    if len(label) <= LABEL_OCTETS_MAX and PLAIN_LABEL.fullmatch(label) and not HASH_LABEL.fullmatch(label):
        return escaped(label)
    return hash_label(key_hash(label))


def dns_name(key, role, domain):
    return f"{dns_label(key)}.{role}.lookup.{domain}"


def draw(key, node):
    """Section 2: of two hashes. The step of SplitMix64."""
    z = ((key ^ node) + 0x9e3779b97f4a7c15) & MASK
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 & MASK
    z = (z ^ z >> 27) * 0x94d049bb133111eb & MASK
    return z ^ z >> 31


def table_entry(i):
    if i == 1024:
        return 1 << 32
    x, bits = (1024 + i) << 21, 0
    for _ in range(32):
        x = x * x >> 31
        bits <<= 1
        if x >> 32:
            x >>= 1
            bits |= 1
    return bits


LOG2 = tuple(table_entry(i) for i in range(1025))


def distance(drawn):
    """Section 3."""
    if drawn == 0:
        return 64 << 32
    exponent = drawn.bit_length() - 1
    mantissa = drawn << (63 - exponent)
    i, rest = mantissa >> 53 & 1023, mantissa >> 21 & 0xffffffff
    fraction = LOG2[i] + ((LOG2[i + 1] - LOG2[i]) * rest >> 32)
    return (64 << 32) - (exponent << 32) - fraction


@dataclasses.dataclass(frozen=True)
class Node:
    id: str
    weight: int = 100
    draining: bool = False


class Ring:
    """The nodes of one role. Never changes: make another one when the members change."""

    def __init__(self, nodes):
        self._nodes = [(node, key_hash(node.id)) for node in nodes]

    @classmethod
    def of_members(cls, members, role):
        """Of the presences in a network status (section 4): {id: {"roles": {role: {"weight", "state"}}}}."""
        if role.startswith("thor_"):
            return cls([])
        offers = {name: what["roles"][role] for name, what in members.items() if role in what["roles"]}
        return cls([Node(name, offer.get("weight", 100), offer.get("state") == "draining") for name, offer in offers.items()])

    def __len__(self):
        return len(self._nodes)

    def order(self, key, fresh=False):
        """All ids, the home first. `key`: text or octets."""
        return self.order_of_hash(key_hash(key), fresh)

    def order_of_hash(self, hashed, fresh=False):
        """Section 4. Fractions are compared by their cross products, so all of it is integers."""
        places = [_Place(node, draw(hashed, node_hash), fresh) for node, node_hash in self._nodes]
        return [place.node.id for place in sorted(places)]


class _Place:
    def __init__(self, node, drawn, fresh):
        self.node, self.drawn = node, drawn
        self.group = (fresh and node.draining, node.weight == 0)
        self.weight = node.weight or 1
        self.distance = distance(drawn)

    def __lt__(self, other):
        if self.group != other.group:
            return self.group < other.group
        here, there = self.distance * other.weight, other.distance * self.weight
        if here != there:
            return here < there
        return (-self.drawn, self.node.id) < (-other.drawn, other.node.id)


def node_of(text):
    name, *rest = text.split(":")
    draining = rest[-1:] == ["draining"]
    weight = rest[:-1] if draining else rest
    if len(weight) > 1 or not all(0 <= int(w) <= 65535 for w in weight):
        raise argparse.ArgumentTypeError("a node is ID[:WEIGHT][:draining], with a weight of 0 to 65535")
    return Node(name, int(weight[0]) if weight else 100, draining)


def main():
    parser = argparse.ArgumentParser(description="Orders the nodes of a role by a key, the home first.")
    parser.add_argument("--node", type=node_of, action="append", required=True, metavar="ID[:WEIGHT][:draining]")
    parser.add_argument("--fresh", action="store_true", help="for new keys: draining nodes come last")
    parser.add_argument("key", nargs="+")
    options = parser.parse_args()
    ring = Ring(options.node)
    for key in options.key:
        print(json.dumps({"key": key, "label": hash_label(key_hash(key)), "nodes": ring.order(key, options.fresh)}))


if __name__ == "__main__":
    main()
