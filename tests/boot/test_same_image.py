# SPDX-License-Identifier: GPL-2.0-only
"""One image, byte for byte, on AMD's and on Intel's processors."""
import hashlib
import subprocess

import pytest

import machine

pytestmark = pytest.mark.hypervisor

MACHINES = {"svm": "AMD-V", "svm-bochs": "AMD-V", "vmx": "VT-x"}


def make_image(path, *arguments):
    subprocess.run([machine.ROOT / "scripts/image", *arguments, path], check=True, capture_output=True,
                   env={**machine.os.environ, "CAISSON_BUILT": "1"})
    return digest(path)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_one_image_runs_a_micro_guest_on_every_machine(tmp_path):
    image = tmp_path / "caisson.img"
    before = make_image(image, "--kernel", machine.BUILD / "guest/page_faults.elf")
    for on, vendor in MACHINES.items():
        result = machine.run("--image", image, "--cpus", 1, "--memory", "256M", machine=on)
        assert result.status == machine.VERDICT, result
        assert result.lines(f"virt: {vendor}"), result
        assert digest(image) == before


@pytest.mark.full
def test_the_image_of_make_image_boots_debian_on_every_machine(tmp_path):
    image = tmp_path / "caisson.img"
    before = make_image(image)
    for on, vendor in MACHINES.items():
        with machine.Terminal("--image", image, "--cpus", 1, "--memory", "512M", machine=on, timeout=600) as terminal:
            terminal.expect(f"virt: {vendor}$")
            terminal.expect("^caisson-control: ready$")
            terminal.expect("^control# ")
            terminal.type("poweroff\n")
            assert terminal.finish() == machine.POWERED_OFF, terminal.seen[-3000:]
        assert digest(image) == before
