"""The sandbox as an instrument: limits, files, statuses, handles. Attacks: test_attacks_*.py."""

from __future__ import annotations

import os
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from viscodex.errors import IsolationMissing, MissingPart
from viscodex.execute import sandbox
from viscodex.execute.cgroup import _sweep
from viscodex.execute.sandbox import Limits, run, start
from viscodex.execute.seccomp import KILL, NUMBERS, deny_filter

PYTHON = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
SMALL = Limits(wall=20, cpu=5, memory=512 << 20, disk=8 << 20)
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    sandbox.isolation().tier == "C", reason="this machine confines nothing"
)


def _python(code: str, tier: str | None, **how: object) -> sandbox.Outcome:
    return run([PYTHON, "-c", code], **{"limits": SMALL, "tier": tier, **how})


# --- what comes back ------------------------------------------------------------------------------


def test_streams_and_exit_status_come_back(tier: str) -> None:
    done = _python("import sys; print(input()); sys.stderr.write('e'); sys.exit(3)", tier, stdin=b"x\n")  # fmt: skip
    assert (done.stdout, done.stderr) == (b"x\n", b"e")
    assert (done.status, done.exit_code, done.reason, done.tier) == (
        "error",
        3,
        "exit status 3",
        tier,
    )


def test_a_signal_is_named(tier: str) -> None:
    done = _python("import os; os.kill(os.getpid(), 11)", tier)
    assert (done.status, done.exit_code) == ("error", 128 + 11)
    assert "Segmentation" in done.reason


def test_standard_input_larger_than_a_pipe_arrives(tier: str) -> None:
    data = os.urandom(1 << 20)
    limits = Limits(wall=20, output=2 << 20)
    assert run(["cat"], stdin=data, limits=limits, tier=tier).stdout == data


def test_standard_input_that_nobody_reads_is_no_error(tier: str) -> None:
    assert run(["true"], stdin=bytes(1 << 20), limits=SMALL, tier=tier).status == "ok"


def test_output_just_at_the_limit_is_whole(tier: str) -> None:
    limits = Limits(wall=20, output=100_000)
    done = run(["cat"], stdin=bytes(100_000), limits=limits, tier=tier)
    assert (done.status, len(done.stdout)) == ("ok", 100_000)


def test_cpu_time_and_memory_are_measured(tier: str) -> None:
    code = "import time\nx = bytearray(b'x' * (100 << 20))\nwhile time.process_time() < 0.5: pass"
    done = _python(code, tier)
    assert done.status == "ok"
    assert 0.3 < done.cpu_seconds < 3
    assert done.peak_bytes > 90 << 20


# --- what a job finds -----------------------------------------------------------------------------


def test_files_lie_in_the_private_working_directory(tier: str) -> None:
    code = "import os; print(open('a/b.txt').read(), os.getcwd() == os.environ['HOME'])"
    done = _python(code, tier, files={"a/b.txt": b"hello"})
    assert done.stdout == b"hello True\n"


def test_two_jobs_do_not_see_each_others_files(tier: str) -> None:
    _python("open('left', 'w').write('x'); open('/tmp/left', 'w')", tier)
    done = _python("import os; print(os.listdir('.'), os.path.exists('/tmp/left'))", tier)
    assert done.stdout == b"[] False\n"


def test_the_environment_is_empty_but_for_what_is_given(
    tier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    done = _python("import os; print(sorted(os.environ))", tier, env={"GIVEN": "1"})
    assert b"GIVEN" in done.stdout
    assert b"SECRET" not in done.stdout


def test_read_only_directories_are_seen_and_not_written(tier: str) -> None:
    folder = Path("/var/tmp", f"viscodex-{os.getpid()}")
    folder.mkdir()
    try:
        (folder / "data").write_text("seen")
        folder.chmod(0o777)
        code = f"print(open('{folder}/data').read())\nopen('{folder}/new', 'w')"
        done = _python(code, tier, read_only=[folder])
        assert done.stdout == b"seen\n"
        assert done.status == "error"
        assert not (folder / "new").exists()
    finally:
        shutil.rmtree(folder)


def test_a_python_of_a_virtual_environment_runs(tmp_path: Path) -> None:
    done = run([sys.executable, "-c", "import sys; print(sys.prefix)"], limits=SMALL)
    assert done.stdout.decode().strip() == sys.prefix


@pytest.mark.parametrize("place", ["/", "/proc", "/root", "/home", "/tmp", "~", "/usr/.."])
def test_directories_that_hold_everything_are_never_shown(place: str) -> None:
    with pytest.raises(ValueError, match="never shown"):
        run(["true"], read_only=[Path(place).expanduser()])


@pytest.mark.parametrize("program", ["/bin/sh", "/usr/bin/env", "/bin/python3", PYTHON])
def test_programs_of_the_system_bring_no_directories_with_them(program: str) -> None:
    from viscodex.execute.sandbox import _roots

    assert _roots(Path(program)) == []


def test_a_link_in_a_private_bin_brings_only_itself(tmp_path: Path) -> None:
    from viscodex.execute.sandbox import _roots

    (tmp_path / "bin").mkdir()
    (tmp_path / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    link = tmp_path / "bin" / "python3"
    link.symlink_to("/usr/bin/env")
    assert _roots(link) == [link]


def test_descriptors_that_are_passed_arrive(tier: str) -> None:
    reader, writer = os.pipe()
    _python(f"import os; os.write({writer}, b'hello')", tier, pass_fds=[writer])
    os.close(writer)
    assert os.read(reader, 100) == b"hello"
    os.close(reader)


def test_a_file_name_that_leads_out_is_refused(tier: str) -> None:
    for name in ("../x", "/x", "a/../../x", "", "a\0b"):
        with pytest.raises(ValueError, match="working directory"):
            run(["true"], tier=tier, files={name: b""})


def test_proc_can_be_left_out() -> None:
    done = _python("import os; print(os.path.exists('/proc/self/mem'))", None, proc=False)
    assert done.stdout == b"False\n" or sandbox.isolation().tier != "A"


def test_a_nested_job_may_make_namespaces() -> None:
    if sandbox.isolation().tier != "A":
        pytest.skip("no namespaces here")
    code = "import ctypes; print(ctypes.CDLL(None).unshare(0x10000000 | 0x20000))"
    assert _python(code, "A", nested=True).stdout == b"0\n"
    assert _python(code, "A").stdout == b"-1\n"


# --- handles --------------------------------------------------------------------------------------


def test_a_started_tree_can_be_talked_to_and_killed(tier: str) -> None:
    with start(["cat"], limits=SMALL, tier=tier) as job:
        job.stdin.write(b"ping")
        assert job.stdout.read(4) == b"ping"
        assert job.wait(0) is None
        job.kill()
        assert job.wait(0) == 128 + 9
        assert job.set_up()
    assert not Path(f"/proc/{job.pid}").exists()


def test_a_tree_outlives_the_thread_that_started_it(tier: str) -> None:
    jobs: list[sandbox.Confined] = []
    thread = threading.Thread(target=lambda: jobs.append(start(["cat"], limits=SMALL, tier=tier)))
    thread.start()
    thread.join()
    time.sleep(0.2)
    with jobs[0] as job:
        assert job.wait(0) is None


def test_descriptors_of_high_numbers_are_no_trouble(tier: str) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] < 2000:
        pytest.skip("this machine allows few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2000, limits[1]))
    null = os.open("/dev/null", os.O_RDONLY)
    taken = [os.dup(null) for _ in range(1100)]
    try:
        assert run(["cat"], stdin=b"x", limits=SMALL, tier=tier).stdout == b"x"
        assert run(["sleep", "9"], limits=Limits(wall=0.1), tier=tier).status == "timeout"
    finally:
        for descriptor in (null, *taken):
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_many_threads_run_jobs_at_once(tier: str) -> None:
    def one(number: int) -> bytes:
        return run(["cat"], stdin=str(number).encode(), limits=SMALL, tier=tier).stdout

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(32))) == [str(n).encode() for n in range(32)]


def test_nothing_is_left_behind(tier: str) -> None:
    def state() -> tuple[int, int, int, set[str]]:
        groups = [p for g in _groups() for p in g.glob(f"viscodex-{os.getpid()}-*")]
        jobs = list(Path(tempfile.gettempdir()).glob(f"viscodex-job-{os.getpid()}-*"))
        tasks = Path("/proc/self/task").iterdir()
        children = {pid for task in tasks for pid in (task / "children").read_text().split()}
        return len(list(Path("/proc/self/fd").iterdir())), len(groups), len(jobs), children

    run(["true"], limits=SMALL, tier=tier)
    before = state()
    for _ in range(10):
        run(["true"], limits=SMALL, tier=tier)
        run(["sleep", "60"], limits=Limits(wall=0.05), tier=tier)
        with pytest.raises((MissingPart, ValueError)):
            run(["true"], limits=SMALL, tier=tier, files={"/x": b""})
    assert state() == before  # zombies count as children


def _groups() -> list[Path]:
    from viscodex.execute.cgroup import _layout

    layout = _layout()
    return list(layout.parents.values()) if layout else []


def test_when_the_host_process_dies_its_jobs_die(tier: str) -> None:
    code = (
        "import sys, time\nfrom viscodex.execute.sandbox import Limits, start\n"
        f"job = start(['sleep', '4321'], limits=Limits(), tier='{tier}')\n"
        "print('up', flush=True)\ntime.sleep(60)"
    )
    host = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert host.stdout is not None
    assert host.stdout.read(2) == b"up"
    time.sleep(0.3)
    host.kill()
    host.communicate()
    end = time.monotonic() + 10
    while _runs(b"4321") and time.monotonic() < end:
        time.sleep(0.05)
    assert not _runs(b"4321")
    for parent in _groups():
        while list(parent.glob(f"viscodex-{host.pid}-*")) and time.monotonic() < end:
            _sweep(parent)  # a group can be removed when the kernel is done with its processes
            time.sleep(0.05)
        assert not list(parent.glob(f"viscodex-{host.pid}-*"))
    time.sleep(0.5 if tier == "B" else 0)
    assert not list(Path(tempfile.gettempdir()).glob(f"viscodex-job-{host.pid}-*"))


def _runs(word: bytes) -> bool:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if (folder / "cmdline").read_bytes().split(b"\0")[:2] == [b"sleep", word]:
                    return True
            except OSError:
                continue
    return False


# --- refusals -------------------------------------------------------------------------------------


def test_tier_c_is_refused_unless_it_is_asked_for() -> None:
    with pytest.raises(IsolationMissing):
        run(["true"], tier="C")
    done = run(["true"], tier="C", allow_unsafe=True, limits=SMALL)
    assert (done.status, done.tier) == ("ok", "C")


def test_an_unknown_tier_is_refused() -> None:
    with pytest.raises(ValueError, match="tier"):
        run(["true"], tier="D")


def test_a_missing_program_is_named() -> None:
    with pytest.raises(MissingPart, match="no-such-program"):
        run(["no-such-program"])


def test_a_directory_that_does_not_exist_is_named() -> None:
    if sandbox.isolation().tier != "A":
        pytest.skip("only mounts need it to exist")
    with pytest.raises(IsolationMissing, match="no-such-directory"):
        run(["true"], read_only=[Path("/no-such-directory")])


@pytest.mark.parametrize("limit", ["wall", "cpu", "memory", "processes"])
def test_a_limit_of_nothing_is_refused(limit: str) -> None:
    with pytest.raises(ValueError, match=limit):
        Limits(**{limit: 0})


def test_isolation_says_what_holds_and_is_asked_once() -> None:
    found = sandbox.isolation()
    assert found is sandbox.isolation()
    assert found.tier in ("A", "B")
    assert found.holds


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="no setpriv")
def test_the_sandbox_works_for_an_ordinary_user(tier: str) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from viscodex.execute.sandbox import Limits, run\n"
        f"limits = Limits(wall=10, cpu=2, memory=256 << 20, processes=20)\n"
        "def job(code, **how):\n"
        f"    return run(['/usr/bin/python3', '-c', code], limits=limits, tier='{tier}', **how)\n"
        "assert job('print(1)').stdout == b'1\\n'\n"
        "forks = 'import os, time\\nfor n in range(100):\\n    if os.fork() == 0: time.sleep(60)'\n"
        "assert job(forks).status == 'error'\n"
        "assert job('b\"x\" * (1 << 30)').status == 'memory'\n"
        "assert job('while 1: pass').status == 'timeout'\n"
        "assert job('open(\"/etc/passwd\", \"a\")').status == 'error'\n"
        "assert job('import os; os.kill(os.getppid(), 9)').status in ('ok', 'error')\n"
        "print('fine')\n"
    )
    if not Path("/usr/bin/python3").exists() or not os.access(ROOT, os.R_OK):
        pytest.skip("no Python that everybody can run")
    user = ["setpriv", "--reuid", "65533", "--regid", "65533", "--clear-groups"]
    done = subprocess.run(
        [*user, "/usr/bin/python3", "-B", "-c", code],
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        check=False,
    )
    if "ModuleNotFoundError: No module named 'viscodex'" in done.stderr:
        pytest.skip("the repository lies where others cannot read")
    assert (done.stdout, done.stderr) == ("fine\n", "")


# --- the filter -----------------------------------------------------------------------------------


def test_the_filter_is_an_array_of_instructions_whose_jumps_stay_inside() -> None:
    for code in (deny_filter(), deny_filter(nested=True), deny_filter(extra=["execve", "socket"])):
        lines = list(struct.iter_unpack("<HBBI", code))
        assert len(lines) < 4096
        for place, (kind, yes, no, _) in enumerate(lines):
            if kind & 0x07 == 0x05:
                assert place + 1 + max(yes, no) < len(lines)
        assert lines[-1][0] == 0x06
        assert (0x06, 0, 0, KILL) in lines


def test_an_unknown_system_call_is_refused() -> None:
    with pytest.raises(KeyError):
        deny_filter(extra=["no_such_call"])


def test_numbers_are_those_of_the_kernels_headers() -> None:
    header = Path("/usr/include/asm-generic/unistd.h")
    native = next(Path("/usr/include").rglob("asm/unistd_64.h"), None)
    if not header.exists() or native is None:
        pytest.skip("no kernel headers")
    for column, file in ((0, native), (1, header)):
        known = {}
        for line in file.read_text().splitlines():
            words = line.split()
            if len(words) == 3 and words[0] == "#define" and words[1].startswith("__NR"):
                name = words[1].removeprefix("__NR3264_").removeprefix("__NR_")
                if words[2].isdigit():
                    known[name] = int(words[2])
        for name, numbers in NUMBERS.items():
            if name in known:
                assert (name, numbers[column]) == (name, known[name])


@pytest.mark.parametrize("call", ["execve", "socket"])
def test_further_system_calls_can_be_refused(call: str, tier: str) -> None:
    code = (
        "import os, socket\n"
        "try:\n    os.execv('/bin/true', ['true'])\nexcept PermissionError:\n    print('no execve')\n"
        if call == "execve"
        else "import socket\ntry:\n    socket.socket()\nexcept PermissionError:\n    print('no socket')\n"
    )
    command = [PYTHON, "-c", code]
    if call == "execve":  # the sandbox itself must become the program: load it inside
        from viscodex.execute import guard

        text = Path(guard.__file__).read_bytes()
        code = f"import sys; sys.path.insert(0, '.')\nimport guard\nguard.load_filter(bytes.fromhex('{deny_filter(extra=[call]).hex()}'))\n{code}"  # fmt: skip
        done = run([PYTHON, "-c", code], limits=SMALL, tier=tier, files={"guard.py": text})
    else:
        done = run(command, limits=SMALL, tier=tier, refuse=[call])
    assert done.stdout == f"no {call}\n".encode()


def test_a_job_can_be_waited_for_with_select(tier: str) -> None:
    with start(["true"], limits=SMALL, tier=tier) as job:
        assert select.select([job], [], [], 10)[0] == [job]
        assert job.wait(5) == 0
