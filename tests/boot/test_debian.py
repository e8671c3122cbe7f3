# SPDX-License-Identifier: GPL-2.0-only
"""Debian as the control guest, on the machines and in the shapes that people have."""
import itertools

import pytest

import machine

pytestmark = pytest.mark.hypervisor

# Firmware, CPUs, memory, medium: every pair of values stands in some row.
PAIRS = [("bios", 1, "512M", "usb"), ("bios", 2, "2G", "cdrom"), ("bios", 4, "6G", "disk"),
         ("uefi", 1, "2G", "disk"), ("uefi", 2, "6G", "usb"), ("uefi", 4, "512M", "cdrom"),
         ("bios", 1, "6G", "cdrom"), ("uefi", 2, "512M", "disk"), ("bios", 4, "2G", "usb")]
PRODUCT = list(itertools.product(("bios", "uefi"), (1, 2, 4), ("512M", "2G", "6G"), ("usb", "cdrom", "disk")))
MIB = {"512M": 512, "2G": 2048, "6G": 6144}

HEALTH = """fail() { echo "fail: $1"; exit 1; }
dmesg | grep -B3 -A20 -E 'Call Trace|BUG:|WARNING: CPU|Oops|soft lockup|rcu.*stall' && fail dmesg
dmesg | grep -q 'Hypervisor detected: KVM' || fail hypervisor
a=$(cut -d. -f1 /proc/uptime); sleep 2; b=$(cut -d. -f1 /proc/uptime)
[ $((b - a)) -ge 1 ] && [ $((b - a)) -le 6 ] || fail "2 seconds were $((b - a))"
"""
DISKS = """dd if=/dev/urandom of=/tmp/a bs=64k count=16 2>/dev/null
for disk in /dev/vda /dev/nvme0n1; do
	dd if=/tmp/a of=$disk bs=64k 2>/dev/null || fail "write $disk"
	sync; echo 3 >/proc/sys/vm/drop_caches
	dd if=$disk bs=64k count=16 2>/dev/null | cmp - /tmp/a || fail "read $disk"
done
"""
SHAPE = "nproc; grep MemTotal /proc/meminfo; ls -d /sys/firmware/efi 2>/dev/null\n"


def boot(*arguments, script, extra="quiet", **options):
    result = machine.run(*arguments, "--cmdline", machine.control_cmdline(script, extra), **options)
    assert result.status == machine.POWERED_OFF, result
    assert result.lines("^caisson-control: ready$"), result
    output, status = result.output()
    assert status == 0, result
    return output


def check_shape(firmware, cpus, memory, medium):
    output = boot("--firmware", firmware, "--cpus", cpus, "--memory", memory, "--boot", medium, timeout=150,
                  script=SHAPE + HEALTH + DISKS)
    lines = output.splitlines()
    assert lines[0] == str(cpus)
    mib = int(lines[1].split()[1]) >> 10
    assert MIB[memory] * 0.75 < mib < MIB[memory]
    assert ("/sys/firmware/efi" in output) == (firmware == "uefi")


@pytest.mark.parametrize("firmware, cpus, memory, medium", PAIRS)
def test_debian_runs(firmware, cpus, memory, medium):
    check_shape(firmware, cpus, memory, medium)


@pytest.mark.full
@pytest.mark.parametrize("firmware, cpus, memory, medium", [row for row in PRODUCT if row not in PAIRS])
def test_debian_runs_everywhere(firmware, cpus, memory, medium):
    check_shape(firmware, cpus, memory, medium)


def test_network_works():
    output = boot(timeout=120, script="udhcpc -q -n -t 5 >/dev/null && ping -c 3 10.0.2.2")
    assert "3 packets received" in output


@pytest.mark.parametrize("cpus, vcpus", [pytest.param(1, 3, marks=pytest.mark.full), (2, 4)])
def test_more_vcpus_than_cpus(cpus, vcpus, tmp_path):
    control = machine.BUILD / "control"
    (tmp_path / "caisson.conf").write_text(f"[control]\nkernel = {control}/vmlinuz\ninitrd = {control}/initrd.img\n"
                                           f"vcpus = {vcpus}\n")
    output = boot("--conf", tmp_path / "caisson.conf", "--cpus", cpus, timeout=180, script="nproc\n" + HEALTH + DISKS)
    assert output.splitlines()[0] == str(vcpus)


def test_debian_runs_while_every_vcpu_moves():
    """Each vCPU is moved to another CPU every 10 ms: nothing of it may belong to the CPU that it was on."""
    output = boot("--cpus", 4, "--hypervisor-cmdline", "migrate=10", timeout=240, script="nproc\n" + HEALTH + DISKS)
    assert output.splitlines()[0] == "4"


def test_cpus_go_offline_and_come_back():
    script = """cd /sys/devices/system/cpu
for round in 1 2 3 4 5; do
	for cpu in 1 2 3; do echo 0 >cpu$cpu/online || exit 1; done
	[ $(nproc) = 1 ] || exit 2
	for cpu in 1 2 3; do echo 1 >cpu$cpu/online || exit 3; done
	[ $(nproc) = 4 ] || exit 4
done
dmesg | grep -E 'Call Trace|BUG:|not responding' && exit 5
exit 0"""
    boot("--cpus", 4, timeout=180, script=script)


def test_interrupts_between_cpus_arrive():
    """Function calls and wake-ups cross all CPUs while each has work of its own."""
    script = """for cpu in 0 1 2 3; do
	taskset -c $cpu sh -c 'n=0; while [ $n -lt 30 ]; do taskset -c $((n % 4)) true; n=$((n + 1)); done' &
done
wait
grep -E 'CAL|RES|LOC' /proc/interrupts
dmesg | grep -E 'Call Trace|BUG:|stall' && exit 1
exit 0"""
    output = boot("--cpus", 4, timeout=180, script=script)
    local = next(line for line in output.splitlines() if "LOC:" in line)
    assert all(int(count) > 10 for count in local.split()[1:5]), output


def test_reboot_reaches_the_machine():
    result = machine.run("--cmdline", machine.control_cmdline("reboot -f"), timeout=120)
    assert result.status == machine.RESET, result


@pytest.mark.full
def test_reboot_comes_back_when_allowed():
    """The second boot finds the file that the first left on the disk, and powers off."""
    script = "grep -q mark /dev/vda && exit 0; echo mark | dd of=/dev/vda bs=512 conv=sync; sync; reboot -f"
    result = machine.run("--allow-reboot", "--cmdline", machine.control_cmdline(script), timeout=180)
    assert result.status == machine.POWERED_OFF, result
    assert len(result.lines("^caisson-control: ready$")) == 2, result


def test_triple_fault_of_the_kernel_is_a_reset():
    result = machine.run("--cmdline", machine.control_cmdline("echo c >/proc/sysrq-trigger", "quiet reboot=t panic=-1"),
                         timeout=120)
    assert result.status == machine.RESET, result


@pytest.mark.parametrize("number", [pytest.param(n, marks=[pytest.mark.full] if n >= 4 else []) for n in range(20)])
def test_uefi_boot_with_kaslr_in_little_memory(number):
    boot("--firmware", "uefi", "--memory", "512M", "--cpus", 1 + number % 2, timeout=120, script="true")
