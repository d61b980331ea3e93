"""What the failure scenarios share: an overlay on machines of their own, and a watch that asks DNS all the while."""

import threading
import time

import overlaytest
from netns import NetnsOverlay
from overlay import DOMAIN, Failure, wait_until

ROLE = "sip_proxy"
EVERY_S = 0.02
# The longest that a wrong judgement needs to show in DNS: a lease, the wait for the return of members, and a slow machine.
WRONG_WOULD_SHOW_S = 6.0


class Watch(threading.Thread):
    """Asks one name server for the members of the role and for the serial, some dozen times a second, and keeps what
    changed: `members` holds a set of node names, and `serials` a number, each time they are not as before."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.members, self.serials, self.wrong = [], [], []
        self.answers = 0
        self.ending = threading.Event()
        self.start()

    def run(self):
        while not self.ending.wait(EVERY_S):
            for name, rdtype, take in ((f"_sip._udp.{DOMAIN}", "SRV", self.take_members), (DOMAIN, "SOA", self.take_serial)):
                answer = self.server.ask(name, rdtype)
                if answer.rcode == "NOERROR":
                    self.answers += 1
                    take(answer.texts(rdtype))
                elif answer.rcode != "TIMEOUT":  # a datagram may be lost on a busy machine
                    self.wrong.append(f"{name} {rdtype}: {answer}")

    def take_members(self, texts):
        self.keep(self.members, {text.split()[3].split(".")[0] for text in texts})

    def take_serial(self, texts):
        self.keep(self.serials, *(int(text.split()[2]) for text in texts))

    @staticmethod
    def keep(kept, now):
        if kept[-1:] != [now]:
            kept.append(now)

    def stop(self):
        self.ending.set()
        self.join()


class ScenarioTest(overlaytest.OverlayTest):
    """Event servers es1, es2, ..., managers m1, ..., thor-dns dns1 behind a pdns_server, and members n1, n2, ... of one role."""

    event_servers = 3
    managers = 1
    members = 4

    def setUp(self):
        net = self.net = self.enterContext(NetnsOverlay())
        net.options = self.overlay_options()
        net.event_servers = ["{}:{}".format(*net.endpoint(name, 8000)) for name in self.names("es", self.event_servers)]
        self.es = {name: net.start_event_server(name, listen) for name, listen in zip(self.names("es", self.event_servers), net.event_servers)}
        self.manager = {name: net.start_manager(name) for name in self.names("m", self.managers)}
        self.dns = net.start_dns(slice=0)
        self.pdns = [net.start_pdns()]
        self.node = {name: net.start_node(name, [ROLE]) for name in self.names("n", self.members)}
        self.expect(*self.node)
        for name in self.node:
            self.connected_everywhere(name)
        self.serial_rests()

    def overlay_options(self):
        """[overlay] of every machine, beyond what it must have."""
        return {}

    @staticmethod
    def names(prefix, count):
        return [f"{prefix}{number}" for number in range(1, count + 1)]

    def machine(self, name):
        return self.net.machine(name)

    # ---- what is expected

    def expect(self, *names):
        """DNS comes to show exactly these members."""
        self.shows("_sip._udp", "SRV", self.srv(5060, *names))

    def connected_everywhere(self, name, event_servers=None):
        """Every event server (or each of those given) has the member's connection."""
        for server in event_servers or self.es:
            wait_until(lambda server=server: self.fact(server, name) == "connected", f"{name} is connected to {server}")

    def fact(self, event_server, member):
        """What an event server knows of a member: "connected", "late", "closed", ..., or None."""
        known = self.es[event_server].status().get("members", ())
        return next((entry["state"] for entry in known if entry["id"] == member), None)

    def alarm(self, word):
        """Some manager raised the alarm."""
        return any(word in str(manager.status().get("alarms")) for manager in self.manager.values() if manager.running())

    def serial(self):
        return next(iter(self.pdns[0].server.ask(DOMAIN, "SOA").texts("SOA"))).split()[2]

    def serial_rests(self):
        """Returns when the serial is the same for as long as two queries may see different zones."""
        last, since = None, 0.0
        def rests():
            nonlocal last, since
            now, serial = time.monotonic(), self.serial()
            if serial != last:
                last, since = serial, now
            return now - since > 2
        wait_until(rests, "the serial rests", every_s=0.1)

    # ---- while DNS is watched

    def watch(self):
        """A watch for the rest of the test; `unchanged` and `never_missing` judge what it has seen."""
        watch = Watch(self.pdns[0].server)
        self.addCleanup(watch.stop)
        wait_until(lambda: watch.members and watch.serials, "DNS answers the watch")
        return watch

    def unchanged(self, watch, settle_s=WRONG_WOULD_SHOW_S):
        """From the start of the watch until `settle_s` from now DNS shows the same members and the same serial."""
        self.go_on(settle_s)
        self.assertEqual(1, len(watch.members), f"members in DNS, each time they changed: {watch.members}")
        self.assertEqual(1, len(watch.serials), f"serials, each time they changed: {watch.serials}")
        self.all_answered(watch)

    def never_missing(self, watch, *names):
        """Whatever else changed, these members were in every answer, and no serial came after a higher one."""
        for members in watch.members:
            self.assertLessEqual(set(names), members)
        self.assertEqual(sorted(watch.serials), watch.serials)
        self.all_answered(watch)

    def saw(self, watch, *states):
        """The watch has seen these sets of members, one after the other and nothing else."""
        wait_until(lambda: watch.members[-1] == set(states[-1]), "the watch sees it, too")
        self.assertEqual([set(state) for state in states], watch.members)

    def all_answered(self, watch):
        self.assertEqual([], watch.wrong[:5], f"{len(watch.wrong)} answers are not NOERROR")

    def go_on(self, seconds):
        """Lets time pass. No process that should run may have ended."""
        time.sleep(seconds)
        for process in self.net.processes:
            if not process.running() and process.child.returncode not in (0, -9):
                raise Failure(f"{process.name} ended with code {process.child.returncode}")


main = overlaytest.main
