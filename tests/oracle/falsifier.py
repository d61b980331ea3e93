"""Stands between PowerDNS and thor-dns and makes one thing wrong, to see whether the oracle finds it."""

import json
import socket
import threading


class Plant:
    """Falsifies the answers about one name, the first one that it can be done to."""

    def __init__(self, can, make, method="lookup"):
        self.can = can    # result -> whether this can be done to it
        self.make = make  # result -> another
        self.method = method
        self.name = None
        self.passed = set()
        self.lock = threading.Lock()

    def move_on(self):
        """To the next name: no question was about this one, PowerDNS came by on its way to another."""
        with self.lock:
            self.passed.add(self.name)
            self.name = None

    def apply(self, method, parameters, result):
        if method != self.method or not result or not self.can(result):
            return result
        name = parameters["qname"].lower()
        with self.lock:
            if self.name is None and name not in self.passed:
                self.name = name
        return self.make(result) if name == self.name else result


def _has(rdtype, count=1):
    # Not an apex: PowerDNS looks it up with every question, and seldom says what it found.
    return lambda rows: sum(row["qtype"] == rdtype for row in rows) >= count and all(row["qtype"] != "SOA" for row in rows)


def _changed(rows, rdtype, **fields):
    return [row | fields if row["qtype"] == rdtype else row for row in rows]


def _without_one(rows, rdtype):
    return [row for row in rows if row is not next(row for row in rows if row["qtype"] == rdtype)]


def plants(mode):
    """What can be planted in zones of this mode, by name; each time anew."""
    found = {
        "a TTL": Plant(_has("A"), lambda rows: _changed(rows, "A", ttl=7)),
        "a missing record": Plant(_has("A", 2), lambda rows: _without_one(rows, "A")),
        "a record too many": Plant(_has("A"), lambda rows: [*rows, rows[0] | {"qtype": "A", "content": "192.0.2.254"}]),
        "an empty non-terminal": Plant(_has(""), lambda rows: []),
        "a wildcard": Plant(lambda rows: rows[0]["qname"].startswith("*."), lambda rows: []),
        "a zone cut": Plant(_has("NS"), lambda rows: [row for row in rows if row["qtype"] != "NS"] or
                            [rows[0] | {"qtype": "", "content": ""}]),
        "an alias": Plant(_has("CNAME"), lambda rows: _changed(rows, "CNAME", content="host0.example.net")),
    }
    if mode != "unsigned":
        found["an authoritative NS"] = Plant(_has("NS"), lambda rows: _changed(rows, "NS", auth=1))
    if mode not in ("unsigned", "narrow"):
        found["an order of names"] = Plant(lambda pair: pair["before"] != pair["after"], lambda pair: pair | {"after": pair["before"]},
                                           "getBeforeAndAfterNamesAbsolute")
    return found


class Falsifier:
    """Listens on a Unix socket as thor-dns does, and passes everything on but what is planted just now."""

    def __init__(self, net):
        self.behind = str(net.home("dns1") / "run" / "pdns-remote.sock")
        self.path = str(net.home("planted") / "pdns-remote.sock")
        self.connection_string = f"unix:path={self.path},timeout=2000"
        self.plant = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self.behind)
            answers = server.makefile("rb")
            for line in client.makefile("rb"):
                server.sendall(line)
                client.sendall(self.pass_on(json.loads(line), answers.readline()))

    def pass_on(self, asked, answer):
        said = json.loads(answer)
        if self.plant and "result" in said:
            said["result"] = self.plant.apply(asked["method"], asked["parameters"], said["result"])
        return json.dumps(said).encode() + b"\n"
