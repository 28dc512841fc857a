"""Tiers B and C from the inside: a small supervisor that confines one command and sweeps after it.

in:  a JSON order on an inherited descriptor: `python -I -S guard.py FD`; standard library only
out: the command's exit status (128 + n after signal n), when no process of its tree is left
not covered: namespaces (sandbox.py starts bubblewrap for those), clocks and output (sandbox.py)

The guard stays outside of what it confines: its child limits itself by landlock, the system call
filter and rlimits, then becomes the command. Orphans fall to the guard, which kills them. It ends
everything when its control pipe is closed, so it does so too when its parent dies.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

# prctl(2)
_SET_PDEATHSIG, _SET_SECCOMP, _SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVS = 1, 22, 36, 38
# landlock(7): system calls, the same on all processors of 64 bits
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READ = 1 << 0 | 1 << 2 | 1 << 3  # execute, read file, read directory
_ALL = (1 << 13) - 1  # and write, remove and make files of every kind
_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14  # what means something for a file
_NEWER = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # refer, truncate, ioctl on devices: since which ABI

Order = dict[str, Any]


def _call(number: int, *arguments: Any) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _prctl(option: int, value: int, pointer: Any = None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), pointer, 0, 0):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def landlock_abi() -> int:
    """Version of landlock that the kernel offers; 0: none."""
    with contextlib.suppress(OSError):
        return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    return 0


def restrict_files(read: list[str], write: list[str]) -> None:
    """Confine this thread for ever to some paths; and, where the kernel can, from TCP and signals.

    Args:
        read: files and directories to read and execute; those that do not exist are left out.
        write: files and directories to do everything with.

    Raises:
        OSError: the kernel has no landlock.
    """
    abi = landlock_abi()
    handled = _ALL
    for since, right in _NEWER.items():
        handled |= right if abi >= since else 0
    network = 0b11 if abi >= 4 else 0  # bind and connect of TCP
    scoped = 0b11 if abi >= 6 else 0  # abstract unix sockets, signals
    layout = struct.pack("QQQ", handled, network, scoped)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = _call(_CREATE_RULESET, layout, ctypes.c_size_t(size), ctypes.c_uint32(0))
    for rights, paths in ((_READ, read), (handled, write)):
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                place = os.open(path, os.O_PATH | os.O_CLOEXEC)
                allowed = rights if Path(path).is_dir() else rights & _FILE & handled
                rule = struct.pack("=Qi", allowed, place)
                _call(_ADD_RULE, ruleset, ctypes.c_uint32(1), rule, ctypes.c_uint32(0))
                os.close(place)
    _prctl(_SET_NO_NEW_PRIVS, 1)
    _call(_RESTRICT_SELF, ruleset, ctypes.c_uint32(0))
    os.close(ruleset)


def load_filter(code: bytes) -> None:
    """Load a system call filter (seccomp.py) for this thread and all that it will start.

    Raises:
        OSError: the kernel refuses it.
    """

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))

    _prctl(_SET_NO_NEW_PRIVS, 1)
    program = Program(len(code) // 8, code)
    _prctl(_SET_SECCOMP, 2, ctypes.byref(program))


def children(pid: int) -> list[int]:
    """The processes that a process started or inherited; empty when it is gone."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def descendants(pid: int) -> list[int]:
    """All processes below a process, parents before children."""
    found = children(pid)
    for other in found:  # grows while we walk
        found += [child for child in children(other) if child not in found]
    return found


def _tasks_of(uid: int) -> int:
    """How many threads of a user live: RLIMIT_NPROC counts those that are not ours too."""
    count = 0
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and folder.stat().st_uid == uid:
                count += len(list((folder / "task").iterdir()))
    return count


def _become(order: Order, gate: int, status: int) -> NoReturn:
    """The child: wait until the parent has put us into a control group, confine, execute."""
    try:
        os.read(gate, 1)
        for descriptor in (gate, status):
            os.set_inheritable(descriptor, False)
        os.setsid()
        os.chdir(order["folder"])
        for name, (soft, hard) in order["rlimits"]:
            if name == resource.RLIMIT_NPROC and order["uid"] is None:
                count = _tasks_of(os.getuid())
                top = resource.getrlimit(name)[1]
                soft = hard = soft + count if top < 0 else min(soft + count, top)
            resource.setrlimit(name, (soft, hard))
        if order["landlock"]:
            restrict_files(order["read"], order["write"])
        if order["uid"] is not None:
            os.setgroups([])
            os.setresgid(order["uid"], order["uid"], order["uid"])
            os.setresuid(order["uid"], order["uid"], order["uid"])
        _prctl(_SET_PDEATHSIG, signal.SIGKILL)
        _prctl(_SET_NO_NEW_PRIVS, 1)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and exec keeps that
            signal.signal(number, signal.SIG_DFL)
        if order["filter"]:
            load_filter(bytes.fromhex(order["filter"]))
        os.write(status, b"k")
        os.execve(order["argv"][0], order["argv"], order["env"])
    except (OSError, ValueError) as error:
        os.write(2, f"guard: {error}\n".encode())
    finally:
        os._exit(126)


def _sweep(uid: int | None) -> None:
    """Kill all that is below us until nothing is left."""
    end = time.monotonic() + 4
    while time.monotonic() < end:
        if uid is not None and (helper := os.fork()) == 0:
            with contextlib.suppress(OSError):
                os.setresuid(uid, uid, uid)
                os.kill(-1, signal.SIGKILL)  # everything of a user that has nothing but this job
            os._exit(0)
        elif uid is not None:
            os.waitpid(helper, 0)
        for pid in descendants(os.getpid()):
            with contextlib.suppress(OSError):
                resource.prlimit(pid, resource.RLIMIT_NPROC, (0, 0))  # a fork bomb goes out
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        if not children(os.getpid()):
            return
        time.sleep(0.001)


def _supervise(child: int, control: int, uid: int | None) -> int:
    """Wait for the command or the order to stop; exit status as a shell gives it."""
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll = select.poll()
    poll.register(wake, select.POLLIN)
    poll.register(control, select.POLLIN)
    code: int | None = None
    while code is None:
        ready = [descriptor for descriptor, _ in poll.poll(1000)]  # it may have ended before that
        if wake in ready:
            os.read(wake, 4096)
        if control in ready:
            break
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
    _sweep(uid)
    if code is None:
        return 128 + signal.SIGKILL
    return code if code >= 0 else 128 - code


def _main(descriptor: int) -> int:
    with open(descriptor, "rb") as pipe:
        order: Order = json.load(pipe)
    gate, status, control = order["gate"], order["status"], order["control"]
    _prctl(_SET_CHILD_SUBREAPER, 1)
    child = os.fork()
    if child == 0:
        os.close(control)
        _become(order, gate, status)
    os.write(status, f"{child}\n".encode())
    nothing = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    for number in (gate, status, *order["pass_fds"]):
        os.close(number)
    code = _supervise(child, control, order["uid"])
    if os.getppid() != order["parent"]:  # nobody is left to clean up
        __import__("shutil").rmtree(order["folder"], ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1])))
