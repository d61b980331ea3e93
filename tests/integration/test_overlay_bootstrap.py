#!/usr/bin/python3
"""An overlay whose domain can be resolved only through its own zone comes up from empty disks, in any order."""

import overlaytest
from overlay import DOMAIN, Overlay, wait_until


class Bootstrap(overlaytest.OverlayTest):
    def test_members_find_the_event_server_in_the_zone_that_waits_for_them(self):
        net = self.net = self.enterContext(Overlay())
        event_server = f"{net.address}:{net.free_port()}"
        # thor-dns is configured with its event servers: it publishes where they are.
        net.event_servers = [event_server]
        dns = net.start_dns()
        self.pdns = [net.start_pdns()]
        server = self.pdns[0].server

        with self.subTest("before anything else runs the way in is in DNS, and nothing is denied that may exist"):
            self.assertEqual("unknown", dns.status()["state"])
            self.shows("_eventserver._tcp", "SRV", [f"10 0 {event_server.rpartition(':')[2]} eventserver1.{DOMAIN}."])
            self.shows("eventserver1", "A", [net.address])
            self.shows("", "NS", [f"ns1.{DOMAIN}."])
            self.assertEqual("SERVFAIL", server.ask(f"_sip._udp.{DOMAIN}", "SRV").rcode)
            self.assertEqual("SERVFAIL", server.ask(f"gw1.node.{DOMAIN}", "A").rcode)

        with self.subTest("members that start first keep looking"):
            by_dns = {"event_servers": [], "resolvers": [f"{server.address}:{server.port}"]}
            node = net.start_node("gw1", ["sip_proxy"], **by_dns)
            manager = net.start_manager(wait=False, **by_dns)
            wait_until(lambda: node.status() and manager.status(), "both answer at their control sockets")

        with self.subTest("the event server starts, and the overlay comes up"):
            net.start_event_server(listen=event_server)
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))
            self.shows("gw1.node", "A", [net.node_addresses("gw1")[0]])
            self.assertEqual("fresh", dns.status()["state"])


if __name__ == "__main__":
    overlaytest.main()
