# SPDX-License-Identifier: GPL-2.0-only
"""The GRUB image: one file that boots from a USB stick, a disk or a CD, on BIOS and on UEFI."""
import os
import pathlib
import shutil
import subprocess
import tempfile

from .common import UsageError

# The partition modules are only there because GRUB's own start-up script asks for them on UEFI.
GRUB_MODULES = ("normal multiboot2 linux serial terminal terminfo iso9660 part_gpt part_msdos part_apple part_acorn "
                "part_amiga part_bsd part_dfly part_dvh part_plan part_sun part_sunpc all_video echo test")
GRUB_HEAD = """serial --unit=0 --speed=115200
terminfo serial dumb
terminal_input console serial
terminal_output console serial
insmod all_video
"""
RAW = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=.,:/@+%"


def _quote(word):
    """A word as GRUB's shell must be given it."""
    if word and all(char in RAW for char in word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def grub_hypervisor(names, command_line, graphics):
    """The commands that start the hypervisor with caisson.conf and the named files as modules.

    Without a graphics mode a BIOS stays in text mode: what GRUB finds there by itself is not always one that works.
    """
    mode = f"set gfxpayload={_quote(graphics)}" if graphics else (
        "if [ $grub_platform = pc ]; then set gfxpayload=text; fi")
    words = " ".join(_quote(word) for word in command_line.split())
    lines = [f"multiboot2 /boot/caisson.elf {words}".rstrip()]
    lines += [f"module2 /boot/{_quote(name)} {_quote(name)}" for name in names]
    return GRUB_HEAD + "\n".join([*lines, mode]) + "\nboot\n"


def grub_linux(kernel, initrd, command_line):
    """The commands that start a Linux kernel without a hypervisor, for comparison."""
    words = " ".join(_quote(word) for word in command_line.split())
    lines = [f"linux /boot/{_quote(kernel)} {words}"]
    lines += [f"initrd /boot/{_quote(initrd)}"] if initrd else []
    return GRUB_HEAD + "\n".join(lines) + "\nboot\n"


def grub_micro_guest(kernel, command_line):
    """The commands that start a multiboot2 ELF on the bare machine."""
    words = " ".join(_quote(word) for word in command_line.split())
    return GRUB_HEAD + f"multiboot2 /boot/{_quote(kernel)} {words}\nboot\n"


def make(output, grub_cfg, files, texts):
    """Writes the image. files: name in /boot -> host path; texts: name in /boot -> content."""
    output = pathlib.Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="caisson-image-") as scratch:
        boot = pathlib.Path(scratch) / "root/boot"
        (boot / "grub").mkdir(parents=True)
        (boot / "grub/grub.cfg").write_text(grub_cfg)
        for name, text in texts.items():
            (boot / name).write_text(text, errors="surrogateescape")
        for name, path in files.items():
            try:
                os.link(path, boot / name)
            except OSError:
                shutil.copyfile(path, boot / name)
        partial = pathlib.Path(scratch) / "image"
        command = ["grub-mkrescue", f"--install-modules={GRUB_MODULES}", "--fonts=", "--locales=", "--themes=",
                   "-o", str(partial), str(boot.parent)]
        try:
            result = subprocess.run(command, capture_output=True, text=True, check=False,
                                    env={**os.environ, "TMPDIR": scratch})
        except FileNotFoundError:
            raise UsageError("grub-mkrescue is missing: run scripts/deps") from None
        if result.returncode != 0 or not partial.exists():
            raise UsageError(f"grub-mkrescue failed:\n{result.stderr[-2000:]}")
        shutil.move(partial, output)
