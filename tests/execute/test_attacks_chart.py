"""Attacks of chart scripts: each ends with the right status, in time, and harms no later job."""

from __future__ import annotations

import ast
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from viscodex.errors import MissingPart
from viscodex.execute import runtime
from viscodex.execute.chart import ChartPool
from viscodex.execute.guard import descendants
from viscodex.execute.sandbox import Limits, isolation
from viscodex.types import Execution

LIMITS = Limits(wall=60.0, cpu=8.0, memory=1 << 30, disk=16 << 20, output=1 << 20)
GOOD = """
import matplotlib.pyplot as plt, numpy as np, random
plt.plot(np.random.rand(5), label=str(random.random()))
plt.legend()
plt.title("unharmed")
print(plt.get_fignums(), plt.rcParams["lines.linewidth"])
"""

Attack = Callable[..., Execution]


@pytest.fixture(scope="module", params=["A", "B"])
def pool(request: pytest.FixtureRequest) -> Iterator[ChartPool]:
    runtime.install("current")
    if isolation().tier > request.param:
        pytest.skip(f"this machine has no tier {request.param}")
    with ChartPool("current", workers=1, limits=LIMITS, tier=request.param) as charts:
        try:
            charts.run("pass")
        except MissingPart as error:  # tier B as root, and the runtime in root's closed home
            pytest.skip(str(error))
        yield charts


@pytest.fixture(scope="module")
def untouched(pool: ChartPool) -> Execution:
    return pool.run(GOOD)


@pytest.fixture
def attack(pool: ChartPool, untouched: Execution) -> Iterator[Attack]:
    """Run a script; afterwards an honest one must give what it gave before all attacks."""

    def run(code: str, **limits: float) -> Execution:
        chosen = Limits(**{**{name: getattr(LIMITS, name) for name in LIMITS.__slots__}, **limits})  # type: ignore[arg-type]
        begin = time.monotonic()
        execution = pool.run(code, limits=chosen)
        # CPU seconds of a loaded machine may take long; beyond the limits only two seconds count
        assert execution.cpu_seconds < chosen.cpu + 2
        assert time.monotonic() - begin < chosen.wall + 2 + 10
        return execution

    yield run
    after = pool.run(GOOD)
    assert (after.status, after.stdout, after.stderr) == ("ok", untouched.stdout, "")
    assert after.images == untouched.images
    assert after.figure == untouched.figure


# --- the end of a run -----------------------------------------------------------------------------


def test_leaving_by_os_exit_is_no_completion(attack: Attack) -> None:
    execution = attack("import os\nimport matplotlib.pyplot as plt\nplt.plot([1])\nos._exit(0)")
    assert (execution.status, execution.figure) == ("error", None)
    assert "before its end" in execution.reason


@pytest.mark.parametrize("call", ["get_objects()", "get_referrers(0)", "get_referents(0)"])
def test_nonce_is_not_found_by_the_garbage_collector(attack: Attack, call: str) -> None:
    execution = attack(f"import gc\ntry:\n    gc.{call}\nexcept BaseException:\n    pass")
    assert (execution.status, execution.figure) == ("blocked", None)
    assert "gc." in execution.reason


def test_nonce_is_not_found_by_walking_frames(attack: Attack) -> None:
    execution = attack(
        """
import sys
found, frame = [], sys._getframe()
while frame is not None:
    for space in (frame.f_locals, frame.f_globals):
        for name, value in list(space.items()):
            if isinstance(value, (bytes, bytearray)) and len(value) == 32:
                found.append(name)
            for cell in getattr(value, "__closure__", None) or ():
                if isinstance(cell.cell_contents, bytes) and len(cell.cell_contents) == 32:
                    found.append(name)
    frame = frame.f_back
print(found)
"""
    )
    assert (execution.status, execution.stdout) == ("ok", "[]\n")


def test_nonce_is_not_shown_by_a_hook_that_fails_deep_in_the_stack(attack: Attack) -> None:
    execution = attack(
        """
import gc, sys
seen = set()
def dig(n):
    try:
        sys.audit("viscodex.finish", b"x")
    except RecursionError as error:
        trace = error.__traceback__
        while trace:
            for value in trace.tb_frame.f_locals.values():
                if isinstance(value, bytes) and len(value) == 32:
                    seen.add(value)
            trace = trace.tb_next
def deep(n):
    if n:
        deep(n - 1)
    else:
        dig(n)
for depth in range(900, 1000):
    try:
        deep(depth)
    except RecursionError:
        pass
print(len(seen))
"""
    )
    assert execution.status == "blocked" or execution.stdout == "0\n"


def test_finish_called_by_the_script_gives_nothing(attack: Attack) -> None:
    execution = attack("import sys\nsys.audit('viscodex.finish', b'{}')\n")
    assert (execution.status, execution.figure) == ("blocked", None)


def test_finish_called_from_a_thread_gives_nothing(attack: Attack) -> None:
    execution = attack(
        """
import sys, threading
def forge():
    sys.audit("viscodex.finish", b"{}")
thread = threading.Thread(target=forge)
thread.start()
thread.join()
"""
    )
    assert (execution.status, execution.figure) == ("blocked", None)


def test_trusted_code_called_by_the_script_gives_nothing(attack: Attack) -> None:
    execution = attack(
        """
import sys
frame = sys._getframe()
while "audit" not in frame.f_locals:
    frame = frame.f_back
frame.f_locals["audit"]("viscodex.finish", b"forged")
"""
    )
    assert (execution.status, execution.figure) == ("blocked", None)


def test_forged_message_on_every_descriptor_is_no_completion(attack: Attack) -> None:
    execution = attack(
        """
import os, struct, json
head = json.dumps({"status": "ok", "reason": "", "exit_code": 0, "more": [], "failed": "",
                   "record": None, "logs": [], "pictures": []}).encode()
for descriptor in range(256):
    try:
        os.write(descriptor, bytes(32) + struct.pack("<I", len(head)) + head)
    except OSError:
        pass
os._exit(0)
"""
    )
    assert (execution.status, execution.figure) == ("error", None)


def test_noise_in_the_channel_of_the_record_is_noticed(attack: Attack) -> None:
    execution = attack(
        """
import os
for descriptor in range(3, 256):
    try:
        os.write(descriptor, b"noise")
    except OSError:
        pass
"""
    )
    assert (execution.status, execution.figure) == ("blocked", None)


def test_closed_descriptors_are_no_completion(attack: Attack) -> None:
    assert attack("import os\nos.closerange(0, 256)").status in ("error", "blocked")


# --- the recorder ---------------------------------------------------------------------------------


def test_replaced_hook_is_noticed(attack: Attack) -> None:
    execution = attack(
        """
import matplotlib.pyplot as plt
plt.Axes.bar = lambda *args, **kwargs: None
plt.bar(["a"], [1])
"""
    )
    assert execution.status == "blocked"
    assert "Axes.bar" in execution.reason


def test_manipulated_closure_of_a_hook_changes_no_status(attack: Attack) -> None:
    execution = attack(
        """
import matplotlib.pyplot as plt
for cell in plt.Axes.bar.__closure__:
    try:
        cell.cell_contents = None
    except ValueError:
        pass
plt.bar(["a"], [1])
"""
    )
    assert execution.status == "error"


def test_replaced_json_and_streams_change_no_status(attack: Attack) -> None:
    execution = attack(
        """
import json, sys
json.dumps = json.JSONEncoder.encode = None
sys.stdout = sys.stderr = None
raise ValueError("mine")
"""
    )
    assert execution.status == "error"


# --- leaks into the next job (the fixture looks) --------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "import matplotlib.pyplot as plt\nplt.rcParams['lines.linewidth'] = 20",
        "import matplotlib.pyplot as plt\nplt.style.use('dark_background')",
        "import random, numpy\nrandom.seed(5)\nnumpy.random.seed(5)\nnumpy.random.rand(3)",
        "import matplotlib.pyplot as plt\nfor _ in range(5): plt.figure()",
        "import numpy\nnumpy.random.rand = lambda *a: 1/0",
        "import matplotlib.axes\nmatplotlib.axes.Axes.set_title = lambda *a, **k: None",
        "import builtins\nbuiltins.print = lambda *a: None\nbuiltins.str = None",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(99,), daemon=True).start()",
        "import sys\nsys.modules.clear()",
        "import os\nos.environ['MPLBACKEND'] = 'nonsense'\nos.chdir('/')\nos.umask(0o777)",
    ],
)
def test_nothing_leaks_into_the_next_job(attack: Attack, code: str) -> None:
    assert attack(code).status in ("ok", "error")


def test_files_do_not_leak_into_the_next_job(attack: Attack) -> None:
    assert attack("open('left', 'w').write('x')").status == "ok"
    for place in ("/work", "/tmp", "/dev/shm", "..", "/var/tmp"):
        attack(f"open('{place}/left', 'w').write('x')")
        assert "left" not in attack(f"import os\nprint(os.listdir('{place}'))").stdout
    assert "left" not in attack("import os\nprint(os.listdir())").stdout


def test_thread_that_never_ends_does_not_hold_up_the_end(attack: Attack) -> None:
    execution = attack(
        """
import threading
def spin():
    while True:
        pass
threading.Thread(target=spin).start()
""",
    )
    assert execution.status == "ok"


# --- processes and signals ------------------------------------------------------------------------


def test_fork_bomb_ends_as_an_error(attack: Attack) -> None:
    execution = attack("import os\nwhile True:\n    os.fork()")
    assert execution.status == "error"
    assert "PermissionError" in execution.reason


def test_thread_bomb_is_bounded(attack: Attack) -> None:
    execution = attack(
        "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(99,)).start()"
    )
    assert execution.status in ("error", "memory")


@pytest.mark.parametrize("target", ["-1", "os.getppid()", "0", "1"])
def test_signals_reach_nobody_else(attack: Attack, target: str) -> None:
    attack(f"import os, signal\nos.kill({target}, signal.SIGKILL)")


def test_signal_handlers_cannot_be_installed(attack: Attack) -> None:
    execution = attack("import signal\nsignal.signal(signal.SIGALRM, print)")
    assert execution.status == "error"


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.execv('/bin/sh', ['sh'])",
        "import subprocess\nsubprocess.run(['/bin/true'])",
        "import socket\nsocket.socket()",
        "import socket\nsocket.socketpair()",
        "import multiprocessing\nmultiprocessing.get_context('fork').Process(target=print).start()",
    ],
)
def test_programs_and_sockets_are_refused(attack: Attack, code: str) -> None:
    execution = attack(code)
    assert execution.status == "error"
    assert "PermissionError" in execution.reason


def test_ctypes_ends_the_run(attack: Attack) -> None:
    execution = attack("import ctypes\nctypes.CDLL(None).getpid()")
    assert (execution.status, execution.figure) == ("blocked", None)
    assert "ctypes" in execution.reason


def test_subinterpreter_without_hooks_ends_the_run(attack: Attack) -> None:
    execution = attack("import _xxsubinterpreters as s\ns.create()")
    assert execution.status in ("blocked", "error")


# --- quantities -----------------------------------------------------------------------------------


def test_ten_gigabytes_of_memory_end_as_memory(attack: Attack) -> None:
    execution = attack("import numpy\nx = numpy.ones(10 * 2**30, 'u1')")
    assert execution.status == "memory"


def test_memory_in_small_pieces_ends_as_memory(attack: Attack) -> None:
    execution = attack("x = []\nwhile True:\n    x.append(bytearray(1 << 20))")
    assert execution.status == "memory"


def test_endless_loop_ends_by_cpu_time(attack: Attack) -> None:
    execution = attack("while True:\n    pass", cpu=1.0)
    assert (execution.status, execution.figure) == ("timeout", None)
    assert "CPU" in execution.reason


def test_endless_wait_ends_by_wall_time(attack: Attack) -> None:
    begin = time.monotonic()
    execution = attack("import time\ntime.sleep(1000)", wall=1.0)
    assert execution.status == "timeout"
    assert "wall" in execution.reason
    assert time.monotonic() - begin < 3


def test_closed_pipes_do_not_hide_an_endless_wait(attack: Attack) -> None:
    execution = attack("import os, time\nos.closerange(0, 256)\ntime.sleep(1000)", wall=1.0)
    assert execution.status == "timeout"


def test_ten_million_points_end_within_the_limits(attack: Attack) -> None:
    execution = attack(
        "import matplotlib.pyplot as plt, numpy as np\n"
        "plt.scatter(np.arange(10**7), np.arange(10**7))"
    )
    assert execution.status in ("ok", "timeout", "memory")


def test_large_data_are_capped_and_say_so(attack: Attack) -> None:
    execution = attack("import matplotlib.pyplot as plt, numpy as np\nplt.plot(np.arange(10**6))")
    assert execution.status == "ok"
    assert execution.figure is not None
    (line,) = execution.figure.axes[0].series
    assert len(line.x) == len(line.y) == 1000
    assert (line.x[0], line.x[-1]) == (0, 999_999)
    assert any("1000000 points" in note for note in execution.figure.notes)


def test_picture_bomb_is_refused(attack: Attack) -> None:
    execution = attack(
        "import matplotlib.pyplot as plt\nplt.figure(figsize=(1000, 1000), dpi=1000)\nplt.plot([1])"
    )
    assert execution.status == "error"
    assert "pixels" in execution.reason
    assert execution.images == ()


def test_picture_bomb_saved_by_the_script_is_refused(attack: Attack) -> None:
    execution = attack(
        """
import matplotlib.pyplot as plt
plt.figure(figsize=(500, 500))
try:
    plt.savefig("x.png", dpi=1000)
except Exception as error:
    print(type(error).__name__)
"""
    )
    assert (execution.status, execution.stdout) == ("error", "ChartTooLarge\n")


def test_ten_thousand_figures_are_refused(attack: Attack) -> None:
    execution = attack(
        "import matplotlib.pyplot as plt\nfor _ in range(10000):\n    plt.figure().gca().plot([1])"
    )
    assert execution.status in ("error", "timeout", "memory")
    assert len(execution.images) <= 32


def test_a_gigabyte_of_output_is_stopped(attack: Attack) -> None:
    execution = attack("while True:\n    print('x' * 10**6)")
    assert execution.status == "blocked"
    assert "output" in execution.reason
    assert len(execution.stdout) <= LIMITS.output


def test_full_disk_is_an_error(attack: Attack) -> None:
    execution = attack(
        "with open('x', 'wb') as f:\n    while True:\n        f.write(bytes(1 << 20))"
    )
    assert execution.status == "error"
    assert "OSError" in execution.reason


# --- what is not there ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place", ["/root", "/home", "/proc/self/environ", "/etc/shadow", "/proc/1/mem", str(Path(__file__))]
)  # fmt: skip
def test_places_of_the_host_are_not_there(attack: Attack, place: str) -> None:
    execution = attack(
        f"import os\ntry:\n    print(os.listdir({place!r}))\nexcept NotADirectoryError:\n"
        f"    print(open({place!r}).read())"
    )
    # root's home shows at most the way to the runtime
    assert execution.status == "error" or set(ast.literal_eval(execution.stdout)) <= {
        ".cache",
        ".pyenv",
    }


def test_environment_is_empty(attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    execution = attack("import os\nprint(sorted(os.environ))")
    names = set(ast.literal_eval(execution.stdout))
    assert names <= {
        "HOME", "LANG", "MPLBACKEND", "MPLCONFIGDIR", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
        "PATH", "PYTHONHASHSEED", "TMPDIR", "PWD", "LC_CTYPE",
    }  # fmt: skip


@pytest.mark.parametrize("place", ["/usr/x", "/x", "/etc/x", "/dev/x", "/proc/x"])
def test_nothing_outside_of_the_working_directory_can_be_written(
    attack: Attack, place: str
) -> None:
    assert attack(f"open({place!r}, 'w')").status == "error"


# --- the warm process -----------------------------------------------------------------------------


def test_no_job_is_lost_when_the_warm_process_dies(attack: Attack, pool: ChartPool) -> None:
    (worker,) = pool.workers
    before = worker.starts
    assert worker._job is not None
    worker._job.kill()
    assert attack("print('again')").stdout == "again\n"
    assert worker.starts == before + 1


def test_no_job_is_lost_when_the_warm_process_is_stuck(
    attack: Attack, pool: ChartPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viscodex.execute.pool._GRACE_S", 2.0)
    (worker,) = pool.workers
    before = worker.starts
    assert worker.pid is not None
    for pid in descendants(worker.pid):
        os.kill(pid, signal.SIGSTOP)
    assert pool.run("print('again')", limits=replace(LIMITS, wall=1.0)).stdout == "again\n"
    assert worker.starts == before + 1


def test_pool_leaves_no_process_behind() -> None:
    with ChartPool("current", workers=1, limits=LIMITS) as charts:
        charts.run("print(1)")
        pid = charts.workers[0].pid
        assert pid is not None
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()
