# SPDX-License-Identifier: GPL-2.0-only
"""Panics: what protects the hypervisor's own memory, what a panic tells, and that its words survive a reset."""
import re

import pytest

import machine

pytestmark = pytest.mark.hypervisor


def panic(*arguments, **options):
    result = machine.run(*arguments, timeout=60, **options)
    assert result.status == machine.PANICKED, result
    return result


@pytest.mark.parametrize("test, words", [
    ("stack", r"stack overflow in overflow\+0x[0-9a-f]+: the guard page at 0xffffc88"),
    ("write_text", r"writing 0xffffffff8[0-9a-f]+ is not allowed there"),
    ("write_rodata", r"writing 0xffffffff8[0-9a-f]+ is not allowed there"),
    ("exec_data", r"executing 0xffffffff8[0-9a-f]+ is not allowed there"),
    ("null", r"in test_null\+0x[0-9a-f]+: reading 0 finds nothing mapped"),
])
def test_fault_ends_in_panic(test, words):
    result = panic("--hypervisor-cmdline", f"trap_test={test}")
    assert len(result.lines("caisson: panic: .*" + words)) == 1, result


def test_panic_shows_registers_and_names_its_callers():
    result = panic("--hypervisor-cmdline", "trap_test=null")
    assert result.lines(r"rip ffffffff8[0-9a-f]{7}  rsp ffffc88[0-9a-f]{9} "), result
    assert result.lines(r"cr0 [0-9a-f]+  cr2 0000000000000000 "), result
    calls = [re.search(r"\S+ (\w+)\+", line).group(1) for line in result.lines(r" ffffffff8[0-9a-f]{7} \w+\+")]
    assert calls[0] == "test_null", result
    assert "main_on_stack" in calls, result


def test_panic_stops_the_other_cpus():
    result = panic("--cpus", "4", "--hypervisor-cmdline", "panic_test=1")
    assert result.lines("cpu: 4 of 4 CPUs run"), result
    assert len(result.lines("caisson: panic: ")) == 1, result


def test_debug_exit_ends_the_emulator_by_itself():
    result = panic("--hypervisor-cmdline", "trap_test=null debug_exit=0xf4")
    assert result.lines("caisson: panic: "), result


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
@pytest.mark.parametrize("memory", ["512M", "6G"])
def test_last_words_are_found_after_the_reset(firmware, memory, tmp_path):
    (tmp_path / "caisson.conf").write_text("panic = reboot\n[control]\nkernel = vmlinuz\nmemory = rest\n")
    (tmp_path / "vmlinuz").write_bytes(b"no kernel\n")
    result = machine.run("--conf", tmp_path / "caisson.conf", "--firmware", firmware, "--memory", memory,
                         "--allow-reboot", "--hypervisor-cmdline", "panic_test=once", timeout=90)
    assert result.status == machine.REFUSED, result
    assert result.lines("last words of the previous boot: panic on CPU 0 after [0-9]+ ms: panic_test="), result
    assert result.lines(r"\| .*caisson: panic: panic_test="), result
    assert result.lines(r"\| .* main_on_stack\+0x"), result
    assert result.console.index("end of the last words") > result.console.index("The machine is reset now")


def test_last_words_are_not_told_by_a_boot_that_follows_none():
    result = panic("--hypervisor-cmdline", "trap_test=null")
    assert not result.lines("last words of the previous boot"), result


@pytest.mark.parametrize("model, words", [("EPYC,check=off,-nx", "no-execute"), ("EPYC,check=off,-lm", "64-bit")])
def test_cpu_without_what_the_entry_needs_is_refused(model, words):
    result = machine.run("--cpu-model", model, timeout=60)
    assert result.status == machine.REFUSED, result
    assert words in result.lines("caisson: refused to start: ")[0], result


@pytest.mark.parametrize("cpus", ["1", "4"])
def test_own_tables_map_no_guest_memory_and_no_writable_code(cpus):
    result = machine.run("--cpus", cpus, "--cmdline", machine.control_cmdline(), "--hypervisor-cmdline", "self_test=1")
    assert result.status == machine.POWERED_OFF, result
    assert result.lines("self-test: no table maps a guest's memory or writable code"), result
