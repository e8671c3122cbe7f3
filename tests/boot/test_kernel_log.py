# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's log differs from the bare machine's in what docs/kernel-log.md explains, and in nothing else."""
import os
import subprocess

import pytest

import machine

BARE = """[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
[    0.000000] Booting paravirtualized kernel on bare hardware
[    1.250000] nvme nvme0: pci function 0000:00:04.0
[    1.260000] virtio_blk virtio0: [vda] 131072 512-byte logical blocks
"""
WITH = """[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009dfff] usable
[    0.000000] Booting paravirtualized kernel on KVM
[    2.000000] virtio_blk virtio0: [vda] 131072 512-byte logical blocks
[    2.500000] nvme nvme0: pci function 0000:00:04.0
"""


def kernel_log(*arguments):
    return subprocess.run([machine.ROOT / "scripts/kernel-log", *arguments], capture_output=True, text=True,
                          check=False, env={**os.environ, "CAISSON_BUILT": "1"})


@pytest.mark.hypervisor
@pytest.mark.full
@pytest.mark.parametrize("arguments", [["--firmware", "bios"], ["--firmware", "uefi", "--cpus", "4"]],
                         ids=["bios", "uefi"])
def test_every_difference_is_explained(arguments):
    done = kernel_log("--accel", "tcg", *arguments)
    missing = [line for line, reason in zip(done.stdout.splitlines(), done.stdout.splitlines()[1:])
               if "NOT EXPLAINED" in reason]
    assert done.returncode == 0, "\n".join(missing) + done.stderr
    assert "Hypervisor detected: KVM" in done.stdout  # the logs are not one and the same


def compare(tmp_path, bare, below):
    (tmp_path / "bare").write_text(bare)
    (tmp_path / "with").write_text(below)
    return kernel_log("--logs", tmp_path / "bare", tmp_path / "with")


def test_times_addresses_and_order_are_no_difference(tmp_path):
    done = compare(tmp_path, BARE, WITH)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("bare hardware") == 1 and "vda" not in done.stdout and "e820" not in done.stdout


@pytest.mark.parametrize("line", ["nvme nvme0: pci function 0000:00:04.0", "ACPI: PM: (supports S0 S5)"])
def test_a_line_of_one_log_only_is_noticed(tmp_path, line):
    more = compare(tmp_path, BARE, WITH + f"[    3.000000] {line}\n")
    less = compare(tmp_path, BARE + f"[    3.000000] {line}\n", WITH)
    assert more.returncode == less.returncode == 1
    assert f"+ [    3.000000] {line}\n      NOT EXPLAINED" in more.stdout
    assert f"- [    3.000000] {line}\n      NOT EXPLAINED" in less.stdout
