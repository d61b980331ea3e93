"""Judges a signed answer as a validating resolver does (RFC 4035 section 5, RFC 5155 section 8): one question, one answer, no second try."""

import base64

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

NSEC, NSEC3, RRSIG, SOA, NS, DS, CNAME = (dns.rdatatype.from_text(text) for text in ("NSEC", "NSEC3", "RRSIG", "SOA", "NS", "DS", "CNAME"))
OPT_OUT = 1


class Bogus(Exception):
    """What a resolver would answer SERVFAIL for, and why."""


def has_type(bitmap_record, rdtype):
    return any(window == rdtype >> 8 and len(bits) > (rdtype & 255) // 8 and bits[(rdtype & 255) // 8] & 0x80 >> rdtype % 8
               for window, bits in bitmap_record.windows)


def parents(name, apex):
    while name != apex:
        name = name.parent()
        yield name


class NsecProofs:
    def __init__(self, records, apex):
        self.records, self.apex = records, apex  # {owner: rdata}

    def match(self, name):
        return self.records.get(name)

    def cover(self, name):
        """The NSEC whose gap the name is in; the last one's next owner is the apex."""
        for owner, record in self.records.items():
            if owner < name and (name < record.next or record.next == self.apex):
                return owner, record
        return None

    def encloser(self, name):
        found = self.cover(name)
        if found is None:
            raise Bogus(f"no NSEC covers {name}")
        owner, record = found
        if has_type(record, NS) and not has_type(record, SOA) and name.is_subdomain(owner):
            raise Bogus(f"the NSEC of the delegation {owner} denies what lies below it")
        return max((end for one in (owner, record.next) for end in [name.fullcompare(one)[2]]), default=0)

    def no_match(self, name):
        """Proves that the name does not exist; returns its closest encloser."""
        labels = self.encloser(name)
        if self.cover(name)[1].next.is_subdomain(name):
            raise Bogus(f"{name} is an empty non-terminal")
        return name.split(labels)[1]

    def no_wildcard_type(self, name, rdtype):
        wildcard = dns.name.from_text("*", self.no_match(name))
        check_absent(self.match(wildcard), wildcard, rdtype)

    def no_name(self, name):
        wildcard = dns.name.from_text("*", self.no_match(name))
        if self.cover(wildcard) is None:
            raise Bogus(f"no NSEC covers {wildcard}")

    def no_data(self, name, rdtype):
        if self.match(name) is not None:
            return check_absent(self.match(name), name, rdtype)
        found = self.cover(name)
        if found is not None and found[1].next.is_subdomain(name):
            return None  # an empty non-terminal
        return self.no_wildcard_type(name, rdtype)

    def wildcard_used(self, name, encloser):
        if self.no_match(name) != encloser:
            raise Bogus(f"{name} has a closer encloser than {encloser}")

    def no_ds(self, name):
        check_absent(self.match(name), name, DS, must_delegate=True)


class Nsec3Proofs:
    def __init__(self, records, apex):
        self.records, self.apex = records, apex  # {hash label in upper case: rdata}

    def hash(self, name):
        record = next(iter(self.records.values()))
        return dns.dnssec.nsec3_hash(name, record.salt, record.iterations, record.algorithm).upper()

    def match(self, name):
        return self.records.get(self.hash(name))

    def cover(self, name):
        wanted = self.hash(name)
        for owner, record in self.records.items():
            after = base64.b32hexencode(record.next).decode()
            if owner < wanted < after or (after <= owner and (wanted > owner or wanted < after)):
                return record
        return None

    def encloser(self, name):
        """The closest encloser that is proved (RFC 5155 section 8.3), and the NSEC3 that covers the next closer name."""
        closer = name
        for parent in parents(name, self.apex):
            if self.match(parent) is not None:
                covering = self.cover(closer)
                if covering is None:
                    raise Bogus(f"no NSEC3 covers {closer}")
                if has_type(self.match(parent), NS) and not has_type(self.match(parent), SOA):
                    raise Bogus(f"the delegation {parent} denies what lies below it")
                return parent, covering
            closer = parent
        raise Bogus(f"no closest encloser of {name}")

    def no_name(self, name):
        parent, _ = self.encloser(name)
        wildcard = dns.name.from_text("*", parent)
        if self.cover(wildcard) is None:
            raise Bogus(f"no NSEC3 covers {wildcard}")

    def no_data(self, name, rdtype):
        if self.match(name) is not None:
            return check_absent(self.match(name), name, rdtype)
        parent, covering = self.encloser(name)
        if rdtype == DS and covering.flags & OPT_OUT:
            return None
        wildcard = dns.name.from_text("*", parent)
        return check_absent(self.match(wildcard), wildcard, rdtype)

    def wildcard_used(self, name, encloser):
        """RFC 5155 section 8.8: the answer itself shows the closest encloser."""
        closer = name.split(len(encloser) + 1)[1]
        if self.cover(closer) is None:
            raise Bogus(f"no NSEC3 covers {closer}")

    def no_ds(self, name):
        if self.match(name) is not None:
            return check_absent(self.match(name), name, DS, must_delegate=True)
        if not self.encloser(name)[1].flags & OPT_OUT:
            raise Bogus(f"nothing proves that {name} is insecure")
        return None


def check_absent(record, name, rdtype, must_delegate=False):
    if record is None:
        raise Bogus(f"nothing matches {name}")
    if has_type(record, rdtype) or has_type(record, CNAME):
        raise Bogus(f"{name} has the type that is denied, or an alias")
    delegates = has_type(record, NS) and not has_type(record, SOA)
    if must_delegate != delegates and not (delegates and rdtype == DS):
        raise Bogus(f"{name}: a delegation, or none, speaks for the other")


class Validator:
    """Of one zone with its DNSKEY RRset, which is trusted as it is."""

    def __init__(self, apex, dnskeys):
        self.apex = dns.name.from_text(apex)
        self.keys = {self.apex: dnskeys}

    def judge(self, message):
        """The answer's verdict: "secure", or "insecure" for a referral to an unsigned zone. Raises Bogus."""
        signed = self._signed(message)
        name, rdtype = message.question[0].name, message.question[0].rdtype
        proofs = self._proofs(message)
        answers = {(rrset.name, rrset.rdtype): rrset for rrset in message.answer if rrset.rdtype != RRSIG}
        while True:
            rrset = answers.get((name, rdtype)) or answers.get((name, CNAME))
            if rrset is None:
                break
            labels = signed[rrset.name, rrset.rdtype]
            if labels < len(name) - 1 - name.is_wild():
                self._need(proofs).wildcard_used(name, name.split(labels + 1)[1])
            if rrset.rdtype == rdtype:
                return "secure"
            name = rrset[0].target
            if not name.is_subdomain(self.apex):
                return "secure"
        referral = next((rrset.name for rrset in message.authority if rrset.rdtype == NS and rrset.name != self.apex), None)
        if referral is not None:
            if (referral, DS) in signed:
                return "secure"
            self._need(proofs).no_ds(referral)
            return "insecure"
        if message.rcode() == dns.rcode.NXDOMAIN:
            self._need(proofs).no_name(name)
        else:
            self._need(proofs).no_data(name, rdtype)
        return "secure"

    def _signed(self, message):
        """The labels that each RRset was signed with; every one but those of a referral has to be signed."""
        out = {}
        for section in (message.answer, message.authority):
            signatures = {(rrset.name, rrset.covers): rrset for rrset in section if rrset.rdtype == RRSIG}
            for rrset in section:
                if rrset.rdtype == RRSIG or (rrset.rdtype == NS and rrset.name != self.apex):
                    continue
                signature = signatures.get((rrset.name, rrset.rdtype))
                if signature is None:
                    raise Bogus(f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} is not signed")
                try:
                    dns.dnssec.validate(rrset, signature, self.keys)
                except dns.dnssec.ValidationFailure as failure:
                    raise Bogus(f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)}: {failure}") from failure
                out[rrset.name, rrset.rdtype] = signature[0].labels
        return out

    def _proofs(self, message):
        for rdtype, proofs in ((NSEC, NsecProofs), (NSEC3, Nsec3Proofs)):
            records = {rrset.name: rrset[0] for rrset in message.authority if rrset.rdtype == rdtype}
            for owner, record in records.items():
                if has_type(record, dns.rdatatype.NONE):
                    raise Bogus(f"{owner} has records of type 0")
            if records and rdtype == NSEC3:
                records = {owner.labels[0].decode().upper(): record for owner, record in records.items()}
            if records:
                return proofs(records, self.apex)
        return None

    @staticmethod
    def _need(proofs):
        if proofs is None:
            raise Bogus("no NSEC and no NSEC3")
        return proofs
