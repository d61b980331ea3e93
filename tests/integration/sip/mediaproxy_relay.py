"""mediaproxy/relay.py as far as contrib/mediaproxy/sipthor.py knows it: which base class it takes, when that asks for the dispatchers, and one
TCP connection to each. Says on standard output what it is connected to, at every change."""

import errno
import select
import socket
import time

CHECK_INTERVAL_S = 0.05  # dns_check_interval of [Relay]
CONNECT_TIMEOUT_S = 1


class SRVMediaRelayBase:
    def __init__(self):
        self.shutting_down = False
        self._do_lookup()

    def _do_lookup(self):
        raise NotImplementedError("this one asks DNS, which is not what is tested")

    def update_dispatchers(self, dispatchers):
        raise NotImplementedError


try:
    from mediaproxy.sipthor import SIPThorMediaRelayBase as MediaRelayBase
except ImportError:
    MediaRelayBase = SRVMediaRelayBase


class MediaRelay(MediaRelayBase):
    def __init__(self):
        self.dispatchers, self.links, self.said = set(), {}, None
        super().__init__()

    def update_dispatchers(self, dispatchers):
        self.dispatchers = set(dispatchers)

    def follow(self):
        for gone in self.links.keys() - self.dispatchers:
            self.links.pop(gone).close()
        for dispatcher, link in list(self.links.items()):
            if select.select([link], [], [], 0)[0] and not link.recv(1024):  # the other end is closed
                self.links.pop(dispatcher).close()
        for missing in self.dispatchers - self.links.keys():
            try:
                self.links[missing] = socket.create_connection(missing, CONNECT_TIMEOUT_S)
            except OSError as wrong:
                if wrong.errno not in (errno.ECONNREFUSED, errno.EHOSTUNREACH, None):
                    raise
        now = " ".join(sorted(f"{address}:{port}" for address, port in self.links))
        if now != self.said:
            print(f"connected to: {now}", flush=True)
            self.said = now

    def run(self):
        while True:
            self.follow()
            time.sleep(CHECK_INTERVAL_S)
            self._do_lookup()
