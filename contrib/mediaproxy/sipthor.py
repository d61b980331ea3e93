"""MediaProxy's module for SIP Thor, for an overlay of this Thor: the relay connects to the dispatcher of every SIP proxy.

It belongs in the package `mediaproxy` in place of the one of that name, which needs libraries that are not public. MediaProxy's
relay imports SIPThorMediaRelayBase from here when it can; it is the relay's own base that asks DNS, and asks a file instead, the
one that the hook thor-mediaproxy writes. What the relay does when a dispatcher goes (it keeps the connection while that one has
sessions) and comes back is as ever.
"""

import os

from mediaproxy.relay import SRVMediaRelayBase
from mediaproxy.scheduler import KeepRunning

LIST = os.environ.get("THOR_DISPATCHERS", "/run/thor/mediaproxy.dispatchers")


def read_dispatchers(path):
    """(address, port) of every proxy; None while there is no file, or one that is not what it should be."""
    try:
        with open(path, encoding="ascii") as file:
            return [(address, int(port)) for address, port in (line.split() for line in file)]
    except (OSError, ValueError):
        return None


class SIPThorMediaRelayBase(SRVMediaRelayBase):
    """Asks at the start and every dns_check_interval of [Relay]; without an answer it stays with the dispatchers that it has."""

    def _do_lookup(self):
        dispatchers = read_dispatchers(LIST)
        if dispatchers is not None and not self.shutting_down:
            self.update_dispatchers(dispatchers)
        return KeepRunning
