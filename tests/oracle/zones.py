"""The zones that the oracle asks about: made from a seed, the same every time.

Each zone is a plain list of records in presentation form. They hold what makes name servers differ: empty non-terminals, wildcards at
several depths, delegations with and without DS and what they hide, chains of aliases that end in all ways, DNAME, RRsets that do not fit a
datagram, and a record of every type that ldns knows and PowerDNS 4.7 serves.
"""

import base64
import dataclasses
import ipaddress
import random

SERIAL = 2026010101
SOA_TTL_S = 3600
MINIMUM_S = 300
NS_TTL_S = 3600  # of the records that thor-dns makes of [[dns.name_server]]
BIG_RECORDS = 20_000

# Metadata that says how a mode denies. Without any a signed zone has NSEC.
MODES = {"unsigned": None, "nsec": {}, "nsec3": {"NSEC3PARAM": "1 0 1 ab"}, "optout": {"NSEC3PARAM": "1 1 1 ab"},
         "narrow": {"NSEC3PARAM": "1 0 1 ab", "NSEC3NARROW": "1"}}

# Where zones point at: names that nobody here serves.
OUTSIDE = ["www.example.net.", "elsewhere.example.", "a.root.invalid."]


@dataclasses.dataclass
class Zone:
    apex: str
    mode: str = "unsigned"
    records: list = dataclasses.field(default_factory=list)  # (owner, ttl, type, content), without SOA and NS of the apex
    sets: dict = dataclasses.field(default_factory=dict)     # owner -> {type}
    cuts: list = dataclasses.field(default_factory=list)
    dnames: list = dataclasses.field(default_factory=list)
    chains: list = dataclasses.field(default_factory=list)   # names from which aliases lead on
    wildcards: list = dataclasses.field(default_factory=list)

    def full(self, relative):
        return f"{relative}.{self.apex}" if relative else self.apex

    def add(self, relative, rdtype, *contents, ttl=None):
        """Adds records of one RRset, whose owner is relative to the apex, unless an alias or DNAME stands there."""
        owner = self.full(relative)
        there = self.sets.setdefault(owner, set())
        if "CNAME" in there or (there and rdtype == "CNAME") or rdtype in there:
            return owner
        there.add(rdtype)
        ttl = ttl if ttl is not None else 60 + 60 * (sum(owner.encode() + rdtype.encode()) % 60)
        self.records.extend((owner, ttl, rdtype, content) for content in dict.fromkeys(contents))
        return owner


# ---- content of every type

def _hex(dice, octets):
    return dice.randbytes(octets).hex()


def _base64(dice, octets):
    return base64.b64encode(dice.randbytes(octets)).decode()


def _ipv4(dice):
    return f"192.0.2.{dice.randrange(256)}"


def _ipv6(dice):
    return str(ipaddress.IPv6Address((0x20010DB8 << 96) + dice.randrange(1 << 64)))


def _string(dice, octets):
    letters = ["a", "Z", "0", " ", ";", "@", "=", '\\"', "\\\\", "\\009", "\\195", "(", "."]
    return '"' + "".join(dice.choice(letters) for _ in range(octets)) + '"'


def _locator(dice):
    return ":".join(f"{dice.randrange(1 << 16):04x}" for _ in range(4))


def _location(dice):
    return (f"{dice.randrange(90)} {dice.randrange(60)} {dice.randrange(60)}.{dice.randrange(1000):03} {dice.choice('NS')} "
            f"{dice.randrange(180)} {dice.randrange(60)} {dice.randrange(60)}.{dice.randrange(1000):03} {dice.choice('EW')} "
            f"{dice.randrange(-99, 9000)}.{dice.randrange(100):02}m {dice.randrange(1, 10)}.00m 10000.00m 10.00m")


def _ds(dice):
    return f"{dice.randrange(65536)} 13 2 {_hex(dice, 32)}"


def _key(dice):
    return f"{dice.choice([256, 257])} 3 13 {_base64(dice, 64)}"


def _naptr(dice, name):
    if dice.random() < 0.5:
        return f'{dice.randrange(100)} 10 "s" "SIP+D2U" "" {name()}'
    return f'{dice.randrange(100)} 10 "u" "E2U+sip" "!^.*$!sip:info@example.net!" .'


def _ipseckey(dice, name):
    gateway_type = dice.randrange(1, 4)  # of 0, no gateway, PowerDNS does not read what RFC 4025 writes
    gateway = [_ipv4(dice), _ipv6(dice), name()][gateway_type - 1]
    return f"10 {gateway_type} 2 {gateway} {_base64(dice, 33)}"


def _service(dice, name):
    if dice.random() < 0.3:
        return f"0 {name()}"
    parameters = ["alpn=h2,h3", "no-default-alpn", f"port={dice.randrange(65536)}", f"ipv4hint={_ipv4(dice)}", f"ipv6hint={_ipv6(dice)}"]
    chosen = parameters[:dice.choice([0, 1, 2])] + dice.choice([[], parameters[2:3], parameters[2:]])
    return " ".join([str(dice.randrange(1, 100)), dice.choice([".", name()]), *chosen])


# Makes the content of a record; `name()` is a name that the record may point at.
TYPES = {
    "A": lambda dice, name: _ipv4(dice),
    "AAAA": lambda dice, name: _ipv6(dice),
    "AFSDB": lambda dice, name: f"1 {name()}",
    "APL": lambda dice, name: dice.choice(["1:192.0.2.0/24 !1:192.0.2.64/28", "2:2001:db8::/32", "1:0.0.0.0/0 2:ff00::/8"]),
    "CAA": lambda dice, name: dice.choice(['0 issue "ca.example.net"', '128 issuewild ";"', '0 iodef "mailto:a@example.net"']),
    "CDNSKEY": lambda dice, name: _key(dice),
    "CDS": lambda dice, name: _ds(dice),
    "CERT": lambda dice, name: f"1 {dice.randrange(65536)} 8 {_base64(dice, 40)}",
    "CSYNC": lambda dice, name: f"{dice.randrange(1 << 32)} 3 A NS AAAA",
    "DHCID": lambda dice, name: _base64(dice, 35),
    "DLV": lambda dice, name: _ds(dice),
    "DNSKEY": lambda dice, name: _key(dice),
    "EUI48": lambda dice, name: "-".join(_hex(dice, 1) for _ in range(6)),
    "EUI64": lambda dice, name: "-".join(_hex(dice, 1) for _ in range(8)),
    "HINFO": lambda dice, name: '"PC" "Debian GNU/Linux"',
    "HTTPS": _service,
    "IPSECKEY": _ipseckey,
    "KEY": lambda dice, name: f"0 3 13 {_base64(dice, 64)}",
    "KX": lambda dice, name: f"{dice.randrange(65536)} {name()}",
    "L32": lambda dice, name: f"{dice.randrange(65536)} {_ipv4(dice)}",
    "L64": lambda dice, name: f"{dice.randrange(65536)} {_locator(dice)}",
    "LOC": lambda dice, name: _location(dice),
    "LP": lambda dice, name: f"{dice.randrange(65536)} {name()}",
    "MB": lambda dice, name: name(),
    "MG": lambda dice, name: name(),
    "MINFO": lambda dice, name: f"{name()} {name()}",
    "MR": lambda dice, name: name(),
    "MX": lambda dice, name: f"{dice.randrange(65536)} {name()}",
    "NAPTR": _naptr,
    "NID": lambda dice, name: f"{dice.randrange(65536)} {_locator(dice)}",
    "OPENPGPKEY": lambda dice, name: _base64(dice, 50),
    "PTR": lambda dice, name: name(),
    "RP": lambda dice, name: f"{name()} {name()}",
    "SMIMEA": lambda dice, name: f"3 1 1 {_hex(dice, 32)}",
    "SPF": lambda dice, name: '"v=spf1 -all"',
    "SRV": lambda dice, name: f"{dice.randrange(9)} {dice.randrange(65536)} {dice.randrange(65536)} {name()}",
    "SSHFP": lambda dice, name: f"4 2 {_hex(dice, 32)}",
    "SVCB": _service,
    "TLSA": lambda dice, name: f"3 1 1 {_hex(dice, 32)}",
    "TXT": lambda dice, name: " ".join(_string(dice, dice.choice([0, 1, 5, 60, 255])) for _ in range(dice.randrange(1, 4))),
    # Of these PowerDNS knows no more than the number; ldns knows X25 and HIP by name.
    "TYPE19": lambda dice, name: f"\\# 5 04{_hex(dice, 4)}",
    "TYPE55": lambda dice, name: f"\\# 28 1002000820010db8{_hex(dice, 20)}",
    "TYPE65280": lambda dice, name: f"\\# 6 {_hex(dice, 6)}",
    "URI": lambda dice, name: f'10 {dice.randrange(65536)} "sip:{dice.randrange(100)}@example.net"',
    "ZONEMD": lambda dice, name: f"{SERIAL} 1 1 {_hex(dice, 48)}",
}

USUAL = ["A", "AAAA", "TXT", "MX", "SRV", "NAPTR"]


# ---- the zones

def make_zones(seed, mode, big_records=BIG_RECORDS):
    """The zones of one mode, the child after its parent. Other modes have the same ones by another name."""
    parent = Zone(f"rich.{mode}.test.", mode)
    child = Zone(f"kid.{parent.apex}", mode)
    wild = Zone(f"wild.{mode}.test.", mode)
    big = Zone(f"big.{mode}.test.", mode)
    _fill_rich(random.Random(f"{seed}/rich"), parent, child, wild)
    _fill_child(random.Random(f"{seed}/kid"), child, parent)
    _fill_wild(random.Random(f"{seed}/wild"), wild, parent)
    _fill_big(random.Random(f"{seed}/big"), big, big_records)
    return [parent, child, wild, big]


def _pointing(dice, zone, names):
    """A function that makes names to point at: of this zone, absent ones and outside."""
    def name():
        chance = dice.random()
        if chance < 0.75:
            return zone.full(dice.choice(names))
        return zone.full("nobody") if chance < 0.85 else dice.choice(OUTSIDE)
    return name


def _labels(dice, count):
    """Labels that are neighbours in many orders."""
    alphabet = "abz019-_"
    made = {"a", "aa", "ab", "b", "z", "0", "_sip", "_tcp", "x" * 63, "a-b", "a_b"}
    while len(made) < count:
        label = "".join(dice.choice(alphabet) for _ in range(dice.randrange(1, 5)))
        if not label.startswith("-") and not label.endswith("-"):
            made.add(label)
    return sorted(made)


def _fill_rich(dice, zone, child, other):
    labels = _labels(dice, 60)
    hosts = [f"host{number}" for number in range(8)]
    name = _pointing(dice, zone, [*hosts, "alias0", "w.wild", "cut0", "ns.cut0", "ent.deep"])
    for host in hosts:
        zone.add(host, "A", *(_ipv4(dice) for _ in range(dice.randrange(1, 4))))
        if dice.random() < 0.7:
            zone.add(host, "AAAA", _ipv6(dice))
    for rdtype in ("MX", "TXT", "CAA", "NAPTR", "A", "HTTPS", "LOC"):
        zone.add("", rdtype, *(TYPES[rdtype](dice, name) for _ in range(dice.randrange(1, 4))))
    for rdtype, make in TYPES.items():
        zone.add(f"type.{rdtype.lower()}", rdtype, *(make(dice, name) for _ in range(dice.randrange(1, 4))))
    for rdtype in dice.sample(sorted(TYPES), 25):
        zone.add("alltypes", rdtype, TYPES[rdtype](dice, name))
    for label in labels:
        for rdtype in dice.sample(USUAL, dice.randrange(1, 4)):
            zone.add(label, rdtype, *(TYPES[rdtype](dice, name) for _ in range(dice.randrange(1, 4))))
    # Empty non-terminals, one above the other, and with a sibling between.
    for relative in ("leaf.ent.deep", "leaf2.ent.deep", "a.b.c.d.e.f", "q.ent2", "_sip._udp", "_sip._tcp", ".".join("y" * 60 for _ in range(3))):
        zone.add(relative, "TXT", TYPES["TXT"](dice, name))
    _add_wildcards(dice, zone, name)
    _add_delegations(dice, zone, child)
    _add_aliases(dice, zone, child, other)
    for relative, rdtype, count in (("large.a", "A", 250), ("large.aaaa", "AAAA", 60), ("large.txt", "TXT", 120), ("large.srv", "SRV", 40),
                                    ("large.mx", "MX", 12)):
        zone.add(relative, rdtype, *(TYPES[rdtype](dice, name) for _ in range(count)))
    zone.add("zero.ttl", "A", "192.0.2.1", ttl=0)
    zone.add("longest.ttl", "A", "192.0.2.1", ttl=2147483647)


def _add_wildcards(dice, zone, name):
    def wildcard(relative, rdtype, *contents):
        zone.wildcards.append(zone.add(relative, rdtype, *contents))
    wildcard("*.wild", "A", "192.0.2.99", "192.0.2.98")
    wildcard("*.wild", "TXT", '"any"')
    wildcard("*.wild", "MX", f"10 {zone.full('host1')}")
    zone.add("exact.wild", "TXT", '"not the wildcard"')
    zone.add("below.ent.wild", "A", "192.0.2.97")     # hides the wildcard from all names at and below ent.wild
    wildcard("*.sub.wild", "AAAA", _ipv6(dice))       # a deeper one
    wildcard("*.deep.sub.wild", "SRV", f"1 2 3 {zone.full('host2')}")
    wildcard("*.alias.wild", "CNAME", zone.full("host3"))
    wildcard("*.lost.wild", "CNAME", zone.full("nobody"))
    wildcard("*.loop.wild", "CNAME", zone.full("x.loop.wild"))
    wildcard("*.outside.wild", "CNAME", OUTSIDE[0])
    zone.add("below.*.star", "TXT", '"the wildcard above is an empty non-terminal"')
    wildcard("*.ns.wild", "A", "192.0.2.96")
    zone.add("here.*.wild", "A", "192.0.2.95")        # below a wildcard with records
    for rdtype in dice.sample(sorted(set(TYPES) - {"A", "TXT", "MX"}), 8):
        wildcard("*.wild", rdtype, TYPES[rdtype](dice, name))


def _add_delegations(dice, zone, child):
    def delegate(relative, *servers, secure):
        zone.add(relative, "NS", *servers)
        if secure:
            zone.add(relative, "DS", *(_ds(dice) for _ in range(dice.randrange(1, 3))))
        zone.cuts.append(relative)
    for number in range(8):
        cut = f"cut{number}"
        delegate(cut, zone.full(f"ns.{cut}"), zone.full("host0"), OUTSIDE[0], secure=number % 2 == 0)
        zone.add(f"ns.{cut}", "A", _ipv4(dice))
        zone.add(f"ns.{cut}", "AAAA", _ipv6(dice))
    delegate("self", zone.full("self"), secure=False)             # the glue stands at the cut
    zone.add("self", "A", _ipv4(dice))
    delegate("self2", zone.full("self2"), secure=True)
    zone.add("self2", "A", _ipv4(dice))
    delegate("neighbour", zone.full("ns.cut1"), zone.full("ns.cut2"), secure=False)  # glue of other cuts
    delegate("lame", OUTSIDE[1], secure=True)
    if zone.mode != "optout":  # README.md says why
        delegate("only.insecure", OUTSIDE[1], secure=False)       # an empty non-terminal for an insecure delegation alone
        delegate("a.only.insecure2", OUTSIDE[1], secure=False)
        delegate("b.only.insecure2", OUTSIDE[2], secure=False)
    delegate("mixed.one", OUTSIDE[1], secure=False)
    delegate("mixed.two.one", OUTSIDE[1], secure=True)
    delegate("hidden", OUTSIDE[0], zone.full("ns.a.hidden"), secure=False)
    zone.add("ns.a.hidden", "A", _ipv4(dice))                     # below an empty name below the cut
    zone.add("*.hidden", "A", _ipv4(dice))                        # a wildcard below a cut
    if zone.mode != "nsec":  # README.md says why
        zone.add("inner.hidden", "NS", OUTSIDE[0])                # a cut below a cut
        zone.add("alias.hidden", "CNAME", zone.full("host0"))
        zone.add("data.hidden", "TXT", '"not ours to say"')
    delegate("both.wild", OUTSIDE[0], secure=False)               # a cut beside a wildcard
    delegate("secure.wild", OUTSIDE[0], secure=True)
    zone.add("kid", "NS", f"ns1.{child.apex}", OUTSIDE[0])        # a zone that is served here, too
    zone.add("kid", "DS", _ds(dice))
    zone.add("ns1.kid", "A", "192.0.2.53")
    zone.cuts.append("kid")


def _add_aliases(dice, zone, child, other):
    def alias(relative, target):
        zone.chains.append(zone.add(relative, "CNAME", target))
    for length in (1, 2, 3, 7, 11, 14):
        for step in range(length):
            alias(f"c{step}.chain{length}", zone.full(f"c{step + 1}.chain{length}" if step + 1 < length else "host1"))
    alias("alias0", zone.full("host0"))
    ends = {"nowhere": "nobody", "nodata": "ent.deep", "wildcard": "x.wild", "wildalias": "x.alias.wild", "cut": "cut0", "cut1": "cut1",
            "belowcut": "x.cut0", "glue": "ns.cut1", "loop": "loop.end", "belowdname": "x.dname", "apex": "", "star": "*.wild",
            "wildnodata": "x.sub.wild", "insecure": "x.only.insecure", "many": "large.a"}
    for label, target in ends.items():
        alias(f"{label}.end", zone.full(target))
    alias("loopa.end", zone.full("loopb.end"))
    alias("loopb.end", zone.full("loopa.end"))
    alias("outside.end", OUTSIDE[0])
    alias("child.end", f"www.{child.apex}")
    alias("childcut.end", child.apex)
    alias("childnone.end", f"none.{child.apex}")
    alias("other.end", f"www.{other.apex}")
    alias("othernone.end", f"a.b.explicit.{other.apex}")
    def dname(relative, target):
        zone.dnames.append(zone.add(relative, "DNAME", target))
    dname("dname", zone.full("wild"))
    dname("two.dnames", zone.full("ent.deep"))
    dname("hop.one", zone.full("dname"))
    dname("away", OUTSIDE[0])
    dname("tokid", child.apex)
    dname("toother", other.apex)
    dname("tocut", zone.full("cut0"))
    dname("long", zone.full(".".join("y" * 60 for _ in range(3))))  # names below become too long
    zone.add("dname", "TXT", '"beside a DNAME"')
    zone.add("dname", "A", _ipv4(dice))


def _fill_child(dice, zone, parent):
    zone.add("ns1", "A", "192.0.2.53")
    zone.add("www", "A", _ipv4(dice))
    zone.add("www", "AAAA", _ipv6(dice))
    zone.add("", "MX", f"10 {parent.full('host0')}", f"20 {zone.full('www')}")
    zone.add("deep.ent", "TXT", '"below an empty name"')
    zone.chains.append(zone.add("up", "CNAME", parent.full("alias0")))
    zone.chains.append(zone.add("upcut", "CNAME", parent.full("cut0")))
    zone.wildcards.append(zone.add("*.star", "A", _ipv4(dice)))


def _fill_wild(dice, zone, other):
    """A wildcard at the apex: every name that does not exist is answered."""
    zone.wildcards.append(zone.add("*", "A", _ipv4(dice)))
    zone.wildcards.append(zone.add("*", "MX", f"10 {zone.full('mail')}"))
    zone.add("www", "A", _ipv4(dice))
    zone.add("mail", "A", _ipv4(dice))
    zone.add("x.explicit", "TXT", '"its parent is an empty non-terminal"')
    zone.wildcards.append(zone.add("*.alias", "CNAME", other.full("alias0")))
    zone.add("insecure", "NS", OUTSIDE[0])
    zone.cuts.append("insecure")
    zone.add("secure", "NS", OUTSIDE[0])
    zone.add("secure", "DS", _ds(dice))
    zone.cuts.append("secure")
    zone.dnames.append(zone.add("dname", "DNAME", zone.full("explicit")))


def _fill_big(dice, zone, records):
    name = _pointing(dice, zone, ["h0", "h1", "h2.s1"])
    site, host = 0, 0
    while len(zone.records) < records:
        where = dice.random()
        host += 1
        if where < 0.1:
            site += 1
            cut = f"d{host}"
            zone.add(cut, "NS", zone.full(f"ns.{cut}"), OUTSIDE[0])
            zone.add(f"ns.{cut}", "A", _ipv4(dice))
            if where < 0.03:
                zone.add(cut, "DS", _ds(dice))
            zone.cuts.append(cut)
        elif where < 0.3:
            zone.add(f"h{host}.s{site}", "A", _ipv4(dice))
        elif where < 0.35:
            zone.add(f"h{host}.{_hex(dice, 2)}.t{site % 50}", "TXT", f'"{host}"')
        elif where < 0.36:
            zone.wildcards.append(zone.add(f"*.w{host}", "TXT", f'"{host}"'))
        elif where < 0.37:
            zone.chains.append(zone.add(f"c{host}", "CNAME", zone.full(f"h{dice.randrange(host)}")))
        else:
            for rdtype in dice.sample(USUAL, 2):
                zone.add(f"h{host}", rdtype, TYPES[rdtype](dice, name))
