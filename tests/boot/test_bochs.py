# SPDX-License-Identifier: GPL-2.0-only
"""Debian on Bochs' ryzen model: SVM with what QEMU's lacks (next RIP, flush by ASID, pause filter)."""
import pytest

import machine
from test_debian import HEALTH

pytestmark = pytest.mark.hypervisor

OPTIONS = "quiet nokaslr mitigations=off cryptomgr.notests no_timer_check tsc=reliable"


def run(script, *arguments, **options):
    return machine.run("--memory", "512M", *arguments, "--cmdline", machine.control_cmdline(script, OPTIONS),
                       machine="svm-bochs", timeout=300, **options)


@pytest.mark.parametrize("cpus", [1, 2])
def test_debian_runs_on_bochs(cpus):
    result = run("nproc\ngrep -o xsavec /proc/cpuinfo\n" + HEALTH, "--cpus", cpus, "--hypervisor-cmdline", "log=debug")
    assert result.status == machine.POWERED_OFF, str(result)
    assert result.output() == (f"{cpus}\n", 0), str(result)
    for feature in ("next RIP", "flush by ASID", "pause filter"):
        assert result.lines(f"svm: {feature}: used"), str(result)
    assert result.lines("svm: decode assists: missing"), str(result)


@pytest.mark.full
def test_reboot_comes_back_on_bochs():
    """The clock is all that a reset keeps here: there is no disk."""
    script = "[ $(date +%Y) -ge 2030 ] && exit 0; date -s 2031-01-01; hwclock -w; reboot -f"
    result = run(script, "--cpus", "1", "--allow-reboot")
    assert result.status == machine.POWERED_OFF, str(result)
    assert len(result.lines("^caisson-control: ready$")) == 2, str(result)
