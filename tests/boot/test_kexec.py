# SPDX-License-Identifier: GPL-2.0-only
"""The control guest's kernel starts another one: by kexec, and by a panic to a kernel that saves the dump."""
import shutil
import subprocess

import pytest

import machine
from test_kernels import boot

pytestmark = pytest.mark.hypervisor

# One script for all three kernels. /dev/vdb has the kernel's files, /dev/vdc takes the dump; the last CPU panics.
CHAIN = """line=$(cat /proc/cmdline)
case $line in *stage=3*)
	echo "stage 3 on $(nproc) CPU"
	dd if=/proc/vmcore of=/dev/vdc bs=1M count={count} 2>/dev/null || exit 3
	sync
	exit 0 ;;
esac
dd if=/dev/nvme0n1 of=/dev/null bs=64k count=16 2>/dev/null || exit 4
modprobe ext4
mkdir /tmp/b && mount -o ro -t ext2 /dev/vdb /tmp/b || exit 5
case $line in *stage=2*)
	echo "stage 2 on $(nproc) CPUs"
	line=$(echo "$line" | sed 's/crashkernel=128M//; s/stage=2/stage=3/')
	kexec -p /tmp/b/vmlinuz /tmp/b/initrd.img "$line maxcpus=1" || exit 6
	exec taskset -c $(($(nproc) - 1)) sh -c 'echo c >/proc/sysrq-trigger' ;;
esac
kexec -l /tmp/b/vmlinuz /tmp/b/initrd.img "$line stage=2" && kexec -e
"""


def disks(tmp_path, name):
    """Emulator arguments for a file system with the kernel's files, and for an empty disk."""
    files, core = tmp_path / "files", tmp_path / "core.raw"
    files.mkdir()
    for one in ("vmlinuz", "initrd.img"):
        shutil.copy(machine.BUILD / name / one, files)
    subprocess.run(["/usr/sbin/mke2fs", "-q", "-t", "ext2", "-d", files, tmp_path / "files.raw", "32M"], check=True)
    with open(core, "wb") as disk:
        disk.truncate(1 << 30)
    arguments = []
    for disk, path in (("files", tmp_path / "files.raw"), ("core", core)):
        arguments += ["-drive", f"if=none,id={disk},format=raw,file={path}",
                      "-device", f"virtio-blk-pci,drive={disk}"]
    return arguments, core


def check_core(core, cpus):
    """The dump is an ELF core with the registers of all CPUs, and what the kernel said last is in it."""
    notes = subprocess.run(["readelf", "-n", core], capture_output=True, text=True, check=True).stdout
    assert notes.count("NT_PRSTATUS") == cpus, notes
    assert "VMCOREINFO" in notes
    with open(core, "rb") as file:
        data = file.read(48 << 20)
    assert data[:5] == b"\x7fELF\x02" and b"sysrq triggered crash" in data


def check_chain(tmp_path, name, cpus, *arguments, count=48):
    extra, core = disks(tmp_path, name)
    result = boot(name, "--cpus", cpus, "--memory", "512M", *arguments, "--", *extra, timeout=300,
                  script=CHAIN.format(count=count), extra="quiet crashkernel=128M")
    assert result.lines(f"^stage 2 on {cpus} CPUs$"), result
    assert result.lines("^stage 3 on 1 CPU$"), result
    assert len(result.lines("^caisson-control: ready$")) == 3, result
    check_core(core, cpus)


def test_kexec_and_a_dump_after_a_panic(tmp_path):
    check_chain(tmp_path, "control", 2)


@pytest.mark.full
@pytest.mark.parametrize("name, cpus, firmware", [
    ("control", 1, "bios"), ("control", 4, "uefi"), ("control", 4, "bios"),
    ("control-generic", 4, "bios"), ("control-6.12", 4, "uefi")])
def test_kexec_and_a_whole_dump_everywhere(tmp_path, name, cpus, firmware):
    check_chain(tmp_path, name, cpus, "--firmware", firmware, count=1024)
