# SPDX-License-Identifier: GPL-2.0-only
"""What the machine reports: NMIs, machine checks, and a core that hangs."""
import pytest

import machine
import monitor

pytestmark = pytest.mark.hypervisor
SUCCESS = machine.VERDICT
DEFERRED = 0xB400100000000005  # valid, uncorrected, enabled, with an address; nobody has used it
CORRUPT = 0xB600000000000005   # the same, and the processor's own state may be wrong


def guest(word, *arguments, **more):
    return monitor.Monitored("--memory", "256M", "--kernel", machine.BUILD / "guest/machine_events.elf",
                             "--cmdline", f"wait={word}", *arguments, **{"timeout": 60, **more})


def test_every_nmi_reaches_the_guest_once_in_a_storm_of_exits():
    """Each is injected into all CPUs; the guest's LINT1 decides, and the one after the other is counted."""
    with guest("nmi", "--cpus", "2") as run:
        run.expect("^ready: masked$")
        run.qmp("inject-nmi")
        run.type("x")
        run.expect("^nmis: 0$")
        for number in range(1, 21):
            run.qmp("inject-nmi")
            run.expect(f"^nmis: {number}$")
        assert run.finish() == SUCCESS, run.seen[-2000:]


def wait_for_halt(run):
    """The guest's CPU has nothing to do: it is the hypervisor that halts it."""
    while "HLT=1" not in run.hmp("info registers"):
        pass


@pytest.mark.parametrize("how, words", [("halt", ""), ("spin", ""), ("halt", "swap=entries")])
def test_recoverable_machine_check_is_the_guests(how, words):
    """While it halts the hypervisor meets it; while it spins QEMU leaves us out (docs/test-bench.md, trap 18)."""
    with guest(how, "--cpus", "1", "--hypervisor-cmdline", words) as run:
        for number in range(2):
            run.expect(f"^ready: {number}$")
            if how == "halt":
                wait_for_halt(run)
            run.hmp(f"mce 0 {number + 3} {DEFERRED:#x} 5 0x12345000 0x8c")
            run.expect(f"^bank {number + 3}: {DEFERRED:x} 12345000 0, 5$")
        assert run.finish() == SUCCESS, run.seen[-2000:]
    if how == "halt":
        assert run.seen.count(f" status {DEFERRED:#x} address 0x12345000, MCG_STATUS 0x5") == 2, run.seen[-2000:]


@pytest.mark.full
def test_debian_logs_machine_checks_and_goes_on():
    """One on each CPU, and one that the hardware has corrected, by polling."""
    directory = machine.BUILD / "control-generic"
    script = ("echo starting; sleep 3; echo 1 >/sys/devices/system/machinecheck/machinecheck0/check_interval\n"
              "echo second; sleep 4; dmesg | grep -F 'Hardware Error'; grep MCE: /proc/interrupts")
    with monitor.Monitored("--cpus", "2", "--kernel", directory / "vmlinuz", "--initrd", directory / "initrd.img",
                           "--cmdline", machine.control_cmdline(script), timeout=120) as run:
        run.expect("^starting$")
        wait_for_halt(run)
        for cpu in range(2):
            run.hmp(f"mce {cpu} {cpu + 4} {DEFERRED:#x} 5 {0x12345000 + (cpu << 16):#x} 0")
        run.expect("^second$")
        run.hmp("mce 0 3 0x9c00000000000150 0 0x34567000 0")
        run.expect(r"mce: \[Hardware Error\]: CPU \d: Machine Check: 0 Bank 3: 9c00000000000150$")
        counts = run.expect(r"^ *MCE: +(\d+) +(\d+) +Machine check exceptions$")
        assert int(counts.group(1)) + int(counts.group(2)) == 2  # a vCPU may run on the other's CPU
        assert run.finish() == machine.POWERED_OFF, run.seen[-2000:]


def test_fatal_machine_check_leaves_a_panic_record_over_the_reset(tmp_path):
    (tmp_path / "caisson.conf").write_text("panic = reboot\n[control]\n"
                                           f"kernel = {machine.BUILD}/guest/machine_events.elf\ncmdline = wait=halt\n")
    with monitor.Monitored("--conf", tmp_path / "caisson.conf", "--memory", "256M", "--cpus", "1", "--allow-reboot",
                           timeout=60) as run:
        run.expect("^ready: 0$")
        wait_for_halt(run)
        run.hmp(f"mce 0 4 {CORRUPT:#x} 5 0x12345000 0")
        words = rf"#MC machine check in arch_cpu_idle\+0x\w+: bank 4 status {CORRUPT:#x} address 0x12345000"
        run.expect("caisson: panic: " + words)
        run.expect("machine-check bank 4: status b6")
        run.expect(r"last words of the previous boot: panic on CPU 0 after \d+ ms: " + words)
        run.expect("^ready: 0$")


def test_hung_core_is_reported_with_its_own_calls():
    with monitor.Monitored("--cpus", "2", "--cmdline", machine.control_cmdline("sleep 60"),
                           "--hypervisor-cmdline", "watchdog=1 hang_test=1", timeout=60) as run:
        run.expect(r"c1\] caisson: panic: CPU 1 hung for 1 s in hang\+0x")
        run.expect(r"^.* \w{16} hang\+0x.*\n.* timer_run\+0x")
        assert run.finish() == machine.PANICKED
