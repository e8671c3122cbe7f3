# SPDX-License-Identifier: GPL-2.0-only
"""The command lines of scripts/run, scripts/image and scripts/deps: what they accept, refuse and print."""
import shlex
import subprocess

import pytest

import machine


@pytest.mark.parametrize("arguments, message", [
    (["--cpus", "0"], "--cpus: expected 1 or more"),
    (["--icount", "--machine", "svm-bochs"], "--icount is QEMU's"),
    (["--memory", "lots"], "memory: expected a size such as 512M or 2G, found 'lots'"),
    (["--machine", "toaster"], "invalid choice: 'toaster'"),
    (["--boot", "usb", "--machine", "svm-bochs"], "--boot usb: Bochs boots from cdrom or disk"),
    (["--kernel", "no-such-kernel"], "no-such-kernel"),
    (["--conf", "no-such.conf"], "--conf: there is no file no-such.conf"),
    (["--conf-verbatim"], "--conf-verbatim needs --conf"),
    (["--file", "no-such-file"], "there is no file"),
    (["--timeout", "0"], "--timeout: expected"),
    (["--image", "no-such-image"], "--image: there is no file no-such-image"),
    (["--disk", "no-such-disk"], "--disk: there is no file"),
    (["--disk", str(machine.ROOT / "README.md"), "--machine", "svm-bochs"], "Bochs wants whole cylinders"),
    (["--no-such-option"], "unrecognized arguments"),
])
def test_usage_error_is_status_2_with_a_message(arguments, message):
    command = [machine.ROOT / "scripts/run", "--no-hypervisor", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == machine.USAGE
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_emulator_error_is_status_2_with_its_message():
    result = machine.run("--no-hypervisor", "--", "-no-such-argument")
    assert result.status == machine.USAGE
    assert "-no-such-argument" in result.errors


def test_loader_that_fails_is_status_2_at_once(tmp_path):
    (tmp_path / "kernel").write_text("not a kernel")
    result = machine.run("--no-hypervisor", "--kernel", tmp_path / "kernel", timeout=30)
    assert result.status == machine.USAGE, result
    assert result.lines("^error: ")


def test_accel_kvm_is_refused_for_bochs():
    result = machine.run("--machine", "svm-bochs", "--accel", "kvm", "--no-hypervisor")
    assert result.status == machine.USAGE


def printed(*arguments):
    result = machine.run("--no-hypervisor", "--print", *arguments)
    assert result.status == 0, result
    return shlex.split(result.console)


def test_print_shows_the_default_machine():
    words = printed()
    assert words[0].endswith("qemu-system-x86_64")
    assert words[words.index("-smp") + 1] == "2"
    assert words[words.index("-m") + 1] == "2048"
    assert "tcg,thread=single" in words
    devices = " ".join(words[at + 1] for at, word in enumerate(words) if word == "-device")
    for device in ("usb-storage", "virtio-blk-pci", "nvme", "virtio-net-pci", "isa-debug-exit,iobase=0xf4"):
        assert device in devices
    assert "-no-reboot" in words


def test_print_follows_the_options():
    words = printed("--icount", "--memory", "512M", "--firmware", "uefi", "--boot", "cdrom", "--allow-reboot",
                    "--cpu-model", "EPYC,-svm", "--", "-device", "edu")
    assert words[words.index("-icount") + 1] == "shift=0,sleep=off"
    assert words[words.index("-smp") + 1] == "1"
    assert "tcg,thread=single" in words
    assert words[words.index("-cpu") + 1] == "EPYC,-svm"
    assert any("OVMF_CODE" in word for word in words)
    assert any(word.startswith("ide-cd") for word in words)
    assert "-no-reboot" not in words
    assert words[-2:] == ["-device", "edu"]


def test_print_has_the_disks_that_are_given(tmp_path):
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(2 * 16 * 63 * 512))
    words = printed("--disk", disk, "--disk", disk)
    assert [word for word in words if word.startswith("ide-hd,bus=ide.")] == [
        "ide-hd,bus=ide.1,drive=user1", "ide-hd,bus=ide.2,drive=user2"]
    printed("--machine", "svm-bochs", "--keep", tmp_path, "--disk", disk, "--", "e1000: enabled=1")
    configuration = (tmp_path / "bochsrc").read_text()
    assert f"ata0-slave: type=disk, path={disk}, mode=flat, cylinders=2," in configuration
    assert configuration.endswith("\ne1000: enabled=1\n")


def test_print_has_a_thread_for_each_cpu_when_asked():
    assert "tcg,thread=multi" in printed("--parallel")


def test_print_gives_several_cpus_one_count_in_turns():
    words = printed("--icount", "--cpus", "4")
    assert words[words.index("-smp") + 1] == "4"
    assert "tcg,thread=single" in words


def test_print_starts_bochs_for_its_machines():
    assert printed("--machine", "svm-bochs")[0].endswith("bochs-bin")


def test_deps_help_and_list_change_nothing():
    deps = machine.ROOT / "scripts/deps"
    shown = subprocess.run([deps, "--help"], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("usage: scripts/deps")
    assert subprocess.run([deps, "--list"], capture_output=True, text=True, check=True).stdout.strip() == ""
    assert subprocess.run([deps, "--frobnicate"], capture_output=True, check=False).returncode == 2


def test_make_help_names_every_target():
    shown = subprocess.run(["make", "-s", "-C", machine.ROOT, "help"], capture_output=True, text=True,
                           check=True).stdout
    for target in ("run", "unit", "test", "test-full", "check", "check-fast", "fuzz", "bench", "image", "clean"):
        assert f"make {target} " in shown
