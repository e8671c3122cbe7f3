# SPDX-License-Identifier: GPL-2.0-only
"""How scripts/run turns options and a caisson.conf into what lies in the image."""
import argparse
import sys

import pytest

import machine

sys.path.insert(0, str(machine.ROOT / "scripts"))
from lib import conf, image  # noqa: E402
from lib.common import UsageError  # noqa: E402


def options(**changes):
    defaults = {"conf": None, "conf_verbatim": False, "kernel": None, "initrd": None, "cmdline": None, "file": []}
    return argparse.Namespace(**{**defaults, **changes})


@pytest.fixture(name="files")
def some_files(tmp_path):
    for name in ("kernel", "initrd", "rt.elf", "own"):
        (tmp_path / name).write_text(name)
    (tmp_path / "a.conf").write_text("panic = halt # why not\n[control]\nkernel = kernel # mine\n"
                                     "cmdline = a b\n[partition rt]\nkernel = rt.elf\n")
    return tmp_path


def test_named_files_are_packed_by_base_name(files):
    loaded = conf.load(options(conf=files / "a.conf"))
    assert loaded.files == {"kernel": files / "kernel", "rt.elf": files / "rt.elf"}
    assert "kernel = kernel # mine\n" in loaded.text()


def test_options_override_control_only(files):
    loaded = conf.load(options(conf=files / "a.conf", kernel=files / "own", initrd=files / "initrd", cmdline="c"))
    assert loaded.assignments("control") == {"kernel": "own", "initrd": "initrd", "cmdline": "c"}
    assert loaded.assignments("partition rt") == {"kernel": "rt.elf"}


def test_own_kernel_without_conf_gets_no_initrd_of_ours(files):
    loaded = conf.load(options(kernel=files / "own"))
    assert loaded.assignments("control") == {"kernel": "own"}


def test_control_section_is_added_where_missing(files):
    (files / "b.conf").write_text("panic = reboot\n")
    loaded = conf.load(options(conf=files / "b.conf", cmdline="x"))
    assert loaded.text() == "panic = reboot\n[control]\ncmdline = x\n"


def test_two_files_of_one_name_are_refused(files):
    (files / "sub").mkdir()
    (files / "sub/kernel").write_text("another")
    with pytest.raises(UsageError, match="two files called kernel"):
        conf.load(options(conf=files / "a.conf", kernel=files / "sub/kernel", file=[files / "kernel"]))


def test_nonsense_is_left_to_the_hypervisor(files):
    (files / "c.conf").write_text("[control\nfrobnicate\nkernel\n")
    assert conf.load(options(conf=files / "c.conf")).text() == "[control\nfrobnicate\nkernel\n"
    (files / "d.conf").write_text("[control]\nkernel = missing\n")
    assert "missing" in conf.load(options(conf=files / "d.conf", conf_verbatim=True)).text()


def test_grub_quotes_what_its_shell_would_take_apart():
    text = image.grub_hypervisor(["caisson.conf", "a b"], "log=debug x=$y", None)
    assert "multiboot2 /boot/caisson.elf log=debug 'x=$y'" in text
    assert "module2 /boot/'a b' 'a b'" in text
