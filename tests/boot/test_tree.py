# SPDX-License-Identifier: GPL-2.0-only
"""A clean clone builds, and the files that people take from it are complete."""
import subprocess

import pytest

import machine


@pytest.mark.full
def test_clean_clone_builds_without_leaving_files(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", machine.ROOT, clone], check=True)
    subprocess.run(["make", "-s", "-j2", "-C", clone, "hypervisor"], check=True)
    status = subprocess.run(["git", "-C", clone, "status", "--porcelain"], capture_output=True, text=True,
                            check=True)
    assert status.stdout == ""


def test_image_boots_from_every_kind_of_medium(tmp_path):
    image = tmp_path / "image"
    subprocess.run([machine.ROOT / "scripts/image", "--no-hypervisor", image], check=True,
                   env={"CAISSON_BUILT": "1", "PATH": "/usr/bin:/bin"})
    report = subprocess.run(["xorriso", "-indev", image, "-report_el_torito", "plain", "-report_system_area", "plain"],
                            capture_output=True, text=True, check=True).stdout
    assert "BIOS" in report and "UEFI" in report
    assert "MBR" in report
