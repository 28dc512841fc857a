"""Attacks on the sandbox by programs; each test is named after the promise that it attacks.

Every attack ends with the right status within two seconds after its limit, leaves no process, and
the next job is unharmed; in tiers A and B alike.
"""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from viscodex.execute import sandbox
from viscodex.execute.program import judge_calls, judge_stdio, run_unit_test
from viscodex.execute.sandbox import Limits, Outcome
from viscodex.execute.seccomp import ARCHES, NUMBERS

PYTHON = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
LIMITS = Limits(
    wall=3, cpu=1, memory=256 << 20, disk=8 << 20, output=1 << 20, processes=32, files=64
)
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    sandbox.isolation().tier == "C", reason="this machine confines nothing"
)


Attack = Callable[..., Outcome]


@pytest.fixture
def attack(tier: str) -> Iterator[Attack]:
    """Runs Python text; afterwards nothing of it may live and the next job must be unharmed."""
    marker = f"attack-{secrets.token_hex(8)}"

    def run(code: str, *, limits: Limits = LIMITS, **how: object) -> Outcome:
        begin = time.monotonic()
        argv = [PYTHON, "-c", _HEAD + textwrap.dedent(code), marker]
        done = sandbox.run(argv, limits=limits, tier=tier, **how)
        assert time.monotonic() - begin < limits.wall + 2
        assert done.tier == tier
        return done

    yield run
    assert not _alive(marker)
    after = sandbox.run(["cat"], stdin=b"unharmed", limits=LIMITS, tier=tier)
    assert (after.status, after.stdout) == ("ok", b"unharmed")


_HEAD = f"""
import ctypes, os, resource, signal, socket, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = { ({name: n[ARCHES[platform.machine()][0]] for name, n in NUMBERS.items()}) }
def syscall(name, *arguments):
    '''0 or more, or minus the error.'''
    result = libc.syscall(NUMBERS[name], *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    return result if result >= 0 else -ctypes.get_errno()
def refused(function, *arguments, **named):
    '''True when a call fails with an error of the system.'''
    try:
        function(*arguments, **named)
    except OSError:
        return True
    return False
"""


def _alive(marker: str) -> list[int]:
    """Processes, zombies included, whose command line has a marker or that are our children."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if marker.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def _held(done: Outcome) -> bool:
    return (done.status, done.stdout.strip()) == ("ok", b"held")


# --- using up -------------------------------------------------------------------------------------


def test_a_fork_bomb_ends_and_leaves_nothing(attack: Attack) -> None:
    done = attack("""
        while True:
            try:
                os.fork()
            except OSError:
                pass
    """)
    assert done.status == "timeout"


def test_a_fork_bomb_that_sleeps_does_not_pass_the_process_limit(attack: Attack) -> None:
    done = attack("""
        made = 0
        while True:
            try:
                if os.fork() == 0:
                    time.sleep(60)
            except OSError:
                break
            made += 1
        print(made)
    """)
    assert done.status == "ok"
    assert 0 < int(done.stdout) <= LIMITS.processes


def test_a_thread_bomb_does_not_pass_the_process_limit(attack: Attack) -> None:
    done = attack("""
        threading.stack_size(1 << 16)
        made = 0
        try:
            while True:
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                made += 1
        except RuntimeError:
            print(made, flush=True)
            os._exit(0)
    """)
    assert done.status == "ok"
    assert 0 < int(done.stdout) <= LIMITS.processes


def test_ten_gigabytes_of_memory_are_not_to_be_had(attack: Attack) -> None:
    assert attack("b'x' * (10 << 30)").status == "memory"


def test_memory_spread_over_processes_is_counted_together(attack: Attack) -> None:
    done = attack("""
        for _ in range(8):
            if os.fork() == 0:
                block = bytearray(b'x' * (128 << 20))
                time.sleep(60)
        for _ in range(8):
            if os.wait()[1]:
                sys.exit(1)
    """)
    assert done.status == "memory"


def test_memory_without_an_address_space_limit_is_counted(attack: Attack) -> None:
    done = attack("x = [b'x' * (1 << 20) for _ in range(4096)]", address_space=False)
    assert done.status == "memory"


def test_a_sparse_file_cannot_be_larger_than_the_disk_limit(attack: Attack) -> None:
    done = attack("""
        with open('sparse', 'wb') as file:
            file.truncate(10 << 30)
    """)
    assert done.status == "error"


def test_one_real_file_cannot_fill_the_disk(attack: Attack) -> None:
    done = attack("""
        with open('large', 'wb') as file:
            while True:
                file.write(bytes(1 << 20))
    """)
    assert done.status == "error"


def test_many_real_files_cannot_fill_the_disk(attack: Attack) -> None:
    done = attack("""
        for number in range(100_000):
            with open(f'file{number}', 'wb') as file:
                file.write(bytes(1 << 20))
    """)
    assert done.status in ("error", "blocked")


def test_shared_memory_is_no_way_around_the_disk_limit(attack: Attack) -> None:
    done = attack("""
        for place in ('/dev/shm', '/dev', '/', '/var/tmp', '/run'):
            try:
                with open(place + '/large', 'wb') as file:
                    for _ in range(20):
                        file.write(bytes(1 << 20))
                print('wrote', place)
            except OSError:
                pass
        print('held')
    """)
    assert _held(done)


def test_a_deep_tree_of_directories_is_removed(attack: Attack) -> None:
    done = attack("""
        try:
            for _ in range(3000):
                os.mkdir('d' * 100)
                os.chdir('d' * 100)
            os.chmod('.', 0)
        except OSError:
            pass
    """)
    assert done.status in ("ok", "blocked")


def test_a_loop_in_python_ends_at_the_cpu_limit(attack: Attack) -> None:
    done = attack("while True: pass", limits=Limits(wall=30, cpu=1))  # a busy machine is no matter
    assert done.status == "timeout"
    assert "CPU" in done.reason


def test_cpu_time_spread_over_processes_is_counted_together(attack: Attack) -> None:
    done = attack(
        """
        for _ in range(7):
            if os.fork() == 0:
                break
        while True: pass
        """,
        limits=Limits(wall=30, cpu=2, memory=256 << 20, processes=32),
    )
    assert done.status == "timeout"
    assert "CPU" in done.reason
    assert done.cpu_seconds < 6


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_a_loop_in_c_ends_at_the_cpu_limit(attack: Attack, tier: str, tmp_path: Path) -> None:
    source, program = tmp_path / "loop.c", tmp_path / "loop"
    source.write_text('int main(void) { for (;;) __asm__ volatile(""); }')
    subprocess.run(["cc", source, "-o", program], check=True)
    done = sandbox.run(["./loop"], limits=LIMITS, tier=tier, files={"loop": program.read_bytes()})
    assert done.status == "timeout"
    assert attack("print('held')").status == "ok"


def test_ignored_signals_do_not_help(attack: Attack) -> None:
    done = attack("""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        while True: pass
    """)
    assert done.status == "timeout"


def test_sleeping_ends_at_the_wall_limit(attack: Attack) -> None:
    done = attack("time.sleep(60)", limits=Limits(wall=1))
    assert done.status == "timeout"
    assert "wall" in done.reason


def test_closed_output_does_not_hide_a_running_program(attack: Attack) -> None:
    done = attack("os.close(0); os.close(1); os.close(2); time.sleep(60)", limits=Limits(wall=1))
    assert done.status == "timeout"


def test_a_stopped_process_ends_at_the_wall_limit(attack: Attack) -> None:
    done = attack("os.kill(os.getpid(), signal.SIGSTOP)", limits=Limits(wall=1))
    assert done.status == "timeout"


def test_double_fork_and_setsid_leave_no_orphan(attack: Attack) -> None:
    done = attack("""
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for number in range(3):
                    os.close(number)
                time.sleep(600)
            os._exit(0)
        os.wait()
    """)
    assert done.status == "ok"


def test_a_gigabyte_of_output_is_cut(attack: Attack) -> None:
    done = attack("""
        for _ in range(1024):
            os.write(1, b'x' * (1 << 20))
    """)
    assert done.status == "blocked"
    assert "output" in done.reason
    assert len(done.stdout) + len(done.stderr) <= LIMITS.output


def test_output_on_both_streams_is_counted_together(attack: Attack) -> None:
    done = attack("""
        while True:
            os.write(1, b'x' * 1000)
            os.write(2, b'y' * 1000)
    """)
    assert done.status == "blocked"
    assert len(done.stdout) + len(done.stderr) <= LIMITS.output


def test_too_many_open_files_are_refused(attack: Attack) -> None:
    done = attack("""
        held = refused(lambda: [os.dup(1) for _ in range(1000)])
        os.write(1, b'held' if held else b'lost')
    """)
    assert _held(done)


# --- network --------------------------------------------------------------------------------------


class _Listener:
    """A real socket of the host that counts who comes."""

    def __init__(self, family: int, kind: int, address: object) -> None:
        self.socket = socket.socket(family, kind)
        self.socket.bind(address)
        self.visits = 0
        if kind == socket.SOCK_STREAM:
            self.socket.listen()
        self._kind = kind
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()

    def _wait(self) -> None:
        while True:
            try:
                if self._kind == socket.SOCK_STREAM:
                    self.socket.accept()[0].close()
                else:
                    self.socket.recvfrom(100)
            except OSError:
                return
            self.visits += 1

    def close(self) -> int:
        time.sleep(0.05)
        self.socket.shutdown(socket.SHUT_RDWR) if self._kind == socket.SOCK_STREAM else None
        self.socket.close()
        return self.visits


def _knock(attack: Attack, listener: _Listener, code: str) -> None:
    done = attack(code)
    visits = listener.close()
    assert visits == 0
    assert _held(done)


def test_ipv4_reaches_nobody(attack: Attack) -> None:
    listener = _Listener(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
    port = listener.socket.getsockname()[1]
    _knock(attack, listener, f"""
        held = refused(lambda: socket.create_connection(('127.0.0.1', {port}), 1))
        held &= refused(lambda: socket.create_connection(('1.1.1.1', 80), 1))
        print('held' if held else 'lost')
    """)  # fmt: skip


def test_ipv6_reaches_nobody(attack: Attack) -> None:
    try:
        listener = _Listener(socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    port = listener.socket.getsockname()[1]
    _knock(attack, listener, f"""
        print('held' if refused(lambda: socket.create_connection(('::1', {port}), 1)) else 'lost')
    """)  # fmt: skip


def test_udp_and_names_reach_nobody(attack: Attack) -> None:
    listener = _Listener(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
    port = listener.socket.getsockname()[1]
    _knock(attack, listener, f"""
        def send():
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))
            raise OSError('sent into nothing')
        held = refused(send) and refused(socket.getaddrinfo, 'example.com', 80)
        print('held' if held else 'lost')
    """)  # fmt: skip


def test_a_unix_socket_of_the_host_is_out_of_reach(attack: Attack, tmp_path: Path) -> None:
    folder = Path("/tmp", f"viscodex-{secrets.token_hex(4)}")
    folder.mkdir(mode=0o777)
    try:
        listener = _Listener(socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "s"))
        (folder / "s").chmod(0o777)
        _knock(attack, listener, f"""
            def reach():
                s = socket.socket(socket.AF_UNIX)
                s.connect('{folder}/s')
            print('held' if refused(reach) else 'lost')
        """)  # fmt: skip
    finally:
        shutil.rmtree(folder)


def test_an_abstract_socket_of_the_host_is_out_of_reach(attack: Attack) -> None:
    name = f"viscodex-{secrets.token_hex(8)}"
    listener = _Listener(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{name}")
    _knock(attack, listener, f"""
        def reach():
            s = socket.socket(socket.AF_UNIX)
            s.connect('\\0{name}')
        print('held' if refused(reach) else 'lost')
    """)  # fmt: skip


@pytest.mark.parametrize("family", ["AF_VSOCK", "AF_PACKET", "AF_ALG", "AF_NETLINK"])
def test_other_kinds_of_sockets_are_refused(attack: Attack, family: str) -> None:
    done = attack(f"print('held' if refused(socket.socket, socket.{family}, 3) else 'lost')")
    assert _held(done)


# --- files ----------------------------------------------------------------------------------------


@pytest.fixture
def secret() -> Iterator[Path]:
    """A file of the host that everybody may read, by the host's own rules."""
    folder = Path("/var/tmp", f"viscodex-{secrets.token_hex(4)}")
    folder.mkdir()
    file = folder / "secret"
    file.write_text("the secret")
    folder.chmod(0o777)
    file.chmod(0o666)
    yield file
    shutil.rmtree(folder)


def test_home_and_repository_cannot_be_read(attack: Attack, secret: Path) -> None:
    places = [
        Path.home(),
        ROOT,
        ROOT / "pyproject.toml",
        secret,
        Path("/etc/shadow"),
        Path("/root"),
    ]
    done = attack(f"""
        for place in {[str(p) for p in places]}:
            if not refused(os.listdir, place) or not refused(open, place):
                print('read', place)
        print('held')
    """)
    assert _held(done)


def test_the_environment_of_the_host_cannot_be_read(
    attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISCODEX_SECRET", "the-secret-of-the-host")
    done = attack("""
        found = repr(dict(os.environ))
        for name in os.listdir('/proc') if not refused(os.listdir, '/proc') else ['self']:
            try:
                found += open(f'/proc/{name}/environ').read()
            except OSError:
                pass
        print('held' if 'the-secret' not in found else found)
    """)
    assert _held(done)


def test_processes_of_the_host_are_not_seen(attack: Attack, tier: str) -> None:
    done = attack(f"""
        seen = [] if refused(os.listdir, '/proc') else [n for n in os.listdir('/proc') if n.isdigit()]
        held = refused(os.kill, {os.getpid()}, 0) or {os.getpid()} < 10
        print('held' if held and len(seen) < 6 else seen)
    """)
    assert _held(done)


def test_nothing_can_be_written_outside(attack: Attack, secret: Path) -> None:
    name = f"viscodex-{secrets.token_hex(8)}"
    done = attack(f"""
        for place in ('/usr', '/etc', '/var', '/var/tmp', '/run', '/tmp', '/dev/shm', '/', '..',
                      '{ROOT}', '{Path.home()}', '{secret.parent}'):
            for step in (lambda: open(f'{{place}}/{name}', 'w'), lambda: os.mkdir(f'{{place}}/{name}d')):
                refused(step)
        for step in (lambda: os.truncate('{secret}', 0), lambda: os.unlink('{secret}'),
                     lambda: os.chmod('{secret}', 0), lambda: os.rename('{secret}', '{secret}2')):
            refused(step)
        print('held')
    """)
    assert _held(done)
    assert secret.read_text() == "the secret"
    if os.geteuid() == 0 or done.tier == "A":
        assert secret.stat().st_mode & 0o777 == 0o666
    places = ["/usr", "/etc", "/var", "/var/tmp", "/run", "/tmp", "/dev/shm", "/", ROOT]
    for place in (*places, Path.home(), secret.parent):
        assert not list(Path(place).glob(f"{name}*"))


def test_links_lead_nowhere(attack: Attack, secret: Path) -> None:
    done = attack(f"""
        os.symlink('{secret}', 'soft')
        os.symlink('/proc/self/root{secret}', 'through')
        os.symlink('{secret.parent}', 'folder')
        held = refused(open, 'soft') and refused(open, 'through') and refused(open, 'folder/secret')
        held &= refused(os.link, '{secret}', 'hard')
        held &= refused(os.link, '/usr/bin/env', 'hard')
        print('held' if held else 'lost')
    """)
    assert _held(done)


def test_links_in_the_working_directory_do_not_lead_our_cleaning_astray(
    attack: Attack, secret: Path
) -> None:
    done = attack(f"""
        os.symlink('{secret.parent}', 'folder')
        os.mkdir('closed')
        os.symlink('{secret}', 'closed/file')
        refused(os.chmod, 'closed', 0)
        print('held')
    """)
    assert _held(done)
    assert secret.read_text() == "the secret"
    assert secret.stat().st_mode & 0o777 == 0o666


def test_proc_opens_no_way_out(attack: Attack, secret: Path) -> None:
    done = attack(f"""
        held = True
        for path in ('/proc/1/root{secret}', '/proc/1/cwd/../../..{secret}', '/proc/1/mem',
                     '/proc/kcore', '/proc/kmsg', '/proc/sysrq-trigger', '/proc/{os.getpid()}/mem',
                     '/proc/self/root{secret}', '/sys/kernel/security'):
            try:
                with open(path, 'rb') as file:
                    if file.read(1) != b'':
                        held = False
                        print('read', path)
            except OSError:
                pass
        for path in ('/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/proc/1/oom_score_adj',
                     '/proc/sys/kernel/modprobe', '/proc/1/uid_map', '/sys/fs/cgroup/cgroup.procs'):
            held &= refused(lambda: os.write(os.open(path, os.O_WRONLY), b'-1000'))
        print('held' if held else 'lost')
    """)
    assert _held(done)


# --- the kernel -----------------------------------------------------------------------------------


def test_ptrace_is_refused(attack: Attack) -> None:
    done = attack("""
        PTRACE_TRACEME, PTRACE_ATTACH = 0, 16
        held = syscall('ptrace', PTRACE_TRACEME, 0, 0, 0) < 0
        held &= syscall('ptrace', PTRACE_ATTACH, os.getppid() or 1, 0, 0) < 0
        held &= syscall('process_vm_readv', os.getppid() or 1, 0, 0, 0, 0, 0) == -1
        print('held' if held else 'lost')
    """)
    assert _held(done)


def test_mounts_are_refused(attack: Attack) -> None:
    done = attack("""
        held = libc.mount(b'none', b'.', b'tmpfs', 0, None) < 0
        held &= libc.umount2(b'/usr', 2) < 0 and libc.mount(None, b'/usr', None, 4096 | 32, None) < 0
        held &= refused(os.chroot, '.') and syscall('pivot_root', b'.', b'.') < 0
        held &= syscall('fsopen', b'tmpfs', 0) < 0 and syscall('open_tree', -100, b'.', 1) < 0
        print('held' if held else 'lost')
    """)
    assert _held(done)


def test_new_namespaces_are_refused(attack: Attack) -> None:
    done = attack("""
        NEWUSER, SIGCHLD = 0x10000000, 17
        held = syscall('unshare', NEWUSER) < 0 and syscall('setns', 0, NEWUSER) < 0
        made = syscall('clone', NEWUSER | SIGCHLD, 0, 0, 0, 0)
        if made == 0:
            os._exit(0)
        held &= made < 0
        held &= syscall('clone3', ctypes.create_string_buffer(88), 88) == -38
        print('held' if held else 'lost')
    """)
    assert _held(done)


def test_io_uring_is_absent(attack: Attack) -> None:
    done = attack("""
        print('held' if syscall('io_uring_setup', 8, ctypes.create_string_buffer(120)) == -38 else 'lost')
    """)
    assert _held(done)


def test_the_keyring_is_refused(attack: Attack) -> None:
    done = attack("""
        held = syscall('add_key', b'user', b'name', b'x', 1, -3) == -1
        held &= syscall('keyctl', 0, -3, 1) == -1 and syscall('request_key', b'user', b'n', None, 0) == -1
        print('held' if held else 'lost')
    """)
    assert _held(done)


def test_nobody_becomes_root(attack: Attack) -> None:
    done = attack("""
        import subprocess
        held = os.getuid() != 0 and os.geteuid() != 0 and not os.getgroups()[1:]
        held &= refused(os.setuid, 0) and refused(os.setgid, 0) and refused(os.setgroups, [0])
        for command in (['su', '-c', 'id'], ['sudo', '-n', 'id'], ['mount'], ['newgrp', 'root']):
            try:
                out = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL).stdout
            except OSError:
                continue
            held &= b'uid=0' not in out
        print('held' if held else 'lost')
    """)
    assert _held(done)


def test_the_kernel_itself_is_out_of_reach(attack: Attack) -> None:
    done = attack("print(flush=True); print(syscall('bpf', 0, 0, 0))")
    assert done.status == "blocked"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86 only")
def test_numbers_of_another_architecture_are_no_way_around_the_filter(attack: Attack) -> None:
    done = attack("libc.syscall(0x40000000 + 101, 0, 0, 0, 0)")
    assert done.status == "blocked"


def test_signals_reach_nobody_outside(attack: Attack) -> None:
    done = attack(f"""
        refused(os.kill, {os.getpid()}, signal.SIGKILL)
        refused(os.kill, {os.getppid()}, signal.SIGKILL)
        refused(os.kill, os.getppid(), signal.SIGKILL)
        refused(os.killpg, 0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        refused(os.kill, -1, signal.SIGTERM)
        time.sleep(0.2)
        print('held')
    """)
    assert _held(done)  # and we live to see it


def test_limits_and_priorities_of_others_cannot_be_changed(attack: Attack) -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        before = resource_of(child.pid)
        done = attack(f"""
            refused(resource.prlimit, {child.pid}, resource.RLIMIT_NOFILE, (3, 3))
            refused(os.setpriority, os.PRIO_PROCESS, {child.pid}, 19)
            held = refused(resource.prlimit, os.getppid() or 1, resource.RLIMIT_NOFILE, (3, 3))
            held &= not refused(resource.setrlimit, resource.RLIMIT_NOFILE, (32, 32))
            print('held' if held else 'lost')
        """)
        assert _held(done)
        assert resource_of(child.pid) == before
    finally:
        child.kill()
        child.wait()


def resource_of(pid: int) -> tuple[object, int]:
    import resource

    return resource.prlimit(pid, resource.RLIMIT_NOFILE), os.getpriority(os.PRIO_PROCESS, pid)


def test_limits_cannot_be_raised(attack: Attack) -> None:
    done = attack("""
        held = True
        for name in ('RLIMIT_AS', 'RLIMIT_CPU', 'RLIMIT_FSIZE', 'RLIMIT_NOFILE', 'RLIMIT_NPROC'):
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            try:
                resource.setrlimit(kind, (hard + 1, hard + 1))
                held = False
            except (ValueError, OSError):
                pass
        print('held' if held else 'lost')
    """)
    assert _held(done)


def test_no_descriptor_of_the_host_is_inherited(attack: Attack, secret: Path) -> None:
    descriptor = os.open(secret, os.O_RDWR)
    os.set_inheritable(descriptor, True)
    try:
        done = attack("""
            found = []
            for number in range(256):
                try:
                    os.fstat(number)
                    found.append(number)
                except OSError:
                    pass
            print('held' if found == [0, 1, 2] else found)
        """)
    finally:
        os.close(descriptor)
    assert _held(done)


def test_no_terminal_can_be_typed_into(attack: Attack) -> None:
    done = attack("""
        import fcntl, termios
        held = refused(open, '/dev/tty', 'r+')
        for number in (0, 1, 2):
            held &= refused(fcntl.ioctl, number, termios.TIOCSTI, b'x')
        print('held' if held else 'lost')
    """)
    assert _held(done)


def test_terminal_escapes_come_back_as_plain_data(attack: Attack) -> None:
    done = attack(r"""
        os.write(1, b'\x1b]0;title\x07\x1b[2J\xff\x00')
    """)
    assert (done.status, done.stdout) == ("ok", b"\x1b]0;title\x07\x1b[2J\xff\x00")


# --- judges ---------------------------------------------------------------------------------------


_FAKES = {
    "os._exit(0)": "import os\nos._exit(0)",
    "sys.exit(0)": "import sys\nsys.exit(0)",
    "exit from a thread": """
        import os, threading, time
        threading.Thread(target=lambda: os._exit(0)).start()
        time.sleep(5)""",
    "the process replaced": "import os\nos.execv('/bin/true', ['true'])",
    "the message forged": """
        import os
        for fd in range(3, 64):
            try:
                os.write(fd, b'x' * 32 + b'{}')
            except OSError:
                pass
        os._exit(0)""",
    "the end announced": "import sys\nsys.audit('viscodex.finish', b'{}')",
    "the end announced without a frame": """
        import functools, sys, weakref
        class Thing: pass
        def inner():
            thing = Thing()
            inner.ref = weakref.ref(thing, functools.partial(sys.audit, 'viscodex.finish'))
            raise SystemExit
        inner()""",
    "the end announced by a dying object": """
        import sys
        class Thing:
            def __del__(self):
                sys.audit('viscodex.finish', b'{}')
        thing = Thing()
        raise SystemExit""",
    "the main function called again": """
        import sys
        frame = sys._getframe()
        while frame.f_back:
            frame = frame.f_back
        frame.f_globals['_main']({'mode': 'unit', 'parts': [''], 'compat': True, 'nonce': '00' * 32,
                                  'result': 4}, lambda *_: None, sys.audit)
        raise SystemExit""",
    "the audit function replaced": """
        import sys
        frame = sys._getframe().f_back
        while frame:
            frame.f_locals['audit'] = print
            frame = frame.f_back
        raise SystemExit""",
    "objects counted": "import gc\nprint([o for o in gc.get_objects() if type(o) is bytes])",
    "referrers asked": "import gc, sys\ngc.get_referrers(sys.audit)",
    "memory read by ctypes": "import ctypes\nctypes.string_at(id(1), 64)",
    "memory read from /proc": "open('/proc/self/mem', 'rb').read(1)",
    "the interpreter traced": "import sys\nsys.settrace(lambda *_: None)",
    "frames of others": "import sys\nsys._current_frames()",
    "a signal handler's frame": """
        import signal
        signal.signal(signal.SIGALRM, lambda number, frame: print(frame.f_locals))""",
    "crafted code": "f = lambda: 0\nf.__code__.replace(co_consts=())",
    "a native module of its own": """
        import importlib.machinery, importlib.util
        open('own.so', 'wb').write(b'x')
        loader = importlib.machinery.ExtensionFileLoader('own', 'own.so')
        importlib.util.module_from_spec(importlib.util.spec_from_loader('own', loader))""",
    "an open string before the tests": "x = '''",
    "the tests made dead code": "if False:\n    pass\n    x = [",
    "the tests read": """
        import sys
        frame = sys._getframe()
        while frame:
            if 'secret test' in repr(frame.f_locals):
                raise SystemError('found them')
            frame = frame.f_back
        import os
        os._exit(0)""",
}  # fmt: skip


@pytest.mark.parametrize("fake", _FAKES)
def test_a_test_is_not_passed_by(fake: str, tier: str) -> None:
    code = textwrap.dedent(_FAKES[fake])
    done = run_unit_test(code, "assert 1 == 2, 'secret test'", "python", python=PYTHON, limits=LIMITS, tier=tier)  # fmt: skip
    assert done.status in ("error", "blocked")
    assert "SystemError" not in done.stderr
    good = run_unit_test(
        "x = 2", "assert x == 2", "python", python=PYTHON, limits=LIMITS, tier=tier
    )
    assert good.status == "ok"


@pytest.mark.parametrize(
    "fake", ["objects counted", "memory read by ctypes", "the interpreter traced", "crafted code"]
)
def test_reaching_for_the_interpreters_memory_is_blocked(fake: str, tier: str) -> None:
    code = textwrap.dedent(_FAKES[fake])
    done = run_unit_test(code, "", "python", python=PYTHON, limits=LIMITS, tier=tier)
    assert done.status == "blocked"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("type('T', (), {'__eq__': lambda *_: True})()", 1),
        ("type('T', (), {'__reduce__': lambda s: (__import__('os').system, ('id',))})()", 1),
        ("type('I', (int,), {'__eq__': lambda *_: True, '__hash__': None})(5)", 1),
        ("type('S', (str,), {'__eq__': lambda *_: True, '__hash__': None})('a')", "b"),
        ("type('L', (list,), {'__eq__': lambda *_: True})()", [1]),
    ],
)
def test_a_returned_object_is_data_and_does_not_judge_itself(value: str, expected: object) -> None:
    verdict = judge_calls(f"def f():\n    return {value}\n", "f", [[]], [expected], seconds=5)
    assert verdict.results in ((False,), (-1,))


def test_a_returned_bomb_of_references_ends(tier: str) -> None:
    code = "def f():\n    x = []\n    for _ in range(64):\n        x = [x, x]\n    return x\n"
    begin = time.monotonic()
    verdict = judge_calls(code, "f", [[]], [1], seconds=1, limits=LIMITS)
    assert verdict.results == (-1,)
    assert time.monotonic() - begin < LIMITS.wall + 2


@pytest.mark.parametrize("compat", [True, False])
def test_an_answer_cannot_find_the_expected_output(compat: bool) -> None:
    code = """
import os, re, sys
frame, found = sys._getframe(), ""
while frame:
    found += repr(frame.f_locals)
    frame = frame.f_back
for name in os.listdir():
    found += open(name).read()
print(*re.findall("expected-[0-9a-f]{16}", found))
"""
    wanted = f"expected-{secrets.token_hex(8)}"
    verdict = judge_stdio(code, [("", wanted)], compat=compat, seconds=5)
    assert not verdict.passed
