"""An operator's shell on machines of a NetnsOverlay, for commands as documents print them, without options that only tests need.

    machines = Machines(net, name_server)
    shell = Shell(net, machines, "desk")
    shell.run("ssh tm1 mkdir -p /etc/thor/tls")

On these machines /etc, /run and /var/lib are their own, and as good as empty. What the sandbox lacks is replaced by something that
does the same in it: ssh and scp reach a machine by its namespaces, and `systemctl reload` signals the daemon of that name.
"""

import os
import pathlib
import shlex
import tempfile

from overlay import PROGRAMS, Daemon, Failure, Process, wait_until

OWN = ("/etc", "/run", "/var/lib")
USERS = ("passwd", "group", "nsswitch.conf")  # what a bare machine has in /etc, too

# Functions reach the commands that ssh runs because they are exported; what it runs ends with the shell.
STAND_INS = r"""
ssh() {
  if [ "$1" = -f ]; then setpriv --pdeathsig KILL -- "$MACHINES/$2/enter" bash -c "${*:3}" &
  else setpriv --pdeathsig KILL -- "$MACHINES/$1/enter" bash -c "${*:2}"; fi
}
scp() { cp "$1" "$MACHINES/${2%%:*}/root${2#*:}"; }
systemctl() {
  if [ "$1" != reload ] || [ ! -e "$MACHINES/$HOSTNAME/$2.pid" ]; then echo "systemctl $*: not here" >&2; return 1; fi
  kill -HUP "$(cat "$MACHINES/$HOSTNAME/$2.pid")"
}
export -f systemctl
export MACHINES PATH
"""


class Service(Daemon):
    """A daemon in its default place."""

    def __init__(self, name, program, home, log, inside):
        self.control = home / f"root/run/thor/{program}.sock"
        Process.__init__(self, name, [program], log, inside)


class Machines:
    """The machines of an overlay that have their places for themselves. `name_server`: of their resolv.conf."""

    def __init__(self, net, name_server):
        self.net = net
        self.name_server = name_server

    def add(self, name):
        """Makes a machine; returns its root, in which only those places exist."""
        root = self.net.home(name) / "root"
        for place in OWN:
            (root / place[1:]).mkdir(parents=True)
        (root / "etc/resolv.conf").write_text(f"nameserver {self.name_server}\n")
        for file in USERS:
            (root / "etc" / file).write_bytes(pathlib.Path("/etc", file).read_bytes())
        enter = self.net.home(name) / "enter"
        enter.write_text(f'#!/bin/bash\nexec {shlex.join(self.inside(name))} "$@"\n')
        enter.chmod(0o755)
        return root

    def inside(self, name):
        """The command that runs a process there."""
        root = self.net.home(name) / "root"
        steps = [f"mount --bind {shlex.quote(f'{root}{place}')} {place}" for place in OWN]
        steps += [f"export HOSTNAME={name} PATH={shlex.quote(str(PROGRAMS))}:$PATH", 'exec "$@"']
        return (*self.net.inside(name), "unshare", "--mount", "bash", "-c", " && ".join(steps), "bash")

    def start(self, name, program):
        """A daemon that the machine's service manager runs, which makes the state directory, too; returns it when it is ready."""
        home = self.net.home(name)
        (home / "root/var/lib/thor").mkdir()
        daemon = Service(name, program, home, self.net.directory / f"{name}.log", self.inside(name))
        self.net.processes.append(daemon)
        (home / f"{program}.pid").write_text(str(daemon.pid))
        return daemon.wait_ready()


class Shell:
    """One bash for all lines, as at a terminal of that machine. What it left running ends with it."""

    def __init__(self, net, machines, machine):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="shell-", dir=net.home(machine)))
        self.lines = 0
        script = self.directory / "script"
        os.mkfifo(script)
        self.process = Process(machine, ["bash", script], net.directory / f"{machine}.log", machines.inside(machine))
        net.processes.append(self.process)
        # For reading, too: opening does not wait for bash then.
        self.script = os.open(script, os.O_RDWR | os.O_CLOEXEC)
        self._write(f"MACHINES={shlex.quote(str(net.directory))}\n{STAND_INS}\ncd {shlex.quote(str(self.directory))}\n")

    def run(self, line):
        """Runs a line to its end; returns its output and errors. Failure when it fails."""
        output, code = self.begin(line)

        def ended():
            self.process.check_running()
            return code.exists() and code.read_text().endswith("\n")
        wait_until(ended, lambda: f"{line} ends; it says:\n{output.read_text()}")
        if code.read_text() != "0\n":
            raise Failure(f"{line} ended with {code.read_text().strip()}:\n{output.read_text()}")
        return output.read_text()

    def begin(self, line):
        """Starts a line without waiting for its end; returns the files of its output and, later, its exit code."""
        self.lines += 1
        output, code = (self.directory / f"{self.lines}.{what}" for what in ("output", "code"))
        self._write(f"{{ {line}\n}} >{output} 2>&1\necho $? >{code}\n")
        return output, code

    def _write(self, text):
        os.write(self.script, text.encode())

    def close(self):
        os.close(self.script)
