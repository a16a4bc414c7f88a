"""No network and no writable file system for this process, where the kernel knows Landlock.

    what                          from Linux
    files: write, make, remove    5.13, Landlock 1
    truncate                      6.2, Landlock 3
    connect, bind by TCP          6.7, Landlock 4

Reading stays free: libraries are loaded late. The three system calls are made by ctypes: of the
packages that wrap them one is a development version of 2025, the others are young. What a kernel
lacks is left out, and `doctor` says so.

Cost: 0.1 ms. Source: Documentation/userspace-api/landlock.rst of Linux; the numbers of the system
calls are the same on all processors but alpha.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG, PATH_BENEATH, NO_NEW_PRIVS = 1, 1, 38

READING = 0b1101
"""Rights that stay: execute, read files, read folders."""

FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
"""All rights to files that a version of Landlock knows, which are those of the last one below."""

TCP_RIGHTS, TCP_SINCE = 0b11, 4

DEVICES = (Path("/dev/null"), Path("/dev/shm"))
"""What libraries write to that do no harm: semaphores of Python lie in the second."""


def landlock_version() -> int:
    """Return the version of Landlock that the kernel has; 0: none, or it is switched off."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, _call(CREATE_RULESET, None, 0, VERSION_FLAG))


def lock_out(writable: Sequence[Path]) -> bool:
    """Take writing, but below `writable`, and TCP from this process for good; False if it cannot.

    Threads that run already stay as they are.
    """
    version = landlock_version()
    if not version:
        return False
    rights = FILE_RIGHTS[min(version, max(FILE_RIGHTS))]
    tcp = TCP_RIGHTS if version >= TCP_SINCE else 0
    asked = struct.pack("=QQ", rights & ~READING, tcp)[: 16 if tcp else 8]
    rules = _call(CREATE_RULESET, asked, len(asked), 0)
    if rules < 0:
        return False
    try:
        for folder in (*writable, *DEVICES):
            _allow(rules, folder, rights & ~READING)
        libc = ctypes.CDLL(None)
        return libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) == 0 and _call(RESTRICT_SELF, rules, 0) == 0
    finally:
        os.close(rules)


def _allow(rules: int, path: Path, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # what is not there cannot be written
        return
    try:
        if not path.is_dir():
            rights &= 0b10 | (1 << 14)  # write, truncate: a file knows no other
        rule = struct.pack("=Qi", rights, opened)
        _call(ADD_RULE, rules, PATH_BENEATH, rule, 0)
    finally:
        os.close(opened)


def _call(number: int, *args: object) -> int:
    return int(ctypes.CDLL(None, use_errno=True).syscall(number, *args))
