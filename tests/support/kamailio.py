"""A real Kamailio, on a machine of its own of a NetnsOverlay, with its own /etc/resolv.conf."""

import json
import socket

from overlay import Process


class Kamailio(Process):
    """`config` is the file; `define` are its preprocessor names and values (-A; None: without one); `resolver` is the name server that it asks, a
    machine's address; all its processes end with it."""

    def __init__(self, net, name, config, resolver, transports=("udp", "tcp"), define=()):
        home = net.home(name)
        self.rpc_socket = home / "run" / "rpc.sock"
        self.address, self.port = net.endpoint(name, 5060)
        (home / "resolv.conf").write_text(f"nameserver {resolver}\n")
        own_resolver = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
                        f'mount --bind {home}/resolv.conf /etc/resolv.conf && exec "$@"', "sh")
        listen = [word for transport in transports for word in ("-l", f"{transport}:{self.address}:{self.port}")]
        written = {int: "{0}={1}", type(None): "{0}"}
        defined = [word for key, value in dict(define).items() for word in ("-A", written.get(type(value), '{0}="{1}"').format(key, value))]
        super().__init__(name, ["/usr/sbin/kamailio", "-DD", "-E", "-f", config, "-Y", home, "-w", home, *defined, *listen,
                                *([] if "tcp" in transports else ["-T"])],
                         net.directory / f"{name}-kamailio.log", (*net.inside(name), *own_resolver))
        net.processes.append(self)

    def rpc(self, method, *params):
        """One JSON-RPC request to its datagram socket; None while nobody answers."""
        # A name in the file system, because one without a file belongs to a network namespace, which is not ours.
        own = self.rpc_socket.with_name("asker.sock")
        own.unlink(missing_ok=True)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
                link.bind(str(own))
                link.settimeout(5)
                link.connect(str(self.rpc_socket))
                link.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1}).encode())
                return json.loads(link.recv(65536))
        except OSError:
            return None
