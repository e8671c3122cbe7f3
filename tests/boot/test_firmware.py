# SPDX-License-Identifier: GPL-2.0-only
"""What firmware offers after the boot: EFI's runtime services, and the screen that it set up."""
import json
import re
import socket

import pytest

import machine

pytestmark = pytest.mark.hypervisor

QUIET = "quiet reboot=efi vt.global_cursor_default=0"
FAIL = 'fail() { echo "failed: $1"; poweroff -f; }\n'
# A variable that the firmware keeps (attributes 7), and EFI_GLOBAL_VARIABLE's, which efibootmgr would read.
VARIABLE = "/sys/firmware/efi/efivars/CaissonTest-5d3c3d8e-4b5c-4a4e-8f6f-2f0d7c1a9b35"
EFI = f"""dmesg | grep -q 'efi: EFI v2' || fail "no EFI"
[ -e /sys/firmware/efi/runtime ] && [ -d /sys/firmware/efi/runtime-map/0 ] || fail "no run-time services"
[ -e /sys/firmware/efi/efivars/BootCurrent-8be4df61-93ca-11d2-aa0d-00e098032b8c ] || fail BootCurrent
if [ -e {VARIABLE} ]; then
	[ "$(tail -c +5 {VARIABLE})" = kept ] || fail "another value"
	echo "variable: found"
	poweroff -f
fi
printf '\\007\\000\\000\\000kept' >{VARIABLE} || fail "not written"
dmesg | grep -iE 'efi.*(failed|abort|timeout|disabled)|Firmware Bug' && fail dmesg
"""
PAINT = r"""[ -e /dev/fb0 ] || fail "no framebuffer"
grep -q write-combining /sys/kernel/debug/x86/pat_memtype_list || fail "not write-combining"
dd if=/dev/zero of=/dev/fb0 bs=64k 2>/dev/null
cd /sys/class/graphics/fb0
pixel=$(($(cat bits_per_pixel) / 8))
dd if=/dev/zero bs=$pixel count=64 2>/dev/null | tr '\000' '\377' |
	dd of=/dev/fb0 bs=1 seek=$(($(cat stride) * 100 + 100 * pixel)) 2>/dev/null
echo "painted by $(cut -d' ' -f2- /proc/fb)"
"""


def start(tmp_path, name, script, *arguments, extra=""):
    """A machine with a graphics card, whose screen our QMP connection can dump, at the end of the script."""
    directory = machine.BUILD / name
    cmdline = machine.control_cmdline(FAIL + script, QUIET + extra).replace(" caisson.poweroff", "")
    return machine.Terminal("--kernel", directory / "vmlinuz", "--initrd", directory / "initrd.img", "--cmdline",
                            cmdline, *arguments, "--", "-vga", "std", "-qmp",
                            f"unix:{tmp_path / 'qmp'},server=on,wait=off", timeout=150)


def screen(tmp_path):
    """The width of the machine's screen, and its bytes: red, green and blue of each pixel."""
    picture = tmp_path / "screen.ppm"
    with socket.socket(socket.AF_UNIX) as qmp:
        qmp.connect(str(tmp_path / "qmp"))
        answers = qmp.makefile()
        json.loads(answers.readline())
        for command in ({"execute": "qmp_capabilities"},
                        {"execute": "screendump", "arguments": {"filename": str(picture)}}):
            qmp.sendall(json.dumps(command).encode() + b"\n")
            answer = json.loads(answers.readline())
            while "event" in answer:
                answer = json.loads(answers.readline())
            assert "return" in answer, answer
    data = picture.read_bytes()
    head = re.match(rb"P6\s+(\d+)\s+\d+\s+255\s", data)
    return int(head.group(1)), data[head.end():]


def check_screen(terminal, tmp_path, driver):
    """A white line of 64 pixels from (100, 100) on, and nothing else."""
    assert terminal.expect("^(painted by|failed:) (.*)\n").group(2) == driver
    terminal.expect("^control# ")
    width, colors = screen(tmp_path)
    first = 3 * (100 * width + 100)
    assert [at for at, color in enumerate(colors) if color != 0] == list(range(first, first + 3 * 64))
    assert set(colors[first:first + 3 * 64]) == {255}


def check_efi(tmp_path, name, *arguments):
    """A variable of SetVariable's outlives a ResetSystem: both run the firmware's code inside of the guest."""
    with start(tmp_path, name, EFI + PAINT, "--firmware", "uefi", "--allow-reboot", *arguments) as terminal:
        check_screen(terminal, tmp_path, "EFI VGA")
        terminal.type("reboot -f\n")
        terminal.expect("it resets the machine by port CF9h")
        assert terminal.expect("^(variable:|failed:) (.*)\n").group(2) == "found"
        assert terminal.finish() == machine.POWERED_OFF


def test_efi_services_and_screen_are_the_guests(tmp_path):
    check_efi(tmp_path, "control")


@pytest.mark.full
@pytest.mark.parametrize("name", ["control-generic", "control-6.12"])
def test_efi_services_and_screen_are_each_kernels(tmp_path, name):
    check_efi(tmp_path, name, "--cpus", 4)


@pytest.mark.full
def test_screen_of_a_bios_is_the_guests(tmp_path):
    with start(tmp_path, "control-generic", PAINT, "--graphics", "1024x768x32",
               extra=" video=vesafb:mtrr:3") as terminal:
        check_screen(terminal, tmp_path, "VESA VGA")
        terminal.type("poweroff\n")
        assert terminal.finish() == machine.POWERED_OFF
