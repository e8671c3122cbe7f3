# SPDX-License-Identifier: GPL-2.0-only
"""Figures: verdicts, and what is read from a machine's console."""
import itertools
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


def number(text):
    return int(text.replace(",", ""))


def kvm_guest(way, *counts):
    lines = (f"bench {source}_{end} {count}\n" for (source, end), count in
             zip(itertools.product(figures.MESSAGES, figures.MESSAGE_ENDS), counts))
    return f"kvm-guest {way}\n" + "".join(lines)


def test_of_a_guest_of_kvm_the_last_try_counts():
    said = kvm_guest("eventfd", 1, 2) + kvm_guest("eventfd", *range(3, 9)) + kvm_guest("passed-through", *range(9, 15))
    kvm = figures.kvm_counts(said + "caisson-end 0\n")
    assert list(kvm) == ["eventfd", "passed-through"]
    assert kvm["eventfd"]["msi", "entry"] == 3 and kvm["passed-through"]["virtio", "round"] == 14


def test_figures_of_kvm_need_its_script_to_end_well():
    for said in (kvm_guest("eventfd", *range(6)) + "caisson-end 1\n", kvm_guest("eventfd", 1) + "caisson-end 0\n"):
        with pytest.raises(SystemExit):
            figures.kvm_counts(said)


def test_a_missing_initramfs_is_named_with_the_command_that_makes_it(monkeypatch, tmp_path):
    monkeypatch.setattr(figures, "BUILD", tmp_path / "build")
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match="is missing: run make build/bench-kvm/initrd.img"):
        figures.initrd("bench-kvm")


@pytest.mark.full
@pytest.mark.hypervisor
def test_disks_are_measured():
    subprocess.run(["make", "-s", "-C", str(machine.ROOT), "build/bench/initrd.img"], check=True)
    done = subprocess.run([str(machine.ROOT / "scripts/bench"), "disks"], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    for name in figures.DISKS:
        ratio = float(re.search(rf"{name}, random 4 KiB, 32 at a time, of bare +([0-9.]+)", done.stdout).group(1))
        assert 0.5 < ratio < 1.05, done.stdout


@pytest.mark.full
@pytest.mark.hypervisor
def test_message_interrupts_cost_less_than_on_kvm():
    subprocess.run(["make", "-s", "-C", str(machine.ROOT), "build/bench-kvm/initrd.img"], check=True)
    done = subprocess.run([str(machine.ROOT / "scripts/bench"), "messages"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"MSI.* ([0-9,]+) instructions .*bare ([0-9,]+): .*KVM [0-9.]+ (.*)$", done.stdout, re.MULTILINE)
    assert len(rows) == len(figures.MESSAGES) * len(figures.MESSAGE_ENDS), done.stdout
    for ours, bare, kvm in rows:
        others = re.findall(r"[0-9][0-9,]*[0-9]", kvm)
        assert len(others) >= 2 and number(bare) < number(ours) < min(map(number, others)), done.stdout
