"""Services behind nodes, as processes of their own (service.py, dbus_units.py)."""

import pathlib

from overlay import Process, wait_until

HERE = pathlib.Path(__file__).resolve().parent


def start(net, kind, address, port, status=None, tls=None, machine=None):
    """A service, when it listens, on a machine of the overlay. It ends with the overlay, or by kill(); starting one again is starting another."""
    name = f"{kind}-{port}-{len(net.processes)}"
    words = ["/usr/bin/python3", "-B", HERE / "service.py", kind, address, port]
    if status:
        words += ["--status", status]
    if tls:
        words += ["--tls", *tls]
    process = Process(name, words, net.directory / f"{name}.log", net.inside(machine) if machine else ())
    net.processes.append(process)
    wait_until(lambda: process.check_running() or "ready" in process.log_text(), f"{name} listens")
    return process


def start_units(net, states):
    """Somebody who says of every unit that its state is what the file `states` holds."""
    process = Process("units", ["/usr/bin/python3", "-B", HERE / "dbus_units.py", states], net.directory / "units.log")
    net.processes.append(process)
    return process
