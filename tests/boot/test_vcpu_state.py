# SPDX-License-Identifier: GPL-2.0-only
"""All state is taken out of every vCPU and put into a new one, over and over: no guest notices."""
import pytest

import machine
from test_debian import DISKS, HEALTH

pytestmark = pytest.mark.hypervisor

# At every other entry, which wakes none that is halted; and by the clock, which does.
ENTRIES = ["cpu_state", "debug_registers", "exceptions", "fpu", "hlt", "interrupt_shadow", "lapic", "lapic_timer",
           "msr", "nested_faults", "nmi", "page_faults", "smp", "syscall", "tsc", "x2apic"]
BY_CLOCK = ["cpu_state", "fpu", "hlt", "ioapic", "ipi"]
SHORT = ["debug_registers", "lapic_timer", "nmi", "syscall"]

NETWORK = "udhcpc -q -n -t 5 >/dev/null && ping -c 3 10.0.2.2 >/dev/null || fail network\n"
OFFLINE = """cd /sys/devices/system/cpu
for round in 1 2; do
	for cpu in 1 2 3; do echo 0 >cpu$cpu/online || fail offline; done
	[ $(nproc) = 1 ] || fail "$(nproc) CPUs are left"
	for cpu in 1 2 3; do echo 1 >cpu$cpu/online || fail online; done
done
[ $(nproc) = 4 ] || fail "$(nproc) CPUs are back"
"""


def swaps(result):
    """How often a vCPU was swapped, to the last power of two."""
    return max((int(line.split()[-2]) for line in result.lines("swap: vCPUs were taken apart")), default=0)


def check_guest(name, options, machine_name="svm"):
    result = machine.run("--cpus", 2, "--memory", "256M", "--kernel", machine.BUILD / f"guest/{name}.elf",
                         "--hypervisor-cmdline", options, machine=machine_name, timeout=120)
    assert result.status == machine.VERDICT, result
    assert swaps(result) >= 8, result


@pytest.mark.parametrize("name", SHORT)
def test_guest_does_not_notice(name):
    check_guest(name, "swap=entries")


@pytest.mark.full
@pytest.mark.parametrize("name", [name for name in ENTRIES if name not in SHORT])
def test_guest_does_not_notice_at_every_other_entry(name):
    check_guest(name, "swap=entries")


@pytest.mark.full
@pytest.mark.parametrize("options", ["swap=1", "swap=1 migrate=3"])
@pytest.mark.parametrize("name", BY_CLOCK)
def test_guest_does_not_notice_by_the_clock(name, options):
    check_guest(name, options)


@pytest.mark.full
@pytest.mark.parametrize("name", ["nmi", "debug_registers", "fpu"])
def test_guest_does_not_notice_on_bochs(name):
    check_guest(name, "swap=10" if name == "fpu" else "swap=entries", machine_name="svm-bochs")


@pytest.mark.parametrize("name", ["debug_registers", "modes"])
def test_guest_does_not_notice_on_intels(name):
    """What the VMCS alone has: debug exceptions that a shadow holds back, the top entries of PAE paging."""
    check_guest(name, "swap=entries", machine_name="vmx")


def check_debian(cpus, options, script):
    result = machine.run("--cpus", cpus, "--hypervisor-cmdline", options, "--cmdline",
                         machine.control_cmdline(HEALTH + script), timeout=240)
    assert result.status == machine.POWERED_OFF, result
    assert result.output()[1] == 0, result
    assert swaps(result) >= 256, result


def test_debian_does_not_notice():
    check_debian(4, "swap=10 migrate=10", DISKS + NETWORK)


@pytest.mark.full
@pytest.mark.parametrize("cpus, options", [(2, "swap=10"), (4, "swap=10"), (4, "swap=10 migrate=10"), (2, "swap=1")])
def test_debian_does_not_notice_in_other_shapes(cpus, options):
    check_debian(cpus, options, DISKS + NETWORK + (OFFLINE if cpus == 4 else ""))
