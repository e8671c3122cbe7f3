# SPDX-License-Identifier: GPL-2.0-only
"""Guests that do what no guest should (tests/guest/hostile): whatever they do, the hypervisor is there afterwards, its
memory is its own, and the log stays short."""
import re

import pytest

import machine

pytestmark = pytest.mark.hypervisor

KINDS = ("hypercalls", "msrs", "lapic", "ioapic", "ports", "strings", "mmio", "instructions", "steps", "registers",
         "frames", "pci")
LOG_LINES = 80


def arguments(cmdline, cpus=1, guest="hostile"):
    return ["--memory", "256M", "--cpus", cpus, "--kernel", machine.BUILD / f"guest/{guest}.elf", "--cmdline", cmdline]


def frames(on):
    """Where the hypervisor lies, as the guest's command line has it: it is the same in every boot of a machine."""
    result = machine.run(*arguments("kind=hypercalls operations=1"), machine=on)
    start, end = (int(text, 16) for text in re.search(r"image +(\w+)-(\w+) caisson", result).groups())
    return f"frames={start:#x} frames_size={end + 1 - start:#x}"


def storm(cmdline, on="svm", timeout=90):
    """Runs it, walks the hypervisor's live tables after it, and only then lets it say its verdict."""
    more = ["--", "-device", "edu"] if on == "svm" else []  # it sends what message it is given
    cmdline += " wide=0" if on == "svm" else ""  # docs/test-bench.md, trap 19
    with machine.Terminal(*arguments(f"{cmdline} {frames(on)} wait=1"), *more, machine=on, timeout=timeout) as terminal:
        terminal.expect("hostile: waits for a key")
        terminal.type("\x01t")
        terminal.expect("page tables of the hypervisor: 0 leaves are wrong")
        terminal.type("\n")
        status = terminal.finish()
    assert status == machine.VERDICT, terminal.seen
    assert len(re.findall(r"^\[", terminal.seen, re.MULTILINE)) < LOG_LINES, terminal.seen


@pytest.mark.parametrize("on, operations", [("svm", 300), ("vmx", 100)])
def test_the_hypervisor_outlives_a_hostile_guest(on, operations):
    storm(f"operations={operations}", on=on)


@pytest.mark.parametrize("kind, on, why", [
    ("page_tables", "svm", "its page tables are at 0xfee00000"),
    ("delivery", "svm", "the stack or tables of an event's delivery are at"),
    ("wide_cr3", "svm", "the processor refused its state"),
    ("task", "svm-bochs", "it switches to task 0x428 by hardware"),
    ("page_tables", "vmx", "its page tables are at 0xfee00000"),
    ("delivery", "vmx", "the stack or tables of an event's delivery are at"),
    ("task", "vmx", "it switches to task 0x428 by hardware"),
])
def test_a_guest_without_an_answer_is_stopped_alone(kind, on, why):
    result = machine.run(*arguments(f"kind={kind}"), machine=on)
    assert result.lines(f"guest control stops: vCPU 0: {why}"), result
    assert result.lines("caisson: control guest stopped") and not result.lines("panic"), result


@pytest.mark.parametrize("on", ["svm-bochs", "vmx"])
def test_exceptions_without_end_leave_the_core_to_the_hypervisor(on):
    """QEMU's processor has no #AC, and itself dies of such a #DB."""
    result = machine.run(*arguments("", cpus=2, guest="hostile_loops"), machine=on)
    assert result.status == machine.VERDICT, result
    assert len(result.lines("^#AC: state 1, handled 0 then 0")) == 3, result
    assert len(result.lines("^#DB: state 1, handled 0 then 0")) == 3, result


@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
def test_the_hypervisor_outlives_a_million_operations(kind):
    storm(f"kind={kind} operations=1000000 seed=7", timeout=3600)


@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("on", ["svm-bochs", "vmx"])
def test_the_hypervisor_outlives_a_hostile_guest_on_bochs(on, kind):
    storm(f"kind={kind} operations=20000 seed=7", on=on, timeout=1200)
