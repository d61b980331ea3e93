"""What the integration tests of whole overlays share: expectations about DNS, and the logs when one is not met."""

import unittest

from overlay import DOMAIN, wait_until


class OverlayTest(unittest.TestCase):
    """A subclass has its overlay in `net` and the pdns_server processes that must all agree in `pdns`."""

    net = None
    pdns = ()

    def shows(self, name, rdtype, expected, rcode="NOERROR"):
        """Every name server comes to answer with exactly these records; `name` is relative, "" for the domain."""
        asked = f"{name}.{DOMAIN}" if name else DOMAIN
        for pdns in self.pdns:
            wait_until(lambda server=pdns.server: self.agrees(server.ask(asked, rdtype), rdtype, expected, rcode),
                       lambda server=pdns.server: f"{asked} {rdtype} is {rcode} {sorted(expected)} at {server}; "
                                                  f"it is {server.ask(asked, rdtype)}")

    @staticmethod
    def agrees(answer, rdtype, expected, rcode):
        return answer.rcode == rcode and answer.texts(rdtype) == set(expected)

    def nodata(self, name, rdtype):
        """The name exists and has no such records: the negative answer that denies nothing else."""
        for pdns in self.pdns:
            answer = pdns.server.ask(f"{name}.{DOMAIN}", rdtype)
            self.assertTrue(answer.nodata, f"{name} {rdtype} at {pdns.server}: {answer}")

    @staticmethod
    def srv(port, *nodes):
        return {f"10 100 {port} {node}.node.{DOMAIN}." for node in nodes}


class _ResultWithLogs(unittest.TextTestResult):
    """Shows the logs of the overlay's processes where a test fails."""

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.logs(test)

    def addError(self, test, err):
        super().addError(test, err)
        self.logs(test)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.logs(test)

    @staticmethod
    def logs(test):
        if getattr(test, "net", None) is not None:
            test.net.print_logs()


def main():
    unittest.main(testRunner=unittest.TextTestRunner(resultclass=_ResultWithLogs, verbosity=2))
