# SPDX-License-Identifier: GPL-2.0-only
"""Debian on Bochs: on its ryzen model, SVM with what QEMU's lacks (next RIP, flush by ASID, pause filter), and on its
Intel models, VT-x."""
import re

import pytest

import machine
from test_debian import HEALTH

pytestmark = pytest.mark.hypervisor

OPTIONS = "quiet nokaslr mitigations=off cryptomgr.notests no_timer_check tsc=reliable"
USED = {"svm-bochs": ("svm: next RIP", "svm: flush by ASID", "svm: pause filter"),
        "vmx": ("vmx: VPIDs", "vmx: PAUSE-loop exiting", "vmx: preemption timer")}
CYLINDER = 16 * 63 * 512


def run(script, *arguments, on, timeout=300, **options):
    return machine.run("--memory", "512M", "--cmdline", machine.control_cmdline(script, OPTIONS), *arguments,
                       machine=on, timeout=timeout, **options)


def boot(script, *arguments, **options):
    """To power-off; returns the result and what the script said."""
    result = run(script, *arguments, **options)
    assert result.status == machine.POWERED_OFF, str(result)
    output, status = result.output()
    assert status == 0, str(result)
    return result, output


@pytest.mark.parametrize("on, cpus, options", [
    ("vmx", 1, ""),
    ("svm-bochs", 1, ""),
    pytest.param("vmx", 2, " migrate=10 swap=10", marks=pytest.mark.full),
    pytest.param("svm-bochs", 2, "", marks=pytest.mark.full),
])
def test_debian_runs_on_bochs(on, cpus, options):
    result, output = boot("nproc\ngrep -o xsavec /proc/cpuinfo\n" + HEALTH, "--cpus", cpus,
                          "--hypervisor-cmdline", "log=debug" + options, on=on)
    assert output == f"{cpus}\n", str(result)
    for feature in USED[on]:
        assert result.lines(f"{feature}: used"), str(result)


@pytest.mark.full
def test_a_newer_intel_model_runs_a_micro_guest_and_debian():
    """One CPU: Linux believes its CPUID 15h, by which its clocks run at a sixtieth of the machine's."""
    model = ("--cpu-model", "corei7_skylake_x")
    result = machine.run("--memory", "256M", "--cpus", 2, *model, "--kernel", machine.BUILD / "guest/cpu_state.elf",
                         machine="vmx", timeout=120)
    assert result.status == machine.VERDICT, str(result)
    _, output = boot("nproc\n" + HEALTH, "--cpus", 1, *model, on="vmx")
    assert output == "1\n", output


@pytest.mark.full
@pytest.mark.parametrize("on, deadlines_lost", [("svm-bochs", 0), ("vmx", 1)])
def test_reboot_comes_back_on_bochs(on, deadlines_lost):
    """The clock is all that a reset keeps here: there is no disk. Intel's deadline timer is not itself again."""
    script = "[ $(date +%Y) -ge 2030 ] && exit 0; date -s 2031-01-01; hwclock -w; reboot -f"
    result = run(script, "--cpus", "1", "--allow-reboot", on=on)
    assert result.status == machine.POWERED_OFF, str(result)
    assert len(result.lines("^caisson-control: ready$")) == 2, str(result)
    assert len(result.lines("the TSC-deadline timer does not go by the TSC")) == deadlines_lost, str(result)


CPUS_AND_DISK = """modprobe ata_piix && modprobe sd_mod || fail modprobe
n=0; while [ ! -b /dev/sda ] && [ $n -lt 20 ]; do sleep 1; n=$((n + 1)); done
dd if=/dev/urandom of=/tmp/a bs=64k count=8 2>/dev/null
dd if=/tmp/a of=/dev/sda bs=64k seek=1 2>/dev/null || fail 'disk write'
sync; echo 3 >/proc/sys/vm/drop_caches
dd if=/dev/sda bs=64k skip=1 count=8 2>/dev/null | cmp - /tmp/a || fail 'disk read'
echo caisson-mark | dd of=/dev/sda bs=512 conv=sync 2>/dev/null; sync
cd /sys/devices/system/cpu
for round in 1 2; do
	echo 0 >cpu1/online || fail offline
	[ $(nproc) = 1 ] || fail 'CPU 1 is still there'
	echo 1 >cpu1/online || fail online
done
[ $(nproc) = 2 ] || fail 'CPU 1 is not back'
for cpu in 0 1; do
	taskset -c $cpu sh -c 'n=0; while [ $n -lt 10 ]; do taskset -c $((n % 2)) true; n=$((n + 1)); done' &
done
wait
grep -E 'CAL|RES|LOC|ata_piix|timer' /proc/interrupts
dmesg | grep -E 'Call Trace|BUG:|stall|not responding|ata.*(error|failed|timeout)' && exit 1
exit 0
"""


@pytest.mark.full
@pytest.mark.parametrize("on", ["svm-bochs", "vmx"])
def test_cpus_and_an_ide_disk_work_on_bochs(on, tmp_path):
    """Timers, messages between CPUs, a CPU that goes and comes, a disk of which the host sees what was written."""
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(16 * CYLINDER))
    result, output = boot(HEALTH + CPUS_AND_DISK, "--cpus", 2, "--disk", disk, on=on, timeout=600)
    counts = {line.split(":")[0].strip(): line.split()[1:3] for line in output.splitlines() if ":" in line}
    assert all(int(count) > 10 for count in counts["LOC"]), str(result)
    assert sum(int(count) for count in counts["RES"] + counts["CAL"]) > 0, str(result)
    assert re.search(r"ata_piix", output), str(result)
    assert disk.read_bytes().startswith(b"caisson-mark"), str(result)


@pytest.mark.full
@pytest.mark.parametrize("on", ["svm-bochs", "vmx"])
def test_debian_runs_on_a_machine_without_acpi(on):
    """OVMF has no tables here: one CPU, and an IOAPIC where PCs have it. Nothing switches such a machine off, and with
    two CPUs Bochs stands still at its reset."""
    script = HEALTH + "grep -E ttyS0 /proc/interrupts; reboot -f"
    result = run(script, "--firmware", "uefi", "--cpus", 1, "--hypervisor-cmdline", "log=debug", on=on)
    assert result.status == machine.RESET, str(result)
    for line in ("acpi: no root pointer", "acpi: assumed: one CPU, an IOAPIC at 0xfec00000", "cpu: 1 of 1 CPUs run",
                 "kHz by the PIT"):
        assert result.lines(line), str(result)
    assert result.lines("IO-APIC +4-edge +ttyS0") and not result.lines("^fail:"), str(result)


# Its own network has a host at 192.168.10.1.
E1000 = ("pci: enabled=1, chipset=i440fx, slot1=e1000",
         "e1000: enabled=1, mac=52:54:00:12:34:56, ethmod=vnet, ethdev=/tmp")
NETWORK = """modprobe e1000 || fail modprobe
ip link set eth0 up && ip addr add 192.168.10.2/24 dev eth0 || fail address
ping -c 5 192.168.10.1 || fail ping
grep -E 'eth0' /proc/interrupts
"""


@pytest.mark.full
@pytest.mark.parametrize("arguments", [["--no-hypervisor"], []], ids=["bare", "caisson"])
def test_an_e1000_works_by_its_interrupt_line(arguments):
    """The generic kernel: the cloud kernel has no driver for it."""
    generic = machine.BUILD / "control-generic"
    _, output = boot("fail() { echo \"fail: $1\"; exit 1; }\n" + NETWORK, "--cpus", 1, "--kernel", generic / "vmlinuz",
                     "--initrd", generic / "initrd.img", *arguments, "--", *E1000, on="vmx")
    assert "5 packets received" in output, output
    line = next(line for line in output.splitlines() if line.endswith("eth0"))
    assert "fasteoi" in line and int(line.split()[1]) >= 5, output
