# SPDX-License-Identifier: GPL-2.0-only
"""scripts/run with a person at a terminal, and its end by force."""
import os
import pathlib
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time

import pytest

import machine

sys.path.insert(0, str(machine.ROOT / "scripts"))
from lib.host_core import HostCore  # noqa: E402

COMMAND = [str(machine.ROOT / "scripts/run"), "--accel", "tcg", "--no-hypervisor", "--timeout", "60",
           "--cmdline", "console=ttyS0,115200 quiet"]
ENVIRONMENT = {**os.environ, "CAISSON_BUILT": "1"}


def read_until(descriptor, wanted):
    text, deadline = b"", time.monotonic() + 60
    while wanted not in text:
        ready, _, _ = select.select([descriptor], [], [], deadline - time.monotonic())
        assert ready, text
        text += os.read(descriptor, 4096)
    return text


def test_escape_leaves_and_the_terminal_is_raw_until_then():
    ours, theirs = pty.openpty()
    process = subprocess.Popen(COMMAND, stdin=theirs, stdout=theirs, stderr=theirs, env=ENVIRONMENT)
    read_until(ours, b"control# ")
    os.write(ours, b"sleep 60\n")
    time.sleep(1)
    os.write(ours, b"\x03")  # Ctrl-C is the guest's, not ours
    os.write(ours, b"echo still $((40 + 2))\n")
    read_until(ours, b"still 42")
    os.write(ours, b"\x1d")
    assert process.wait(10) == 130
    os.close(ours)
    os.close(theirs)


def children(pid):
    return [int(one) for one in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def started(*more):
    process = subprocess.Popen([*COMMAND, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT)
    read_until(process.stdout.fileno(), b"caisson-control: ready")
    emulators = children(process.pid)
    assert emulators
    return process, emulators


def is_gone(pid):
    for _ in range(50):
        if not pathlib.Path(f"/proc/{pid}").exists() or "\nState:\tZ" in \
                pathlib.Path(f"/proc/{pid}/status").read_text():
            return True
        time.sleep(0.1)
    return False


def test_emulator_dies_with_a_terminated_run():
    process, emulators = started()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 128 + signal.SIGTERM
    assert all(is_gone(pid) for pid in emulators)


def test_emulator_dies_with_a_killed_run():
    process, emulators = started()
    process.kill()
    process.wait(10)
    assert all(is_gone(pid) for pid in emulators)


@pytest.mark.parametrize("more, cores", [([], 1), (["--parallel"], os.cpu_count())])
def test_qemu_stays_on_one_host_core_unless_told_otherwise(more, cores):
    process, emulators = started(*more)
    assert [len(os.sched_getaffinity(pid)) for pid in emulators] == [cores]
    process.terminate()
    process.wait(10)


def test_machines_at_the_same_time_get_different_host_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5})
    first, second, third = HostCore(), HostCore(), HostCore()
    assert (first.number, second.number) == (3, 5)
    assert third.number in (3, 5) and third.lock is None
    second.close()
    assert HostCore().number == 5
