# SPDX-License-Identifier: GPL-2.0-only
"""The console that hypervisor and control guest share, with a person at it."""
import pytest

import machine

pytestmark = pytest.mark.hypervisor
CONTROL_A = "\x01"
QUIET = ("--cmdline", "console=ttyS0,115200 quiet")


def shell(*arguments, **options):
    terminal = machine.Terminal(*QUIET, *arguments, **{"timeout": 120, **options})
    terminal.expect("^control# ")
    return terminal


def test_shell_answers_and_powers_off():
    with shell() as terminal:
        terminal.type("echo answer $((6 * 7))\n")
        terminal.expect("^answer 42$")
        terminal.type("poweroff\n")
        assert terminal.finish() == machine.POWERED_OFF


def test_menu_tells_about_the_hypervisor_while_debian_runs():
    with shell("--cpus", "2") as terminal:
        terminal.type(CONTROL_A + "h")
        terminal.expect("Ctrl-A s: ")
        terminal.type(CONTROL_A + "r")
        # Each prints its own when it has left its guest: in whatever order.
        shown = {terminal.expect(r"guest control vCPU ([0-9]+):").group(1) for _ in range(2)}
        assert shown == {"0", "1"}
        terminal.type(CONTROL_A + "s")
        terminal.expect("CPU 1: [0-9]+ interrupts")
        terminal.expect("memory withheld from the guests: [0-9]+ KiB")
        terminal.type("\necho still $((40 + 2))\n")
        terminal.expect("^still 42$")


def test_console_that_is_not_built_is_said_to_be(tmp_path):
    (tmp_path / "caisson.conf").write_text(f"console = fb\n[control]\nkernel = {machine.BUILD}/guest/cpuid.elf\n")
    result = machine.run("--conf", tmp_path / "caisson.conf", "--memory", "256M")
    assert result.status == machine.VERDICT, result
    assert result.lines("console: there is no framebuffer console yet"), result


def test_no_guest_memory_is_mapped_in_the_hypervisor():
    with shell("--cpus", "2") as terminal:
        terminal.type("while :; do dd if=/dev/vda of=/dev/null bs=64k 2>/dev/null; done &\n")
        for _ in range(3):
            terminal.type(CONTROL_A + "t")
            terminal.expect("page tables of the hypervisor: 0 leaves are wrong")


def test_control_a_reaches_the_guest():
    with shell() as terminal:
        terminal.type("cat -v\n")
        terminal.type(CONTROL_A + "a\n")
        terminal.expect(r"^\^A$")


def test_reboot_from_the_menu_is_a_reset():
    with shell() as terminal:
        terminal.type(CONTROL_A + "b")
        assert terminal.finish() == machine.RESET
