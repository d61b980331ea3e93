#!/usr/bin/python3
"""thor-ca as an operator uses it, with openssl looking over its shoulder."""

import concurrent.futures
import datetime
import os
import pathlib
import re
import stat
import subprocess
import tempfile
import time
import unittest

PROGRAM = pathlib.Path(os.environ["THOR_BIN"]) / "thor-ca"
SERIAL = re.compile(r"\b[0-9a-f]{32}\b")


def run(*argv, expect=0, cwd=None):
    """Runs a command to its end and returns what it printed, errors included."""
    done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, cwd=cwd, timeout=60)
    if done.returncode != expect:
        raise AssertionError(f"{' '.join(map(str, argv))} ended with {done.returncode}, not {expect}:\n{done.stdout}")
    return done.stdout


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


class CaTest(unittest.TestCase):
    INIT = ["--domain", "sip.example"]

    def setUp(self):
        # Whatever the operator's umask is, it is not what keeps a key secret.
        old_umask = os.umask(0)
        self.addCleanup(os.umask, old_umask)
        self.home = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="thor-ca-")))
        self.dir = self.home / "ca"
        if self.INIT:
            self.ca("init", *self.INIT)

    def ca(self, *words, expect=0):
        return run(PROGRAM, "--dir", self.dir, *words, expect=expect, cwd=self.home)

    def refused(self, *words, expect=1):
        """The refusal, which leaves everything as it was."""
        before = self.everything()
        said = self.ca(*words, expect=expect)
        self.assertEqual(before, self.everything())
        return said

    def everything(self):
        return {path: path.read_bytes() for path in self.home.rglob("*") if path.is_file()}

    def rows(self):
        """What `list` prints: one dict a certificate."""
        header, *lines = self.ca("list").splitlines()
        starts = [header.index(name) for name in header.split()]
        cut = [slice(start, end) for start, end in zip(starts, starts[1:] + [None])]
        return [dict(zip(header.split(), (line[part].strip() for part in cut))) for line in lines]

    def states(self):
        return {row["SERIAL"]: row["STATE"].split()[0] for row in self.rows()}

    def verify(self, certificate, expect=0):
        return run("openssl", "verify", "-x509_strict", "-CAfile", self.dir / "ca.crt", "-CRLfile", self.dir / "crl.pem",
                   "-crl_check", self.home / certificate, expect=expect)


class Init(CaTest):
    INIT = None

    def test_makes_a_ca_that_openssl_accepts(self):
        for key_type in ("p256", "ed25519"):
            self.dir = self.home / key_type
            said = self.ca("init", "--domain", "Sip.Example.", "--key-type", key_type, "--days", "100")
            self.assertIn("the CA of sip.example", said)
            self.assertEqual(0o700, mode(self.dir))
            self.assertEqual(0o600, mode(self.dir / "ca.key"))
            self.assertEqual(0o644, mode(self.dir / "ca.crt"))
            self.assertEqual(0o644, mode(self.dir / "crl.pem"))
            run("openssl", "verify", "-x509_strict", "-CAfile", self.dir / "ca.crt", self.dir / "ca.crt")
            run("openssl", "crl", "-in", self.dir / "crl.pem", "-CAfile", self.dir / "ca.crt", "-noout")
            run("openssl", "pkey", "-in", self.dir / "ca.key", "-check", "-noout")
            run("openssl", "x509", "-in", self.dir / "ca.crt", "-noout", "-checkend", 99 * 86400)
            run("openssl", "x509", "-in", self.dir / "ca.crt", "-noout", "-checkend", 101 * 86400, expect=1)

    def test_never_touches_an_existing_ca(self):
        self.ca("init", "--domain", "sip.example")
        self.assertIn("holds a CA already", self.refused("init", "--domain", "sip.example"))

    def test_says_what_an_interrupted_init_left(self):
        self.ca("init", "--domain", "sip.example")
        (self.dir / "ca.crt").unlink()
        self.assertIn("interrupted init", self.refused("init", "--domain", "sip.example"))

    def test_says_what_keeps_it_from_making_the_directory(self):
        (self.home / "file").touch()
        self.dir = self.home / "file" / "below" / "ca"
        self.assertIn("file", self.ca("init", "--domain", "sip.example", expect=1))

    def test_needs_a_domain(self):
        self.assertIn("--domain", self.ca("init", expect=2))
        for domain in ("", "192.0.2.1", "my_domain", "a..b"):
            self.assertIn("is not a domain name", self.ca("init", "--domain", domain, expect=2))
        self.assertFalse(self.dir.exists())

    def test_other_commands_need_a_ca(self):
        for words in (["list"], ["crl"], ["issue", "gw1", "--role", "sip_proxy"], ["revoke", "gw1"], ["renew", "gw1"]):
            self.assertIn("thor-ca init", self.ca(*words, expect=1))


class Issue(CaTest):
    def test_makes_key_and_certificate(self):
        said = self.ca("issue", "gw1", "--role", "sip_proxy", "media_relay", "--address", "192.0.2.1", "2001:db8::1")
        for word in ("gw1.crt", "gw1.key", "node.crt", "node.key", "ca.crl"):
            self.assertIn(word, said)
        self.assertEqual(0o600, mode(self.home / "gw1.key"))
        self.assertEqual(0o644, mode(self.home / "gw1.crt"))
        self.verify("gw1.crt")
        subject = run("openssl", "x509", "-in", self.home / "gw1.crt", "-noout", "-subject")
        self.assertEqual("subject=O = sip.example, OU = media_relay, OU = sip_proxy, CN = gw1\n", subject)
        of_key = run("openssl", "pkey", "-in", self.home / "gw1.key", "-pubout")
        self.assertEqual(of_key, run("openssl", "x509", "-in", self.home / "gw1.crt", "-noout", "-pubkey"))
        [row] = self.rows()
        self.assertEqual(("gw1", "media_relay sip_proxy", "192.0.2.1 2001:db8::1", "valid"),
                         (row["ID"], row["ROLES"], row["ADDRESSES"], row["STATE"]))

    def test_writes_where_it_is_told(self):
        out = self.home / "out"
        self.assertIn("is not a directory", self.refused("issue", "gw1", "--role", "sip_proxy", "--out", out))
        out.mkdir()
        self.ca("issue", "gw1", "--role", "sip_proxy", "--out", out, "--key-type", "ed25519", "--days", "10")
        self.assertEqual({"gw1.crt", "gw1.key"}, {path.name for path in out.iterdir()})
        run("openssl", "x509", "-in", out / "gw1.crt", "-noout", "-checkend", 9 * 86400)
        run("openssl", "x509", "-in", out / "gw1.crt", "-noout", "-checkend", 11 * 86400, expect=1)

    def test_gives_one_id_to_one_node(self):
        self.ca("issue", "gw1", "--role", "sip_proxy")
        said = self.refused("issue", "gw1", "--role", "sip_proxy", "--out", self.home)
        self.assertIn("thor-ca renew gw1", said)
        self.ca("revoke", "gw1")
        (self.home / "gw1.crt").unlink()
        (self.home / "gw1.key").unlink()
        self.ca("issue", "gw1", "--role", "media_relay")
        self.verify("gw1.crt")

    def test_never_overwrites_a_key(self):
        (self.home / "gw1.key").write_text("precious")
        self.assertIn("never overwritten", self.refused("issue", "gw1", "--role", "sip_proxy"))
        (self.home / "gw2.crt").write_text("precious")
        self.assertIn("exists already", self.refused("issue", "gw2", "--role", "sip_proxy"))
        (self.home / "gw3.key").symlink_to(self.home / "elsewhere")
        self.assertIn("never overwritten", self.refused("issue", "gw3", "--role", "sip_proxy"))

    def test_wrong_use_is_explained(self):
        role = ["--role", "sip_proxy"]
        for words, reason in (
                (["issue", "GW1", *role], "no node id"),
                (["issue", "gw1.example", *role], "no node id"),
                (["issue", "a" * 64, *role], "64 octets"),
                (["issue", *role], "ID"),
                (["issue", "gw1"], "--role is required"),
                (["issue", "gw1", "--role", "sip_porxy"], '"sip_porxy" is not one of the roles'),
                (["issue", "gw1", "--custom-role", "Fax"], "no role name"),
                (["issue", "gw1", *role, "--address", "192.0.2.256"], "not an IPv4 or IPv6 address"),
                (["issue", "gw1", *role, "--days", "0"], "--days"),
                (["issue", "gw1", *role, "--days", "soon"], "--days"),
                (["issue", "gw1", *role, "--key-type", "rsa"], "--key-type"),
                (["isue", "gw1", *role], "isue"),
                (["revoke", "gw1", "--reason", "boredom"], "keyCompromise"),
                ([], "Usage"),
        ):
            with self.subTest(words=words):
                self.assertIn(reason, self.refused(*words, expect=2))

    def test_takes_roles_of_the_operators_own(self):
        self.ca("issue", "gw1", "--role", "sip_proxy", "--custom-role", "fax_gateway")
        self.assertEqual("fax_gateway sip_proxy", self.rows()[0]["ROLES"])

    def test_ends_with_the_ca(self):
        said = self.ca("issue", "gw1", "--role", "sip_proxy", "--days", "36500")
        self.assertIn("ends with the CA", said)
        end = run("openssl", "x509", "-in", self.home / "gw1.crt", "-noout", "-enddate")
        self.assertEqual(end, run("openssl", "x509", "-in", self.dir / "ca.crt", "-noout", "-enddate"))

    def test_an_expired_ca_issues_nothing(self):
        # A CA of the profile, made by openssl, whose time is over.
        run("openssl", "req", "-new", "-key", self.dir / "ca.key", "-subj", "/O=sip.example/CN=old", "-out", "ca.csr", cwd=self.home)
        (self.home / "ca.ext").write_text("basicConstraints=CA:TRUE\nkeyUsage=keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n")
        (self.home / "index").touch()
        (self.home / "ca.cnf").write_text("[ca]\ndefault_ca=a\n[a]\ndatabase=index\nnew_certs_dir=.\nrand_serial=1\n"
                                          "default_md=default\ndefault_crl_days=1\npolicy=p\n[p]\n"
                                          "organizationName=supplied\ncommonName=supplied\n")
        run("openssl", "ca", "-batch", "-selfsign", "-config", "ca.cnf", "-in", "ca.csr", "-keyfile", self.dir / "ca.key",
            "-startdate", "20200101000000Z", "-enddate", "20210101000000Z", "-extfile", "ca.ext", "-out", self.dir / "ca.crt",
            "-notext", cwd=self.home)
        run("openssl", "ca", "-config", "ca.cnf", "-gencrl", "-cert", self.dir / "ca.crt", "-keyfile", self.dir / "ca.key",
            "-out", self.dir / "crl.pem", cwd=self.home)
        said = self.refused("issue", "gw1", "--role", "sip_proxy")
        self.assertIn("expired on 2021-01-01", said)
        self.assertIn("thor-ca init", said)


class Revoke(CaTest):
    def setUp(self):
        super().setUp()
        for node in ("gw1", "gw2"):
            self.ca("issue", node, "--role", "sip_proxy")

    def test_by_id(self):
        said = self.ca("revoke", "gw1", "--reason", "keyCompromise")
        self.assertIn("ca.crl", said)
        self.assertIn("certificate revoked", self.verify("gw1.crt", expect=2))
        self.verify("gw2.crt")
        self.assertIn("Key Compromise", run("openssl", "crl", "-in", self.dir / "crl.pem", "-noout", "-text"))
        rows = {row["ID"]: row["STATE"] for row in self.rows()}
        self.assertRegex(rows["gw1"], r"^revoked .*\(keyCompromise\)$")
        self.assertEqual("valid", rows["gw2"])

    def test_by_serial_number_in_any_notation(self):
        run("cp", self.home / "gw1.crt", self.home / "old.crt")
        self.ca("renew", "gw1")
        old = run("openssl", "x509", "-in", self.home / "old.crt", "-noout", "-serial").strip().removeprefix("serial=")
        self.ca("revoke", ":".join(re.findall("..", old)))
        self.assertIn("certificate revoked", self.verify("old.crt", expect=2))
        self.verify("gw1.crt")

    def test_by_id_revokes_every_certificate_of_it(self):
        self.ca("renew", "gw1")
        self.ca("revoke", "gw1")
        self.assertEqual(["revoked", "revoked", "valid"], sorted(self.states().values()))

    def test_twice_is_no_error(self):
        self.ca("revoke", "gw1", "--reason", "superseded")
        self.assertIn("before", self.ca("revoke", "gw1", "--reason", "keyCompromise"))
        self.assertIn("(superseded)", self.ca("list"))

    def test_of_somebody_unknown_is_an_error(self):
        self.assertIn("thor-ca list", self.refused("revoke", "gw9"))

    def test_the_list_is_renewed_with_its_content_and_keeps_its_period(self):
        def due_in_days():
            text = run("openssl", "crl", "-in", self.dir / "crl.pem", "-noout", "-nextupdate", "-lastupdate")
            due, made = (datetime.datetime.strptime(line.split("=")[1], "%b %d %H:%M:%S %Y %Z") for line in text.splitlines())
            return (due - made).days
        self.assertEqual(30, due_in_days())
        self.ca("revoke", "gw1")
        self.ca("crl", "--days", "7")
        self.assertEqual(7, due_in_days())
        self.ca("revoke", "gw2")
        self.assertEqual(7, due_in_days())
        self.assertIn("certificate revoked", self.verify("gw1.crt", expect=2))
        self.assertEqual(0o644, mode(self.dir / "crl.pem"))

    def test_a_lost_list_is_not_made_up(self):
        (self.dir / "crl.pem").unlink()
        self.assertIn("restore it from a copy", self.refused("crl"))

    def test_a_list_of_another_ca_is_not_taken(self):
        run(PROGRAM, "--dir", self.home / "other", "init", "--domain", "sip.example")
        run("cp", self.home / "other" / "crl.pem", self.dir / "crl.pem")
        self.assertIn("not signed by this CA", self.refused("revoke", "gw1"))


class Renew(CaTest):
    def setUp(self):
        super().setUp()
        self.ca("issue", "gw1", "--role", "sip_proxy", "--address", "192.0.2.1", "--days", "5")

    def public_key(self):
        return run("openssl", "x509", "-in", self.home / "gw1.crt", "-noout", "-pubkey")

    def test_keeps_key_roles_and_addresses(self):
        key, public_key, old = (self.home / "gw1.key").read_bytes(), self.public_key(), self.states()
        self.ca("renew", "gw1", "--days", "50")
        self.assertEqual(key, (self.home / "gw1.key").read_bytes())
        self.assertEqual(public_key, self.public_key())
        self.verify("gw1.crt")
        run("openssl", "x509", "-in", self.home / "gw1.crt", "-noout", "-checkend", 49 * 86400)
        rows = self.rows()
        self.assertEqual(2, len(rows))
        self.assertTrue(all((row["ROLES"], row["ADDRESSES"], row["STATE"]) == ("sip_proxy", "192.0.2.1", "valid") for row in rows))
        self.assertLess(set(old), set(self.states()))

    def test_may_change_roles_and_addresses(self):
        self.ca("renew", "gw1", "--role", "media_relay", "--address", "192.0.2.2")
        said = self.ca("show", self.home / "gw1.crt")
        self.assertRegex(said, r"roles +media_relay\n")
        self.assertRegex(said, r"addresses +192.0.2.2\n")

    def test_makes_a_new_key_when_told(self):
        public_key = self.public_key()
        self.assertIn("never overwritten", self.refused("renew", "gw1", "--new-key"))
        out = self.home / "new"
        out.mkdir()
        self.ca("renew", "gw1", "--new-key", "--key-type", "ed25519", "--out", out)
        self.assertEqual(0o600, mode(out / "gw1.key"))
        of_key = run("openssl", "pkey", "-in", out / "gw1.key", "-pubout")
        self.assertNotEqual(public_key, of_key)
        self.assertEqual(of_key, run("openssl", "x509", "-in", out / "gw1.crt", "-noout", "-pubkey"))
        self.assertIn("--new-key", self.refused("renew", "gw1", "--key-type", "ed25519", expect=2))

    def test_needs_something_to_renew(self):
        self.assertIn("no certificate that could be renewed", self.refused("renew", "gw2"))
        self.ca("revoke", "gw1")
        self.assertIn("no certificate that could be renewed", self.refused("renew", "gw1"))


class Store(CaTest):
    def test_a_key_that_others_can_read_is_not_used(self):
        (self.dir / "ca.key").chmod(0o644)
        self.assertIn("0644", self.refused("issue", "gw1", "--role", "sip_proxy"))

    def test_what_a_crash_leaves_behind_does_no_harm(self):
        self.ca("issue", "gw1", "--role", "sip_proxy")
        for leftover in (self.dir / "crl.pem.new", self.dir / "issued" / "00ff.crt.new", self.home / "gw2.crt.new"):
            leftover.write_text("half a fi")
        self.ca("issue", "gw2", "--role", "sip_proxy")
        self.ca("revoke", "gw1")
        self.assertEqual({"gw1": "revoked", "gw2": "valid"}, {row["ID"]: row["STATE"].split()[0] for row in self.rows()})

    def test_killed_at_any_moment_it_leaves_a_good_directory(self):
        rounds = 40
        began = time.monotonic()
        self.ca("issue", "whole", "--role", "sip_proxy")
        whole_s = time.monotonic() - began
        for number in range(rounds):
            child = subprocess.Popen([PROGRAM, "--dir", self.dir, "issue", f"n{number}", "--role", "sip_proxy"], cwd=self.home,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(1.2 * whole_s * number / rounds)
            child.kill()
            child.wait()
        for row in self.rows():
            self.assertTrue((self.home / f"{row['ID']}.key").exists(), "a recorded certificate has its key")
            self.ca("revoke", row["ID"])
        self.assertTrue(all(state == "revoked" for state in self.states().values()))

    def test_several_at_work_at_once_lose_nothing(self):
        def issue_and_revoke(number):
            self.ca("issue", f"n{number}", "--role", "sip_proxy")
            self.ca("revoke", f"n{number}")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(issue_and_revoke, range(24)))
        self.assertEqual(24, len(self.states()))
        self.assertEqual({"revoked"}, set(self.states().values()))

    def test_list_shows_what_has_expired(self):
        # A certificate of the past, recorded as thor-ca would have.
        self.ca("issue", "gw1", "--role", "sip_proxy")
        (self.home / "ext").write_text("keyUsage=digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n"
                                       "authorityKeyIdentifier=keyid\n")
        (self.home / "index").touch()
        (self.home / "ca.cnf").write_text("[ca]\ndefault_ca=a\n[a]\ndatabase=index\nnew_certs_dir=.\nrand_serial=1\n"
                                          "default_md=default\npolicy=p\n[p]\norganizationName=supplied\n"
                                          "organizationalUnitName=supplied\ncommonName=supplied\n")
        run("openssl", "req", "-new", "-noenc", "-newkey", "ed25519", "-subj", "/O=sip.example/OU=sip_proxy/CN=gw0",
            "-keyout", "old.key", "-out", "old.csr", cwd=self.home)
        run("openssl", "ca", "-batch", "-config", "ca.cnf", "-in", "old.csr", "-cert", self.dir / "ca.crt", "-keyfile",
            self.dir / "ca.key", "-startdate", "20200101000000Z", "-enddate", "20210101000000Z", "-extfile", "ext", "-out",
            self.dir / "issued" / "old.crt", "-notext", cwd=self.home)
        self.assertEqual({"gw0": "expired", "gw1": "valid"}, {row["ID"]: row["STATE"] for row in self.rows()})
        self.ca("issue", "gw0", "--role", "sip_proxy")
        self.verify("gw0.crt")


class Show(CaTest):
    def test_tells_what_a_certificate_says(self):
        self.ca("issue", "gw1", "--role", "sip_proxy", "--key-type", "ed25519")
        said = run(PROGRAM, "show", self.home / "gw1.crt")
        for words in ("gw1", "sip.example", "sip_proxy", "Ed25519", "that of its connection", *SERIAL.findall(self.ca("list"))):
            self.assertIn(words, said)
        fingerprint = run("openssl", "x509", "-in", self.home / "gw1.crt", "-noout", "-fingerprint", "-sha256")
        self.assertIn(fingerprint.strip().split("=")[1].replace(":", "").lower(), said)
        self.assertIn("CA of", run(PROGRAM, "show", self.dir / "ca.crt"))

    def test_says_why_a_certificate_is_not_of_the_profile(self):
        run("openssl", "req", "-x509", "-noenc", "-newkey", "rsa:2048", "-subj", "/O=sip.example/OU=sip_proxy/CN=gw1",
            "-keyout", "rsa.key", "-out", "rsa.crt", cwd=self.home)
        self.assertIn("only ECDSA P-256 and Ed25519", run(PROGRAM, "show", self.home / "rsa.crt"))

    def test_names_a_file_that_is_none(self):
        self.assertIn("No such file", run(PROGRAM, "show", self.home / "nothing", expect=1))
        self.assertIn("no certificate in PEM form", run(PROGRAM, "show", self.dir / "ca.key", expect=1))

    def test_help_and_version(self):
        for command in ([], ["init"], ["issue"], ["list"], ["show"], ["renew"], ["revoke"], ["crl"]):
            self.assertIn("Usage: thor-ca", run(PROGRAM, *command, "--help"))
        self.assertRegex(run(PROGRAM, "--version"), r"^thor-ca \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
