# SPDX-License-Identifier: GPL-2.0-only
"""Debian's other kernels, unmodified, as the control guest."""
import re

import pytest

import machine
from test_debian import DISKS, HEALTH

pytestmark = pytest.mark.hypervisor

RELEASE = {"control": r"6\.1\.0-\d+-cloud-amd64", "control-generic": r"6\.1\.0-\d+-amd64",
           "control-6.12": r"6\.12\.\d+\+deb12-cloud-amd64"}
IN_TEST = [("control-generic", "bios"), ("control-6.12", "uefi")]
ALL = [(name, firmware) for name in RELEASE for firmware in ("bios", "uefi")]


def boot(name, *arguments, script, extra="quiet", timeout=150, status=machine.POWERED_OFF):
    """Boots the kernel of a directory of the build; returns how it ended."""
    directory = machine.BUILD / name
    result = machine.run("--kernel", directory / "vmlinuz", "--initrd", directory / "initrd.img", "--cmdline",
                         machine.control_cmdline(script, extra), *arguments, timeout=timeout)
    assert result.status == status, result
    return result


def check_kernel(name, firmware):
    result = boot(name, "--firmware", firmware, script="uname -r; nproc\n" + HEALTH + DISKS)
    output, status = result.output()
    assert status == 0, result
    assert re.fullmatch(RELEASE[name] + "\n2\n", output), result


@pytest.mark.parametrize("name, firmware", IN_TEST)
def test_kernel_runs(name, firmware):
    check_kernel(name, firmware)


@pytest.mark.full
@pytest.mark.parametrize("name, firmware", [row for row in ALL if row not in IN_TEST])
def test_kernel_runs_on_each_firmware(name, firmware):
    check_kernel(name, firmware)
