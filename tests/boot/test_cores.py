# SPDX-License-Identifier: GPL-2.0-only
"""Cores and time: every CPU starts, takes interrupts, has a timer and a clock; vCPUs are no cores."""
import pytest

import machine

pytestmark = pytest.mark.hypervisor

SUCCESS = machine.VERDICT
SPARE_CPUS = ["-device", "EPYC-x86_64-cpu,socket-id=3,core-id=1,thread-id=0",
              "-device", "EPYC-x86_64-cpu,socket-id=1,core-id=1,thread-id=0"]
BIG_ID = ["-machine", "kernel-irqchip=split", "-device", "intel-iommu,eim=on,intremap=on",
          "-smp", "2,maxcpus=320,sockets=320,cores=1",
          "-device", "EPYC-x86_64-cpu,x2apic=on,socket-id=300,core-id=0,thread-id=0"]


def guest(name, *arguments, options="", timeout=90, **more):
    return machine.run("--memory", "256M", "--kernel", machine.BUILD / f"guest/{name}.elf",
                       "--hypervisor-cmdline", options, *arguments, timeout=timeout, **more)


def self_test(cpus, *arguments, **more):
    result = guest("cpuid", *arguments, options="self_test=1 log=debug", **more)
    assert result.lines(f"cpu: {cpus} of {cpus} CPUs run"), result
    for what in ("interrupts", "timers", "clocks"):
        assert result.lines(f"self-test: {what} of {cpus} CPUs: pass"), result
    return result


@pytest.mark.parametrize("cpus", [1, 2, 4, 8])
def test_all_cpus_start_and_pass_the_self_test(cpus):
    self_test(cpus, "--cpus", cpus)


def test_cpus_start_and_pass_the_self_test_in_parallel_threads():
    self_test(4, "--cpus", 4, "--parallel")


@pytest.mark.full
@pytest.mark.parametrize("name", ["ipi", "smp", "lapic_timer", "tsc"])
@pytest.mark.parametrize("number", range(5))
def test_truly_parallel_cpus_notice_nothing(name, number):
    """Races that turns on one core do not show. A failure may be QEMU's own: docs/test-bench.md, traps 13 and 14."""
    result = guest(name, "--cpus", 2 + number % 3, "--parallel")
    assert result.status == SUCCESS, result


def test_cpus_start_under_uefi():
    self_test(2, "--cpus", 2, "--firmware", "uefi")


def test_cpus_start_on_bochs():
    self_test(2, "--cpus", 2, machine="svm-bochs")


def test_apic_ids_may_have_holes():
    result = self_test(4, "--cpus", 2, "--", "-smp", "2,maxcpus=8,sockets=4,cores=2", *SPARE_CPUS)
    assert result.lines("smp: CPU 2, APIC ID 3,") and result.lines("smp: CPU 3, APIC ID 7,"), result


def test_apic_ids_above_254_are_reached_by_x2apic():
    result = self_test(3, "--cpus", 2, "--", *BIG_ID)
    assert result.lines("lapic: x2APIC") and result.lines("smp: CPU 2, APIC ID 300,"), result


@pytest.mark.parametrize("name", ["ipi", "smp", "lapic_timer", "fpu", "tsc"])
def test_vcpus_that_move_to_another_core_each_10_ms_notice_nothing(name):
    result = guest(name, "--cpus", "4", options="migrate=10")
    assert result.status == SUCCESS, result


@pytest.mark.parametrize("vcpus, cpus", [pytest.param(3, 1, marks=pytest.mark.full), (4, 2)])
@pytest.mark.parametrize("name", ["ipi", "smp"])
def test_more_vcpus_than_cpus(name, vcpus, cpus, tmp_path):
    (tmp_path / "caisson.conf").write_text(f"[control]\nkernel = {machine.BUILD}/guest/{name}.elf\nvcpus = {vcpus}\n")
    result = machine.run("--conf", tmp_path / "caisson.conf", "--cpus", cpus, "--memory", "256M", timeout=120)
    assert result.status == SUCCESS, result
