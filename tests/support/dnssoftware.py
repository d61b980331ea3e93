"""Other people's DNS servers beside an overlay: NSD and BIND as secondaries, Unbound as the resolver of clients.

    nsd = Nsd(net, primary=pdns.server, zones=[DOMAIN])
    nsd.server.ask(...), nsd.server.transfer(DOMAIN)

Each is a machine of the overlay, with a directory of its own, runs as who we are, and ends with the overlay. BIND listens to addresses
of interfaces only, so it needs a NetnsOverlay.
"""

from dnsclient import NameServer
from overlay import Process, wait_until

EVERYBODY = "0.0.0.0/0"


class DnsServer(Process):
    """A name server of which `probe` (name, type) tells when it is ready."""

    def __init__(self, net, name, argv, probe):
        self.server = NameServer(*self.at, resolver=isinstance(self, Unbound))
        self.probe = probe
        super().__init__(name, argv, net.directory / f"{name}.log", net.inside(name))
        net.processes.append(self)

    def wait_ready(self):
        def answers():
            self.check_running()
            return self.server.ask(*self.probe, timeout_s=0.2).rcode == "NOERROR"
        wait_until(answers, f"{self.name} answers {' '.join(self.probe)}")
        return self


class Nsd(DnsServer):
    """NSD as a secondary of all `zones` of `primary`, a NameServer."""

    def __init__(self, net, primary, zones, name="nsd"):
        home, self.at = net.home(name), net.endpoint(name, 53)
        address, port = self.at
        text = f"""
server:
  ip-address: {address}@{port}
  server-count: 1
  username: ""
  zonesdir: "{home}"
  database: ""
  pidfile: "{home}/nsd.pid"
  xfrdfile: "{home}/xfrd.state"
  zonelistfile: "{home}/zone.list"
  xfrdir: "{home}"
  verbosity: 2
remote-control:
  control-enable: no
"""
        for zone in zones:
            text += f"""
zone:
  name: {zone}
  zonefile: {zone}.zone
  request-xfr: AXFR {primary.address}@{primary.port} NOKEY
  allow-notify: {primary.address} NOKEY
  provide-xfr: {EVERYBODY} NOKEY
"""
        (home / "nsd.conf").write_text(text)
        super().__init__(net, name, ["/usr/sbin/nsd", "-d", "-c", home / "nsd.conf"], (zones[0], "SOA"))


class Bind(DnsServer):
    """BIND as a secondary of all `zones` of `primary`, a NameServer."""

    def __init__(self, net, primary, zones, name="bind"):
        home, self.at = net.home(name), net.endpoint(name, 53)
        address, port = self.at
        text = f"""
options {{
  directory "{home}";
  pid-file none;
  session-keyfile none;
  listen-on port {port} {{ {address}; }};
  listen-on-v6 {{ none; }};
  recursion no;
  dnssec-validation no;
  notify no;
  request-ixfr no;
  allow-transfer {{ any; }};
}};
controls {{ }};
"""
        for zone in zones:
            text += f"""
zone "{zone}" {{
  type secondary;
  primaries {{ {primary.address} port {primary.port}; }};
  file "{zone}.zone";
  masterfile-format text;
}};
"""
        (home / "named.conf").write_text(text)
        super().__init__(net, name, ["/usr/sbin/named", "-g", "-n", "1", "-c", home / "named.conf"], (zones[0], "SOA"))


class Unbound(DnsServer):
    """Unbound as a resolver that finds each of `zones` at its NameServer and asks nobody else, minimises names and mixes their case."""

    def __init__(self, net, zones, name="unbound"):
        home, self.at = net.home(name), net.endpoint(name, 53)
        address, port = self.at
        text = f"""
server:
  interface: {address}@{port}
  access-control: {EVERYBODY} allow
  do-not-query-localhost: no
  directory: "{home}"
  chroot: ""
  username: ""
  pidfile: "{home}/unbound.pid"
  use-syslog: no
  verbosity: 1
  num-threads: 1
  module-config: "iterator"
  qname-minimisation: yes
  qname-minimisation-strict: yes
  use-caps-for-id: yes
  harden-below-nxdomain: yes
remote-control:
  control-enable: no
"""
        for zone, authority in {".": next(iter(zones.values())), **zones}.items():
            text += f"""
stub-zone:
  name: {zone}
  stub-addr: {authority.address}@{authority.port}
"""
        (home / "unbound.conf").write_text(text)
        super().__init__(net, name, ["/usr/sbin/unbound", "-d", "-c", home / "unbound.conf"], (next(iter(zones)), "SOA"))
