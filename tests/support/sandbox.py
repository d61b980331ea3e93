#!/usr/bin/python3
"""Runs a command in the sandbox that a systemd unit asks for, where there is no systemd to do it.

    sandbox.py UNIT [WRITABLE-DIRECTORY...] -- COMMAND...

Of the directives of [Service] it sets up those that forbid something to a process: ProtectSystem=strict, CapabilityBoundingSet=, NoNewPrivileges=,
RestrictAddressFamilies=, SystemCallFilter=, MemoryDenyWriteExecute=, SupplementaryGroups= and UMask=. The user stays: with no capabilities left,
root is one among others. Without root it takes a user namespace, where there are no supplementary groups.
"""

import contextlib
import ctypes
import errno
import grp
import mmap
import os
import pathlib
import socket
import subprocess
import sys

import seccomp

MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
MS_OPTIONS = {"nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024, "nodiratime": 2048, "relatime": 1 << 21}
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
CAPABILITIES = range(64)
KEPT_MOUNTS = ("/proc", "/sys", "/dev")  # as ProtectSystem=strict does

_libc = ctypes.CDLL(None, use_errno=True)


def directives(unit):
    """[Service] as name -> values, in their order."""
    found, section = {}, None
    for line in pathlib.Path(unit).read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(source, target, flags):
    check(_libc.mount(source and os.fsencode(source), os.fsencode(target), None, flags, None), f"mount {target}")


def take_namespaces():
    user, group = os.geteuid(), os.getegid()
    check(_libc.unshare(CLONE_NEWNS | (CLONE_NEWUSER if user else 0)), "unshare")
    if user:
        for file, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            pathlib.Path("/proc/self", file).write_text(text)
    mount(None, "/", MS_REC | MS_PRIVATE)


def protect_system(writable):
    """Everything is read-only, but what `writable` names."""
    for directory in writable:
        mount(directory, directory, MS_BIND | MS_REC)
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        words = line.split()
        target, options = words[4].encode().decode("unicode_escape"), words[5].split(",")
        if target in writable or any(pathlib.Path(target).is_relative_to(kept) for kept in KEPT_MOUNTS):
            continue
        flags = sum(MS_OPTIONS.get(option, 0) for option in options)
        mount(None, target, MS_REMOUNT | MS_BIND | MS_RDONLY | flags)


def system_calls(words):
    """The names behind words such as @system-service."""
    names = set()
    for word in words:
        if word.startswith("@"):
            shown = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True).stdout
            names |= system_calls(line.strip() for line in shown.splitlines()[1:] if line.strip() and "#" not in line)
        else:
            names.add(word)
    return names


def allowed_system_calls(lines):
    allowed = set()
    for line in lines:
        if line.startswith("~"):
            allowed -= system_calls(line[1:].split())
        else:
            allowed |= system_calls(line.split())
    return allowed


def add_rule(rules, action, name, *arguments):
    with contextlib.suppress(RuntimeError, ValueError):  # unknown on this architecture
        rules.add_rule(action, name, *arguments)


def restrict_calls(service):
    """The filters, one for each directive; the last one loaded forbids to load another."""
    families = {getattr(socket, name) for line in service.get("RestrictAddressFamilies", ()) for name in line.split()}
    if families:
        rules = seccomp.SyscallFilter(seccomp.ALLOW)
        for family in set(range(48)) - families:
            add_rule(rules, seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.EQ, family))
        rules.load()
    if service.get("MemoryDenyWriteExecute") == ["yes"]:
        rules = seccomp.SyscallFilter(seccomp.ALLOW)
        both = mmap.PROT_WRITE | mmap.PROT_EXEC
        add_rule(rules, seccomp.ERRNO(errno.EPERM), "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, both, both))
        add_rule(rules, seccomp.ERRNO(errno.EPERM), "mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, mmap.PROT_EXEC, mmap.PROT_EXEC))
        rules.load()
    if "SystemCallFilter" in service:
        rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
        for name in sorted(allowed_system_calls(service["SystemCallFilter"])):
            add_rule(rules, seccomp.ALLOW, name)
        rules.load()


def main():
    at = sys.argv.index("--")
    unit, *writable = sys.argv[1:at]
    command = sys.argv[at + 1:]
    service = directives(unit)
    as_root = os.geteuid() == 0
    take_namespaces()
    if service.get("ProtectSystem") == ["strict"]:
        protect_system(writable)
    if as_root:
        os.setgroups([grp.getgrnam(name).gr_gid for line in service.get("SupplementaryGroups", ()) for name in line.split()])
    os.umask(int(service.get("UMask", ["0022"])[-1], 8))
    if service.get("CapabilityBoundingSet") == [""]:
        for capability in CAPABILITIES:
            _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # those that this kernel does not know fail
    if service.get("NoNewPrivileges") == ["yes"]:
        check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    restrict_calls(service)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
