# SPDX-License-Identifier: GPL-2.0-only
"""One host core for each QEMU: a work-around for its TCG, whose threads change each other's words without a lock.

Those changes are single instructions without a lock prefix. On one host core they can not overlap; on two they lose
each other's bits, and the hypervisor sees what can not be (docs/test-bench.md, traps 13 and 14).
"""
import fcntl
import os
import pathlib
import tempfile


class HostCore:
    """A core that no other machine of this user is on, if there is one. It is taken until close()."""

    def __init__(self):
        cores = sorted(os.sched_getaffinity(0))
        self.number, self.lock = cores[os.getpid() % len(cores)], None
        for core in cores:
            lock = self._try(core)
            if lock:
                self.number, self.lock = core, lock
                return

    @staticmethod
    def _try(core):
        path = pathlib.Path(tempfile.gettempdir()) / f"caisson-{os.getuid()}-core-{core}.lock"
        lock = open(path, "ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return None
        return lock

    def close(self):
        """Gives the core back."""
        if self.lock:
            self.lock.close()
