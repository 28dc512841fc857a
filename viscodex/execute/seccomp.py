"""The system call filter: a small assembler and one deny list.

in:  names of system calls that a job has no business with
out: the bytes of a sock_filter array, as `bwrap --seccomp FD` and prctl(PR_SET_SECCOMP) take them
not covered: loading it (sandbox.py, guard.py, zygote.py); files (namespaces, landlock)

Most refusals are an error that the program may catch. What no honest program asks for ends it.
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Iterable

from viscodex.errors import IsolationMissing

# seccomp(2): what a filter answers
ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
# bpf(4): load a word of seccomp_data, compare with a constant, answer
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH = 0, 4  # offsets in seccomp_data; argument i starts at 16 + 8 * i
_X32 = 0x40000000  # numbers of the x32 ABI, which would pass by every comparison

ARCHES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""platform.machine() -> column of NUMBERS, AUDIT_ARCH_*."""

NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chmod": (90, None),
    "chown": (92, None),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "delete_module": (176, 106),
    "execve": (59, 221),
    "execveat": (322, 281),
    "fanotify_init": (300, 262),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchownat": (260, 54),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "futimesat": (261, None),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioctl": (16, 29),
    "ioperm": (173, None),
    "iopl": (172, None),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "kill": (62, 129),
    "lchown": (94, None),
    "lremovexattr": (198, 15),
    "lsetxattr": (189, 6),
    "migrate_pages": (256, 238),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "pivot_root": (155, 41),
    "prlimit64": (302, 261),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "removexattr": (197, 14),
    "request_key": (249, 218),
    "rt_sigaction": (13, 134),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "semget": (64, 190),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "setpriority": (141, 140),
    "settimeofday": (164, 170),
    "setxattr": (188, 5),
    "shmget": (29, 194),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "tgkill": (234, 131),
    "tkill": (200, 130),
    "truncate": (76, 45),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "utime": (132, None),
    "utimensat": (280, 88),
    "utimes": (235, None),
    "vhangup": (153, 58),
}
"""System call -> its number on x86_64 and aarch64; None where it does not exist."""

_FATAL = (
    "acct", "bpf", "delete_module", "finit_module", "init_module", "ioperm", "iopl",
    "kexec_file_load", "kexec_load", "quotactl", "quotactl_fd", "reboot", "swapoff", "swapon",
)  # fmt: skip
_REFUSED = (
    "add_key", "adjtimex", "clock_adjtime", "clock_settime", "fanotify_init", "kcmp", "keyctl",
    "migrate_pages", "move_pages", "name_to_handle_at", "open_by_handle_at", "perf_event_open",
    "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "request_key",
    "setdomainname", "sethostname", "settimeofday", "syslog", "userfaultfd", "vhangup",
)  # fmt: skip
_ABSENT = ("io_uring_enter", "io_uring_register", "io_uring_setup")  # libuv asks, and copes
_NESTING = (  # what makes namespaces, and what a browser's own sandbox needs
    "chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount",
    "open_tree", "pivot_root", "ptrace", "setns", "umount2", "unshare",
)  # fmt: skip
OUTSIDE = (
    "ioprio_set", "mq_open", "msgget", "sched_setattr", "sched_setparam", "sched_setscheduler",
    "semget", "setpriority", "shmget", "socket",
)  # fmt: skip
"""What reaches others on the machine where no namespace is in the way (tier B)."""
SIGNALS = (
    "kill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tgkill", "tkill",
)  # fmt: skip
"""For tier B where landlock cannot scope signals yet (ABI below 6)."""
SAME_USER = (
    "chmod", "chown", "fchmodat", "fchmodat2", "fchownat", "futimesat", "lchown", "lremovexattr",
    "lsetxattr", "removexattr", "setxattr", "truncate", "utime", "utimensat", "utimes",
)  # fmt: skip
"""For tier B under the caller's own user: what changes files by path and landlock lets pass."""

_NEW_NAMESPACES = 0x7E020080  # CLONE_NEW* of clone(2)
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # put characters into somebody's terminal


def deny_filter(*, extra: Iterable[str] = (), nested: bool = False) -> bytes:
    """The filter for this machine's processor, default answer: allowed.

    Args:
        extra: names of further system calls (keys of NUMBERS) to refuse with EPERM.
        nested: leave namespaces, mounts and netlink to a process that confines its own jobs.

    Returns:
        sock_filter structures, 8 bytes each.

    Raises:
        IsolationMissing: no numbers are known for this processor.
    """
    machine = platform.machine()
    if machine not in ARCHES:
        raise IsolationMissing(
            "no system call filter is known for this processor",
            f"{machine}; known are {', '.join(ARCHES)}",
            "Run generated code on one of those.",
        )
    column, arch = ARCHES[machine]
    code = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, arch), (_RETURN, 0, 0, KILL)]
    code += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, KILL)]

    def refuse(names: Iterable[str], answer: int) -> None:
        for name in names:
            if (number := NUMBERS[name][column]) is not None:
                code.extend([(_EQUAL, 0, 1, number), (_RETURN, 0, 0, answer)])

    def look(name: str, argument: int, tests: Iterable[tuple[int, int, int]], other: int) -> None:
        """Answer by the low word of an argument: (comparison, constant, answer), else `other`."""
        number = NUMBERS[name][column]
        assert number is not None
        body = [(_LOAD, 0, 0, 16 + 8 * argument)]
        for compare, constant, answer in tests:
            body += [(compare, 0, 1, constant), (_RETURN, 0, 0, answer)]
        code.extend([(_EQUAL, 0, len(body) + 1, number), *body, (_RETURN, 0, 0, other)])

    refuse(_FATAL, KILL)
    refuse(extra, EPERM)  # before `look`, which lets some arguments pass
    refuse(_REFUSED, EPERM)
    refuse(_ABSENT, ENOSYS)
    families = [_UNIX, _INET, _INET6]
    if nested:
        families.append(_NETLINK)
    else:
        refuse(_NESTING, EPERM)
        refuse(["clone3"], ENOSYS)  # its flags lie in memory; libc falls back to clone
        look("clone", 0, [(_ANY_BIT, _NEW_NAMESPACES, EPERM)], ALLOW)
        look("prlimit64", 0, [(_EQUAL, 0, ALLOW)], EPERM)  # limits of others
    look("socket", 0, [(_EQUAL, family, ALLOW) for family in families], EPERM)
    look("ioctl", 1, [(_EQUAL, _TIOCSTI, EPERM), (_EQUAL, _TIOCLINUX, EPERM)], ALLOW)
    code.append((_RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("<HBBI", *line) for line in code)
