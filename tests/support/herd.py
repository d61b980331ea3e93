"""Very many members in one process: the other end of member_herd (herd.cpp)."""

import datetime
import ipaddress
import shutil
import subprocess
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from overlay import PROGRAMS, Failure


def certify(net, directory, role, count):
    """What member_herd reads: members h0, h1, ... with one key, issued by the operator's CA at once (thor-ca would keep each on record)."""
    authority = x509.load_pem_x509_certificate(net.ca.certificate.read_bytes())
    authority_key = serialization.load_pem_private_key((net.ca.directory / "ca.key").read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    shutil.copy(net.ca.certificate, directory / "ca.crt")
    private = directory / "herd.key"
    private.touch(0o600)
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    now = datetime.datetime.utcnow()
    for number in range(count):
        subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, net.domain), x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, role),
                   x509.NameAttribute(NameOID.COMMON_NAME, f"h{number}")]
        made = (x509.CertificateBuilder().subject_name(x509.Name(subject)).issuer_name(authority.subject).public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(30))
                .add_extension(x509.BasicConstraints(False, None), critical=True)
                .add_extension(x509.KeyUsage(True, *[False] * 8), critical=True)
                .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
                .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address(number)))]), critical=False))
        pem = made.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        (directory / f"h{number}.crt").write_bytes(pem)


def address(number):
    return f"198.19.{number >> 8}.{number & 255}"


class Herd:
    """A process with `count` members of one role, that runs until close()."""

    def __init__(self, net, count, role, inside=()):
        self.count = count
        self.servers = list(net.event_servers)
        directory = net.directory / "herd"
        directory.mkdir()
        certify(net, directory, role, count)
        self.up = {server: {} for server in self.servers}  # event server -> {member: since when, in seconds of the monotonic clock}
        self.changed = threading.Condition()
        with open(net.directory / "herd.log", "ab") as log:
            self.child = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *inside, PROGRAMS / "member_herd", directory, role, str(count),
                                           *self.servers], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.pid = self.child.pid
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self):
        for line in self.child.stdout:
            when, what, member, server = line.split()
            with self.changed:
                if what == "up":
                    self.up[server][member] = int(when) / 1e9
                else:
                    self.up[server].pop(member, None)
                self.changed.notify_all()

    def tell(self, what, first=0, last=None):
        """One of member_herd's commands, for the members from `first` up to, not including, `last`."""
        print(what, first, self.count if last is None else last, file=self.child.stdin, flush=True)

    def wait_connected(self, server, timeout_s, count=None):
        """Waits until `count` members (all) are connected to an event server."""
        wanted = self.count if count is None else count
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.up[server]) >= wanted or self.child.poll() is not None, timeout_s):
                raise Failure(f"{len(self.up[server])} of {wanted} members are connected to {server} after {timeout_s} s")
        if self.child.poll() is not None:
            raise Failure(f"member_herd ended with code {self.child.returncode}")

    def wait_gone(self, server, timeout_s):
        """Waits until no member is connected to an event server."""
        with self.changed:
            if not self.changed.wait_for(lambda: not self.up[server], timeout_s):
                raise Failure(f"{len(self.up[server])} members are still connected to {server}")

    def connected_since(self, server):
        """When the members that are connected to an event server connected, earliest first."""
        with self.changed:
            return sorted(self.up[server].values())

    def close(self):
        self.child.stdin.close()
        self.child.wait()
        self.reader.join()
