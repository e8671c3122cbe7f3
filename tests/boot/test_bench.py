# SPDX-License-Identifier: GPL-2.0-only
"""Figures: verdicts, and what is read from a machine's console."""
import re
import subprocess
import sys

import pytest

import machine

sys.path.insert(0, str(machine.ROOT / "scripts"))
from lib import figures  # noqa: E402


def test_targets_are_bounds_from_above_or_from_below():
    assert figures.Figure("f", 2, "", 1).missed and not figures.Figure("f", 1, "", 1).missed
    least = figures.Figure("f", 0.899, "", 0.9, more_is_better=True)
    assert least.missed and least.cells()[1:4] == ["0.899", ">= 0.9", "MISSED"]
    assert not figures.Figure("f", 0.9, "", 0.9, more_is_better=True).missed
    assert not figures.Figure("f", 1, "").missed


def test_exits_of_a_disk_are_those_between_its_two_samples():
    said = "".join(f"vCPU 0: exits: irq {irq} port {port}\n" for irq, port in ((5, 7), (9, 7), (20, 8), (21, 10)))
    assert figures.disk_exits(said) == [{"irq": 4, "port": 0}, {"irq": 1, "port": 2}]


@pytest.mark.full
@pytest.mark.hypervisor
def test_round_trips_on_vmx_are_measured_beside_those_on_svm():
    done = subprocess.run([str(machine.ROOT / "scripts/bench"), "vmx"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"round trip, VT-x +[0-9,]+ instructions .*SVM [0-9,]+$", done.stdout, re.MULTILINE)) == len(
        figures.VMX_PATHS), done.stdout


@pytest.mark.full
@pytest.mark.hypervisor
def test_disks_and_messages_are_measured():
    subprocess.run(["make", "-s", "-C", str(machine.ROOT), "build/bench/initrd.img"], check=True)
    done = subprocess.run([str(machine.ROOT / "scripts/bench"), "messages", "disks"], capture_output=True, text=True,
                          check=False)
    assert done.returncode in (0, 1), done.stderr
    for name in figures.DISKS:
        ratio = float(re.search(rf"{name}, random 4 KiB, 32 at a time, of bare +([0-9.]+)", done.stdout).group(1))
        assert 0.5 < ratio < 1.05, done.stdout
    assert len(re.findall(r"MSI.* adds [0-9,]+$", done.stdout, re.MULTILINE)) == 6, done.stdout
