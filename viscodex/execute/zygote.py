"""The warm process inside the sandbox: libraries loaded once, a fork for each chart script.

in:  requests on standard input: a script, its limits and what to record
out: replies on standard output: what became of it, its output, and the message of the run
not covered: the sandbox around it (sandbox.py), the host's side (pool.py), the hooks (recorder.py)

Runs in the Python of a runtime; nothing of ours but its neighbours is imported. For each job:

    zygote --fork--> process 1 of a new pid namespace: unshares the rest, private /work, no /proc,
                     drops what it may do, runs the script

The zygote holds the wall clock and the output limit. The script has rlimits, no capabilities and a
system call filter, and cannot fork. That a run came to its end is proved by a nonce: it reaches the
process through a pipe, and lives in the closure of an audit hook that gives it out once, to the
trusted frame below the script, on the main thread.

Frames of the protocol, integers little-endian, 4 bytes each:
    request  length of JSON · JSON
    reply    lengths of JSON, stdout, stderr, message · these four
    message  nonce (32 bytes) · length of JSON · JSON · pictures, whose sizes stand in the JSON
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import gc
import importlib
import io
import json
import math
import os
import random
import resource
import select
import shutil
import signal
import struct
import sys
import time
import traceback
import types
import warnings
from pathlib import Path
from typing import Any

MAX_MESSAGE = 128 << 20  # bytes of one run's message
NONCE_BYTES = 32
STOPPED = b"!"  # first byte of a message without nonce: a guarded door was tried
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC = (
    0x20000, 0x10000000, 0x20000000, 0x40000000, 0x08000000
)  # fmt: skip
MS_NOSUID, MS_NODEV, MS_RDONLY, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 1, 0x1000, 0x4000, 0x40000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_DUMPABLE = (
    1,
    38,
    22,
    24,
    4,
)
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}

WATCHED = frozenset(
    {
        "gc.get_objects", "gc.get_referrers", "gc.get_referents", "sys._current_frames",
        "sys._current_exceptions", "sys.settrace", "sys.setprofile",
        "sys.monitoring.register_callback", "cpython.PyInterpreterState_New", "code.__new__",
        "ctypes.dlopen", "ctypes.dlsym", "ctypes.dlsym/handle", "ctypes.call_function",
        "ctypes.cdata", "ctypes.cdata/buffer", "ctypes.addressof", "ctypes.string_at",
        "ctypes.wstring_at", "ctypes.set_exception", "cpython.run_interactivehook",
        "viscodex.finish",
    }
)  # fmt: skip
"""Audit events that lead to memory that is not the script's own."""


class LIBC:
    """System calls that the standard library lacks."""

    library = ctypes.CDLL(None, use_errno=True)

    @classmethod
    def call(cls, name: str, *args: Any) -> int:
        """Raises OSError where the call fails."""
        result = getattr(cls.library, name)(*args)
        if result < 0:
            raise OSError(ctypes.get_errno(), name)
        return int(result)


def load(name: str) -> Any:
    """A module of the runtime, or of ours beside this one."""
    return importlib.import_module(name)


# --- before the first job -------------------------------------------------------------------------


def only_own_fonts() -> None:
    """Forget the system's fonts: equal versions of matplotlib then give equal pixels."""
    import matplotlib
    from matplotlib import font_manager

    own = matplotlib.get_data_path()
    manager = font_manager.fontManager
    manager.ttflist = [font for font in manager.ttflist if font.fname.startswith(own)]
    manager.afmlist = [font for font in manager.afmlist if font.fname.startswith(own)]
    font_manager.findSystemFonts = lambda *args, **kwargs: []
    font_manager._get_fontconfig_fonts = lambda *args: []


def no_windows() -> None:
    """Every backend is Agg: scripts may ask for windows, there are none."""
    import matplotlib
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    matplotlib.use = lambda *args, **kwargs: None
    pyplot.switch_backend = lambda *args, **kwargs: None


def warm() -> None:
    """Draw one of each usual kind, so that caches and lazy imports are there before the forks."""
    import matplotlib
    import numpy
    from matplotlib import pyplot as plt
    from matplotlib import units

    pandas, seaborn = load("pandas"), load("seaborn")
    registry = dict(units.registry)
    values = numpy.arange(12.0)
    fig, axs = plt.subplots(2, 3, figsize=(6, 4))
    axs[0, 0].plot(values, values**2, "o--", label="$x^2$")
    axs[0, 0].legend()
    axs[0, 1].bar(["a", "b"], [1, 2], yerr=[0.1, 0.2], color="#336699")
    fig.colorbar(axs[0, 2].scatter(values, values, c=values))
    axs[1, 0].imshow(values.reshape(3, 4))
    axs[1, 1].pie([1, 2], labels=["a", "b"], autopct="%d%%")
    axs[1, 2].hist(values)
    axs[1, 2].set_yscale("log")
    axs[1, 2].set_title("warm")
    fig.tight_layout()
    fig.savefig(io.BytesIO(), format="png")
    fig.savefig(io.BytesIO(), format="pdf", bbox_inches="tight")
    table = pandas.DataFrame({"x": values, "y": values % 3, "g": list("abcabcabcabc")})
    table.plot(x="x", y="y")
    table.plot.bar(x="x", y="y")
    table.set_index(pandas.date_range("2024-01-01", periods=12)).plot(y="y")
    plt.figure()
    seaborn.barplot(data=table, x="g", y="y", hue="g")
    plt.figure()
    seaborn.heatmap(table[["x", "y"]], annot=True)
    plt.figure()
    seaborn.kdeplot(data=table, x="x", hue="g")
    plt.figure()
    seaborn.boxplot(data=table, x="g", y="y")
    seaborn.regplot(data=table, x="x", y="y")
    plt.figure().add_subplot(projection="3d").plot_surface(*numpy.meshgrid(values, values), numpy.ones((12, 12)))  # fmt: skip
    plt.figure().add_subplot(projection="polar").plot(values, values)
    for number in plt.get_fignums():
        plt.figure(number).savefig(io.BytesIO(), format="png")
    plt.close("all")
    matplotlib.rcdefaults()
    matplotlib.rcParams["figure.dpi"] = 100
    units.registry.clear()
    units.registry.update(registry)


# --- the run --------------------------------------------------------------------------------------


class Ending:
    """A context that ends every exception of a script and remembers it: it becomes a status."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> Ending:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        self.error = error
        return True


def guard(out: int, source: int, frame: Any) -> None:
    """Put up the two audit hooks; see the contract at the top.

    Args:
        out: descriptor of the message pipe.
        source: descriptor of the pipe with the nonce; read and closed here, so that no frame that
            lives on has it.
        frame: the trusted frame, which alone may finish.
    """
    import _thread

    nonce = os.read(source, NONCE_BYTES)
    os.close(source)

    write, leave, getframe, ident, fstat, view = os.write, os._exit, sys._getframe, _thread.get_ident, os.fstat, memoryview  # fmt: skip
    thread, pipe, watched, finish = (
        ident(),
        os.fstat(out).st_ino,
        WATCHED,
        frozenset({"viscodex.finish"}),
    )

    def doorkeeper(event: str, args: Any) -> None:
        # holds no secret: a script can see this frame, by a failure inside of it
        if event not in watched:
            return
        try:
            if (
                event in finish
                and getframe(1) is frame
                and ident() == thread
                and fstat(out).st_ino == pipe
            ):
                return
            write(out, STOPPED + event.encode())
        except BaseException:
            leave(99)
            raise
        leave(99)

    def finisher(event: str, args: Any) -> None:
        # calls nothing before the event is right: nothing may fail here and show the frame
        if event in finish:
            try:
                left = view(nonce + args[0])
                while left:
                    left = left[write(out, left) :]
            finally:
                leave(0)

    sys.addaudithook(doorkeeper)
    sys.addaudithook(finisher)


def fresh_main(request: dict[str, Any]) -> dict[str, Any]:
    """A new module __main__ as if the script had been started by its file."""
    file = Path.cwd() / f"{request['name']}.py"
    file.write_text(request["code"], "utf-8", "backslashreplace")
    path = str(file)
    main = types.ModuleType("__main__")
    main.__dict__.update({"__file__": path, "__builtins__": __builtins__})
    sys.modules["__main__"] = main
    sys.argv[:] = [path]
    sys.path.insert(0, str(file.parent))
    return main.__dict__


def seed(value: int) -> None:
    """Seed the generators that a fork would inherit."""
    import numpy

    random.seed(value)
    numpy.random.seed(value % (1 << 32))


def script(request: dict[str, Any], places: Any, out: int, secret: int) -> None:
    """Run one script and finish; never returns."""
    recording = load("recorder")
    namespace = fresh_main(request)
    official, logs = request["record"] == "chartmimic", request["logs"]
    end, draw = Ending(), Ending()
    more: list[list[str]] = []
    result: dict[str, Any] = {}
    recorder: Any = None
    dumps, audit, pack, ended_at_once = json.dumps, sys.audit, struct.pack, os._exit
    guard(out, secret, sys._getframe())
    with end:
        source = request["code"]
        module: Any = source
        if official:
            bare = bool(logs)
            if not logs:
                (logs, *more), changed = recording.plan(source)
                module = changed or source
            elif "texts" in logs:
                module = recording.text_source(source)
        else:
            logs, bare = ["texts", "layouts", "calls", "colors"], False
        path = namespace["__file__"]
        code = compile(module, path, "exec", dont_inherit=True)
        recorder = recording.Recorder(
            places, frozenset(logs), bare=bare, official=official, images=request["images"]
        )
        recorder.install()
        for name in OURS:  # a script that imports such a name means another
            sys.modules.pop(name, None)
        if official and module is not source and request["logs"] is None:
            pyplot = sys.modules["matplotlib.pyplot"]
            take = recorder.images
            namespace["__viscodex_capture__"] = lambda: (
                recorder.capture(pyplot.gcf()) if take else None
            )
        seed(request["seed"])
        exec(code, namespace)
    ended = end.error is None
    exit_code = 0
    reason = ""
    status = "ok"
    if isinstance(end.error, SystemExit):
        value = end.error.code
        exit_code = 0 if value is None else value if isinstance(value, int) else 1
        if isinstance(value, str):
            sys.stderr.write(value + "\n")
        if exit_code or official:
            status, reason = "error", f"ended by sys.exit with status {exit_code}"
    elif end.error is not None:
        status, exit_code = "error", 1
        reason = "".join(traceback.format_exception_only(end.error)).strip().splitlines()[-1][:300]
        if isinstance(end.error, MemoryError):
            status = "memory"
        tell(end.error, namespace["__file__"])
    with draw:
        if recorder is not None:
            result = recorder.finish(namespace, name=request["name"], ended=ended)
    if draw.error is not None and status == "ok":
        status, exit_code = ("memory" if isinstance(draw.error, MemoryError) else "error"), 1
        what = "".join(traceback.format_exception_only(draw.error)).strip().splitlines()[-1]
        reason = f"the figure cannot be drawn: {what}"[:300]
        tell(draw.error, namespace["__file__"])
    if result.get("refused") and status == "ok":
        status, reason = "error", result["refused"]
    if result.get("patched"):
        status, reason = (
            "blocked",
            f"replaced what records it: {', '.join(result['patched'])}"[:300],
        )
    pictures = recorder.pictures if recorder is not None else []
    # a script may have swapped anything by now; the trusted frame uses what was taken before it
    head = dumps(
        {
            "status": status, "reason": reason, "exit_code": exit_code, "more": more,
            "failed": result.get("failed", ""), "record": result.get("record"), "logs": logs,
            "pictures": [len(picture) for picture in pictures],
        }
    ).encode("utf-8", "replace")  # fmt: skip
    for stream in (sys.stdout, sys.stderr):
        with Ending():
            stream.flush()
    audit("viscodex.finish", b"".join([pack("<I", len(head)), head, *pictures]))
    ended_at_once(1)


OURS = ("axes", "guard", "recorder")


def tell(error: BaseException, path: str) -> None:
    """The traceback on standard error, from the script's first frame on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != path:
        trace = trace.tb_next
    with Ending():
        sys.stderr.write("".join(traceback.format_exception(type(error), error, trace)))


# --- the walls ------------------------------------------------------------------------------------


READABLE = ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc", "/dev", sys.prefix, sys.base_prefix]
"""For a script in tier B, as far as the zygote may read them."""


def unshare(flags: int) -> None:
    """New namespaces, a user namespace among them, in which this user is still itself."""
    user, group = os.getuid(), os.getgid()
    LIBC.call("unshare", CLONE_NEWUSER | flags)
    for name, text in (
        ("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")
    ):  # fmt: skip
        Path(f"/proc/self/{name}").write_text(text)


class PidNamespaces:
    """A pid namespace for each child, without a process between it and us.

    The zygote owns the user namespace that its own pid namespace belongs to: so it may come back
    from each new one that it makes for a child.
    """

    def __init__(self) -> None:
        unshare(CLONE_NEWPID)
        child = os.fork()
        if child:  # wait for the zygote proper, which is process 1 of its namespace
            os.closerange(0, 2)
            _, state = os.waitpid(child, 0)
            os._exit(abs(os.waitstatus_to_exitcode(state)) & 255)
        LIBC.call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        self.own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def fork(self) -> int:
        """As os.fork; the child is process 1 of a new namespace."""
        LIBC.call("unshare", CLONE_NEWPID)
        pid = os.fork()
        if pid:
            LIBC.call("setns", self.own, CLONE_NEWPID)
        return pid


def wall_in(disk: int) -> None:
    """A private /work and /dev/shm, no /proc, no network, nothing shared."""
    unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC)
    LIBC.call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    # a runtime below the host's /tmp lies below /work here, and must stay in sight
    hidden = {os.path.realpath(place) for place in (sys.prefix, sys.base_prefix)}
    kept = {p: os.open(p, os.O_PATH) for p in sorted(hidden) if p.split("/")[1] == "work"}
    flags = MS_NOSUID | MS_NODEV
    size = b"size=%d,mode=0755,nr_inodes=10000" % disk
    LIBC.call("mount", b"tmpfs", b"/work", b"tmpfs", flags, size)
    LIBC.call("mount", b"tmpfs", b"/dev/shm", b"tmpfs", flags, size)
    for place, descriptor in kept.items():
        Path(place).mkdir(parents=True)
        source = f"/proc/self/fd/{descriptor}".encode()
        LIBC.call("mount", source, place.encode(), None, MS_BIND | MS_REC, None)
    LIBC.call("mount", b"tmpfs", b"/proc", b"tmpfs", flags | MS_RDONLY, b"size=4k")
    os.chdir("/work")


def strip(request: dict[str, Any], base: int, filters: list[bytes]) -> None:
    """Limits, no capabilities, no new privileges, the system call filters; for this process."""
    LIBC.call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    limits = request["limits"]
    seconds = math.ceil(limits["cpu"])
    for kind, value in (
        (resource.RLIMIT_CORE, 0), (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, base + limits["memory"]), (resource.RLIMIT_FSIZE, limits["disk"]),
        (resource.RLIMIT_NOFILE, limits["files"]), (resource.RLIMIT_NPROC, limits["processes"]),
    ):  # fmt: skip
        resource.setrlimit(kind, (value, value))
    LIBC.call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(64):  # EINVAL beyond the last, EPERM where there are none to drop
        if LIBC.library.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            break
    header, nothing = struct.pack("<II", 0x20080522, 0), bytes(24)
    LIBC.call("syscall", SYS_CAPSET[os.uname().machine], header, nothing)
    for program in filters:
        code = ctypes.create_string_buffer(program, len(program))
        fprog = struct.pack("@HxxxxxxP", len(program) // 8, ctypes.addressof(code))
        LIBC.call("prctl", PR_SET_SECCOMP, 2, fprog, 0, 0)


def inside(
    request: dict[str, Any], places: Any, setup: dict[str, Any], ends: dict[str, int]
) -> None:
    """The forked process: makes its walls, then runs the script; never returns."""
    os.setsid()
    if setup["tier"] == "A":
        wall_in(request["limits"]["disk"])
    else:
        os.chdir(request["folder"])
        for name in ("HOME", "TMPDIR", "PWD"):
            os.environ[name] = request["folder"]
        if setup["tier"] == "B":
            load("guard").restrict_files(READABLE, [request["folder"], "/dev/null"])
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.dup2(ends["stdout"], 1)
    os.dup2(ends["stderr"], 2)
    message, secret = os.dup2(ends["message"], 254), os.dup2(ends["nonce"], 255)
    started = os.dup2(ends["started"], 253)
    os.closerange(3, started)
    strip(request, setup["base"], setup["filters"])
    os.write(started, b"+")
    os.close(started)
    gc.enable()
    script(request, places, message, secret)


# --- the zygote's side of a job -------------------------------------------------------------------


class Job:
    """One script from its fork to its reply."""

    def __init__(self, request: dict[str, Any], places: Any, setup: dict[str, Any]) -> None:
        self.limits = request["limits"]
        self.read: dict[int, str] = {}
        self.got: dict[str, bytearray] = {}
        self.state: int | None = None
        self.used: Any = None
        child: dict[str, int] = {}
        for name in ("stdout", "stderr", "message", "started"):
            ours, theirs = os.pipe()
            self.read[ours], child[name] = name, theirs
            self.got[name] = bytearray()
        child["nonce"], nonce_in = os.pipe()
        self.folder = ""
        if setup["tier"] != "A":
            place = Path.cwd() / os.urandom(8).hex()
            place.mkdir()
            self.folder = request["folder"] = str(place)
        self.start = time.monotonic()
        self.pid = setup["fork"]()
        if self.pid == 0:
            failed = Ending()
            with failed:
                os.close(nonce_in)
                for descriptor in self.read:
                    os.close(descriptor)
                inside(request, places, setup, child)
            os.write(2, f"the job could not be set up: {failed.error!r}\n".encode())
            os._exit(98)
        for descriptor in child.values():
            os.close(descriptor)
        self.nonce = os.urandom(NONCE_BYTES)  # after the fork: never in the script's memory before
        with contextlib.suppress(BrokenPipeError):
            os.write(nonce_in, self.nonce)
        os.close(nonce_in)

    def watch(self) -> tuple[str, str]:
        """Drain all pipes until the script has ended or a limit is reached.

        Returns:
            Status and reason where it was stopped, else empty.
        """
        poll = select.poll()
        for descriptor in self.read:
            poll.register(descriptor, select.POLLIN)
        end = self.start + self.limits["wall"]
        left_open = set(self.read)
        while left_open:
            left = end - time.monotonic()
            if left <= 0:
                return "timeout", f"more than {self.limits['wall']:g} s of wall time"
            for descriptor, _ in poll.poll(left * 1000 + 1):
                part = os.read(descriptor, 1 << 20)
                if part:
                    self.got[self.read[descriptor]] += part
                else:
                    left_open.discard(descriptor)
                    poll.unregister(descriptor)
            if len(self.got["stdout"]) + len(self.got["stderr"]) > self.limits["output"]:
                return "blocked", f"more than {self.limits['output']} bytes of output"
            if len(self.got["message"]) > MAX_MESSAGE:
                return "blocked", f"more than {MAX_MESSAGE >> 20} MB of pictures and record"
        handle = os.pidfd_open(self.pid)  # it may have closed its pipes and live on
        ended = select.select([handle], [], [], max(0.0, end - time.monotonic()))[0]
        os.close(handle)
        return (
            ("", "") if ended else ("timeout", f"more than {self.limits['wall']:g} s of wall time")
        )

    def close(self) -> None:
        """End it where it still runs, wait for it, close the pipes."""
        os.kill(self.pid, signal.SIGKILL)  # not yet waited for: the number is still its own
        _, self.state, self.used = os.wait4(self.pid, 0)
        for descriptor in self.read:
            os.close(descriptor)
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def outcome(self, stopped: tuple[str, str]) -> tuple[dict[str, Any], bytes]:
        """Status and figures of the run, and its message where it is genuine."""
        message = bytes(self.got["message"])
        code = os.waitstatus_to_exitcode(self.state or 0)
        cpu = self.used.ru_utime + self.used.ru_stime
        found: dict[str, Any] = {
            "status": "error", "reason": "", "exit_code": code, "cpu": cpu,
            "peak": self.used.ru_maxrss << 10, "seconds": time.monotonic() - self.start,
        }  # fmt: skip
        if stopped[0]:
            found |= {"status": stopped[0], "reason": stopped[1], "exit_code": None}
        elif message.startswith(self.nonce):
            found["status"] = ""  # the message says it
            return found, message[NONCE_BYTES:]
        elif message.startswith(STOPPED):
            what = message[1:60].decode("ascii", "replace")
            found |= {"status": "blocked", "reason": f"tried a guarded door: {what}"}
        elif self.nonce in message:
            found |= {"status": "blocked", "reason": "wrote into the channel of its record"}
        elif not self.got["started"]:
            found |= {"status": "lost", "reason": "the job could not be set up"}
        elif code == -signal.SIGSYS:
            found |= {"status": "blocked", "reason": "a system call that is never allowed"}
        # the kernel counts ticks for the limit and real time for us: they differ on a shared core
        elif code in (-signal.SIGKILL, -signal.SIGXCPU) and cpu >= self.limits["cpu"] / 2:
            found |= {
                "status": "timeout",
                "reason": f"more than {self.limits['cpu']:g} s of CPU time",
            }
        elif code == -signal.SIGKILL:
            found |= {"status": "memory", "reason": "ended by the kernel, for want of memory"}
        elif code < 0:
            found |= {"reason": f"ended by signal {-code} ({signal.Signals(-code).name})"}
        else:
            found |= {"reason": f"ended before its end (exit status {code})"}
        return found, b""


def read_exactly(descriptor: int, size: int) -> bytes:
    """Bytes of the host; the zygote ends with the host."""
    got = b""
    while len(got) < size:
        part = os.read(descriptor, size - len(got))
        if not part:
            os._exit(0)
        got += part
    return got


def reply(descriptor: int, head: dict[str, Any], *blobs: bytes) -> None:
    """One frame to the host."""
    parts = [json.dumps(head).encode(), *blobs, *[b""] * (3 - len(blobs))]
    view = memoryview(struct.pack("<4I", *map(len, parts)) + b"".join(parts))
    while view:
        view = view[os.write(descriptor, view) :]


def main() -> None:
    """Warm up, then serve one request after the other."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no Python handler: nothing may run in a hook
    here = str(Path.cwd())
    sys.path.insert(0, here)
    os.environ["MPLCONFIGDIR"] = here
    setup = json.loads(Path("setup.json").read_text("utf-8"))
    if setup["tier"] == "A":
        setup["fork"] = PidNamespaces().fork
    else:  # a script of the same user must not read this process
        LIBC.call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)
        setup["fork"] = os.fork
    setup["filters"] = [base64.b64decode(text) for text in setup["filters"]]
    requests, replies = os.dup(0), os.dup(1)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.dup2(2, 1)
    # asyncio: its import makes code objects, which the guard would refuse
    for name in (
        "asyncio",
        "matplotlib.pyplot",
        "networkx",
        "scipy.stats",
        "seaborn",
        "axes",
        "guard",
    ):
        load(name)
    only_own_fonts()
    no_windows()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warm()
        places = load("recorder").sites()
    sys.path.remove(here)
    del gc.callbacks  # Python code that would run in the middle of a hook
    pages = Path("/proc/self/statm").read_text().split()[0]
    setup["base"] = int(pages) * resource.getpagesize()
    gc.collect()
    gc.freeze()
    gc.disable()
    reply(replies, {"ready": os.getpid()})
    while True:
        request = json.loads(
            read_exactly(requests, struct.unpack("<I", read_exactly(requests, 4))[0])
        )
        job = Job(request, places, setup)
        stopped = job.watch()
        job.close()
        head, message = job.outcome(stopped)
        limit = request["limits"]["output"]
        reply(
            replies,
            head,
            bytes(job.got["stdout"][:limit]),
            bytes(job.got["stderr"][:limit]),
            message,
        )
        del job, request


if __name__ == "__main__":
    main()
