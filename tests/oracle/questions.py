"""Question number n of a seed: a name, a type and how it is asked. It depends on the seed, n and the zones alone, so that each can be asked again."""

import dataclasses
import random

import dns.flags
import dns.message
import dns.name
import dns.rdatatype

from zones import TYPES, USUAL

# Types that are asked for anywhere, with or without a record: among them those that PowerDNS treats by itself.
ASKED = sorted(TYPES) + ["NS", "SOA", "CNAME", "DNAME", "DS", "ANY", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "TYPE65281", "TYPE3", "TYPE11", "TYPE38", "TYPE57"]
# Types that dnspython does not know by name.
NUMBERS = {"MB": "TYPE7", "MG": "TYPE8", "MR": "TYPE9", "MINFO": "TYPE14", "ZONEMD": "TYPE63", "DLV": "TYPE32769"}
# Octets that PowerDNS does not take in the name of a query, and some that it takes.
ODD_LABELS = ["\\000", "a\\.b", "\\200", "a b", "a/b", "a\\\"b", "a$b", "@", "a=b", "_", "-", "*a", "a*", "**", "a+b"]
LABELS = ["nobody", "a", "0", "zz", "x", "_sip", "*", "-", "y" * 63]


@dataclasses.dataclass
class Question:
    number: int
    name: str
    rdtype: str
    wire: bytes  # with id 0
    dnssec_ok: bool
    how: str

    def __str__(self):
        return f"#{self.number} {self.name} {self.rdtype} {self.how}"


class Questions:
    def __init__(self, seed, zones):
        self.seed = seed
        self.zones = zones
        self.owners = [sorted(zone.sets) for zone in zones]
        # Half of them ask the zone that has everything.
        self.weights = [10 if position == 0 else 3 for position in range(len(zones))]

    def make(self, number):
        dice = random.Random(f"{self.seed}/question/{number}")
        zone, owners = dice.choices(list(zip(self.zones, self.owners)), self.weights)[0]
        base, name = self._name(dice, zone, owners)
        rdtype = self._type(dice, zone, base)
        return _question(dice, number, _in_case(dice, name), rdtype)

    def _name(self, dice, zone, owners):
        """An owner that the name has to do with, or "", and the name."""
        owner = dice.choice(owners)
        special = {"cut": [zone.full(cut) for cut in zone.cuts], "alias": zone.chains, "dname": zone.dnames, "wildcard": zone.wildcards}
        kind = dice.choices(["owner", "between", "below", "above", "apex", "cut", "alias", "dname", "wildcard", "odd", "outside"],
                            [30, 12, 10, 8, 4, 10, 8, 6, 8, 1, 1])[0]
        if kind in special:
            owner = dice.choice(special[kind] or owners)
        if kind in ("owner", "alias"):
            return owner, owner
        if kind == "between":
            return owner, _neighbour(dice, owner, zone)
        if kind == "below":
            return owner, _below(dice, owner)
        if kind in ("cut", "dname"):
            return owner, dice.choice([owner, _below(dice, owner), _neighbour(dice, owner, zone)])
        if kind == "above":
            return "", _parent(owner, zone)
        if kind == "apex":
            return zone.apex, zone.apex
        if kind == "wildcard":
            return owner, dice.choice([owner, dice.choice(LABELS) + owner[1:], f"{dice.choice(LABELS)}.{dice.choice(LABELS)}{owner[1:]}",
                                       _below(dice, owner), _parent(owner, zone)])
        if kind == "odd":
            label = dice.choice(ODD_LABELS)
            if label in ("a b", "a\\.b") and zone.mode == "nsec":  # README.md says why
                label = "ab"
            return "", f"{label}.{_parent(owner, zone)}"
        return "", dice.choice([".", "test.", _parent(zone.apex, None), f"x{zone.apex}", "www.example.net."])

    @staticmethod
    def _type(dice, zone, owner):
        there = sorted(zone.sets.get(owner, ()))
        if there and dice.random() < 0.5:
            return dice.choice(there)
        return dice.choice(USUAL + ["NS", "DS", "SOA", "CNAME", "ANY"]) if dice.random() < 0.5 else dice.choice(ASKED)


def _fits(name):
    try:
        dns.name.from_text(name)
        return True
    except dns.exception.DNSException:
        return False


def _below(dice, owner):
    name = ".".join(dice.choice(LABELS) for _ in range(dice.choice([1, 1, 1, 2, 3]))) + "." + owner
    return name if _fits(name) else owner


def _neighbour(dice, owner, zone):
    """A name that stands directly before or behind in canonical order, or nearly so."""
    if owner == zone.apex:
        return dice.choice(["!", "~", "-", "zzzz"]) + "." + owner
    label, rest = owner.split(".", 1)
    last = chr(ord(label[-1]) + dice.choice([-1, 1]))
    changed = dice.choice([label + "-", label + "0", label[:-1] + last, label[:-1]])
    name = f"{changed}.{rest}" if changed and changed[-1] not in '.\\"$();@' else f"{label}z.{rest}"
    return name if _fits(name) else owner


def _parent(owner, zone):
    if zone is not None and owner == zone.apex:
        return owner
    return owner.split(".", 1)[1] or "."


def _in_case(dice, name):
    how = dice.random()
    if how < 0.6 or "\\" in name:
        return name
    return name.upper() if how < 0.7 else "".join(dice.choice([c.upper(), c]) for c in name)


def _question(dice, number, name, rdtype):
    how = []
    dnssec_ok = dice.random() < 0.5
    with_edns = dnssec_ok or dice.random() < 0.7
    payload = dice.choice([512, 1232, 1232, 4096]) if with_edns else None
    query = dns.message.make_query(name, NUMBERS.get(rdtype, rdtype), use_edns=0 if with_edns else -1, want_dnssec=dnssec_ok, payload=payload)
    query.id = 0
    if dice.random() < 0.7:
        query.flags &= ~dns.flags.RD
    for flag, chance in ((dns.flags.CD, 0.1), (dns.flags.AD, 0.1)):
        if dice.random() < chance:
            query.flags |= flag
    how += [f"EDNS {payload}"] if with_edns else ["no EDNS"]
    how += ["DO"] if dnssec_ok else []
    how += dns.flags.to_text(query.flags).split()
    return Question(number, name, rdtype, query.to_wire(), dnssec_ok, ", ".join(how))
