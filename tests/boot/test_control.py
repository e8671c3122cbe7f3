# SPDX-License-Identifier: GPL-2.0-only
"""The control guest and the machines without a hypervisor: what all comparisons rest on."""
import subprocess

import pytest

import machine


@pytest.mark.parametrize("arguments", [
    ["--cpus", "1", "--boot", "usb"],
    ["--cpus", "2", "--boot", "cdrom", "--firmware", "uefi"],
    pytest.param(["--icount", "--boot", "disk"], marks=pytest.mark.full),
], ids=["usb", "uefi-cdrom", "icount-disk"])
def test_control_guest_runs_a_script_and_powers_off(arguments):
    script = "ls /dev/vda /dev/nvme0n1 && ip addr show eth0 >/dev/null && exit 7"
    result = machine.run("--no-hypervisor", *arguments, "--cmdline", machine.control_cmdline(script))
    assert result.status == machine.POWERED_OFF, result
    assert result.output()[1] == 7, result
    assert len(result.lines("^caisson-control: ready$")) == 1
    ready = result.console.index("caisson-control: ready")
    assert result.console[ready:].splitlines()[1].startswith("This is Debian's Linux")


def test_reset_is_status_4():
    result = machine.run("--no-hypervisor", "--cmdline", machine.control_cmdline("reboot -f"))
    assert result.status == machine.RESET, result


def test_time_limit_is_status_124():
    result = machine.run("--no-hypervisor", "--cmdline", "console=ttyS0 quiet", timeout=3)
    assert result.status == machine.TIME_LIMIT, result


def test_end_of_input_does_not_stop_the_machine():
    result = machine.run("--no-hypervisor", "--cmdline", machine.control_cmdline("sleep 2; echo alive"), stdin=b"")
    assert result.output()[0] == "alive\n", result


def test_shell_answers():
    typed = b"\n" * 3 + b"echo answer $((6 * 7))\npoweroff\n"
    process = subprocess.Popen([machine.ROOT / "scripts/run", "--accel", "tcg", "--no-hypervisor", "--timeout", "60",
                                "--cmdline", "console=ttyS0,115200 quiet"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, env={"CAISSON_BUILT": "1", "PATH": "/usr/bin:/bin"})
    text = b""
    while b"control# " not in text:
        data = process.stdout.read1(4096)
        assert data, text
        text += data
    process.stdin.write(typed)
    process.stdin.flush()
    text += process.stdout.read()
    assert process.wait() == machine.POWERED_OFF
    assert b"answer 42" in text


def test_bochs_console_and_ending():
    options = "nokaslr mitigations=off cryptomgr.notests quiet no_timer_check tsc=reliable"
    result = machine.run("--no-hypervisor", "--cpus", "1", "--memory", "256M", "--cmdline",
                         machine.control_cmdline("echo here", options), machine="vmx", timeout=120)
    assert result.status == machine.POWERED_OFF, result
    assert result.output() == ("here\n", 0), result


def test_initramfs_is_reproducible(tmp_path):
    builder = machine.ROOT / "guests/control/build"
    subprocess.run([builder, tmp_path / "a"], check=True, capture_output=True)
    subprocess.run([builder, tmp_path / "b"], check=True, capture_output=True)
    assert (tmp_path / "a/initrd.img").read_bytes() == (tmp_path / "b/initrd.img").read_bytes()
