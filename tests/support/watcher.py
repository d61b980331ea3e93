"""Subscribers of the event stream, as any program of the overlay, each in a thread of its own. Clients of contrib/python, so that they share no
code with what they watch."""

import asyncio
import sys
import threading

from overlay import SOURCE

sys.path.insert(0, str(SOURCE / "contrib" / "python"))
from thor_client import Client, Credentials  # noqa: E402


class Subscriber(threading.Thread):
    """Follows a topic at all event servers until it is stopped; keep() gets each event."""

    def __init__(self, net, topic):
        super().__init__(daemon=True)
        self.topic = topic
        tls = net.home("watcher") / "tls"
        net.ca.issue("watcher", ["thor_monitor"], tls)
        self.credentials = Credentials(tls / "watcher.crt", tls / "watcher.key", net.ca.certificate)
        self.servers = list(net.event_servers)
        self.ending = threading.Event()
        self.start()

    def run(self):
        asyncio.run(self.follow())

    async def follow(self):
        async with Client(self.credentials, self.servers, [self.topic]) as client:
            reading = asyncio.create_task(self.read(client))
            while not self.ending.is_set() and not reading.done():
                await asyncio.sleep(0.05)
            reading.cancel()

    async def read(self, client):
        async for message in client:
            if message["type"] == "event":
                self.keep(message["body"], client.view)

    def stop(self):
        self.ending.set()
        self.join()


class Watcher(Subscriber):
    """Follows the network status and keeps what happened: who is there, who went why, each serial and each epoch once."""

    def __init__(self, net):
        self.statuses = 0  # heard, of all kinds, from all event servers
        self.members, self.reasons, self.serials, self.epochs = {}, {}, [], []
        self.missed = set()  # who was there and then was not, since it was cleared
        super().__init__(net, "Thor.Members")

    def keep(self, status, view):
        self.statuses += 1
        self.reasons.update({removal["id"]: removal["reason"] for removal in status.get("removals", ())})
        self.missed |= self.members.keys() - view.members.keys()
        self.members = dict(view.members)
        for kept, current in ((self.serials, view.serial), (self.epochs, view.epoch)):
            if kept[-1:] != [current]:
                kept.append(current)


class Figures(Subscriber):
    """Follows what every thor-dns tells of its zone: `of` has the latest of each."""

    def __init__(self, net):
        self.of = {}
        super().__init__(net, "Thor.Statistics")

    def keep(self, said, _):
        if "dns" in said["statistics"]:  # nodes tell their load
            self.of[said["id"]] = said["statistics"]["dns"]
