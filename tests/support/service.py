"""A service behind a node, as a small process that can be killed: what its checks look at.

    python3 service.py sip-udp|sip-tcp|sip-tls|tcp|http|https ADDRESS PORT [--status FILE] [--tls CERTIFICATE KEY]

With --status the answers have the status (code and reason) that the file holds, else 200 OK. Says "ready" when it listens."""

import argparse
import pathlib
import re
import socket
import ssl


def sip_response(request, status):
    """RFC 3261 section 8.2.6: what a response copies from its request."""
    copied = re.findall(rb"(?m)^(?:Via|From|To|Call-ID|CSeq):[^\n]*\n", request)
    return b"SIP/2.0 " + status + b"\r\n" + b"".join(copied) + b"Content-Length: 0\r\n\r\n"


def http_response(_, status):
    return b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def serve_datagrams(where, status):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(where)
        print("ready", flush=True)
        while True:
            request, peer = udp.recvfrom(65535)
            udp.sendto(sip_response(request, status()), peer)


def serve_stream(peer, answer, status):
    request = b""
    while b"\r\n\r\n" not in request:
        piece = peer.recv(65535)
        if not piece:
            return
        request += piece
    peer.sendall(answer(request, status()))


def serve_streams(where, answer, status, context):
    with socket.create_server(where, backlog=128) as listening:
        print("ready", flush=True)
        while True:
            try:
                peer, _ = listening.accept()
                peer.settimeout(5)
                with context.wrap_socket(peer, server_side=True) if context else peer as talking:
                    if answer:
                        serve_stream(talking, answer, status)
            except OSError:
                continue


def main():
    options = argparse.ArgumentParser()
    options.add_argument("kind", choices=["sip-udp", "sip-tcp", "sip-tls", "tcp", "http", "https"])
    options.add_argument("address")
    options.add_argument("port", type=int)
    options.add_argument("--status", type=pathlib.Path)
    options.add_argument("--tls", nargs=2)
    chosen = options.parse_args()
    context = None
    if chosen.kind in ("sip-tls", "https"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*chosen.tls)

    def status():
        return chosen.status.read_bytes().strip() if chosen.status else b"200 OK"
    where = (chosen.address, chosen.port)
    if chosen.kind == "sip-udp":
        serve_datagrams(where, status)
    answer = {"sip-tcp": sip_response, "sip-tls": sip_response, "http": http_response, "https": http_response, "tcp": None}[chosen.kind]
    serve_streams(where, answer, status, context)


if __name__ == "__main__":
    main()
