# SPDX-License-Identifier: GPL-2.0-only
"""Sleep states of the control guest: asked for in vain, and the guest goes on."""
import pytest

from test_debian import DISKS
from test_kernels import boot

pytestmark = pytest.mark.hypervisor

SLEEP = """fail() { echo "fail: $1"; exit 1; }
cpus=$(nproc)
grep -qw mem /sys/power/state || fail "no mem"
[ ! -e /sys/power/mem_sleep ] || echo deep >/sys/power/mem_sleep || fail "no deep"
echo mem >/sys/power/state || fail mem
""" + DISKS + """
[ "$(nproc)" = "$cpus" ] || fail "CPUs are gone"
dmesg | grep -E 'Call Trace|BUG:|Oops|stall' && fail dmesg
dmesg | grep 'Waking up from system sleep state S3'
"""
# The image is made, with devices asleep, and has no place to go.
HIBERNATE = 'echo disk >/sys/power/state 2>/dev/null && fail "hibernated"\n' + DISKS


def check_sleep(name, script, *arguments):
    result = boot(name, "--memory", "512M", *arguments, script=script, timeout=200)
    assert result.output()[1] == 0, result
    assert result.lines(r"vpm: the guest may not sleep: it is woken at once \(SLP_TYP 1, S3\)"), result


def test_sleep_ends_at_once():
    check_sleep("control", SLEEP, "--cpus", 2)


@pytest.mark.full
@pytest.mark.parametrize("name", ["control-generic", "control-6.12"])
@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_sleep_ends_at_once_everywhere(name, firmware):
    check_sleep(name, SLEEP + HIBERNATE, "--firmware", firmware, "--cpus", 4)
