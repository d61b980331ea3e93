"""Floods a TCP port for some seconds and counts what became of the connections: python3 flood.py ADDRESS PORT SECONDS [OPENING]

Holds some hundred connections at a time, each with the octets of OPENING (hexadecimal) sent and nothing after them, and
opens the next when one is closed or old. Prints the number of connections that were opened."""

import select
import socket
import sys
import time

HELD = 600
KEPT_S = 1.0


def open_one(where, opening):
    connection = socket.socket()
    connection.setblocking(False)
    try:
        connection.connect(where)
    except BlockingIOError:
        pass
    except OSError:
        connection.close()
        return None
    return connection, opening, time.monotonic()


def main():
    address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    opening = bytes.fromhex(sys.argv[4]) if len(sys.argv) > 4 else b""
    held, opened, end = {}, 0, time.monotonic() + seconds
    while time.monotonic() < end:
        while len(held) < HELD and (new := open_one((address, port), opening)):
            held[new[0]] = new[1:]
            opened += 1
        fresh = [connection for connection, (unsent, _) in held.items() if unsent]
        readable, writable, _ = select.select(list(held), fresh, [], 0.05)
        for connection in writable:
            try:
                connection.send(held[connection][0])
                held[connection] = b"", held[connection][1]
            except OSError:
                readable.append(connection)
        now = time.monotonic()
        for connection in set(readable) | {c for c, (_, since) in held.items() if now - since > KEPT_S}:
            connection.close()
            del held[connection]
    print(opened)


if __name__ == "__main__":
    main()
