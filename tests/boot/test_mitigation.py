# SPDX-License-Identifier: GPL-2.0-only
"""The table of docs/mitigations.md in the log, and its work around guests. QEMU's CPUs offer none of the bits: they
are forced on, and the writes of registers that QEMU does not know are lost."""
import pytest

import machine

pytestmark = pytest.mark.hypervisor

FORCED = "EPYC,check=off,+x2apic,x-force-features=on,-nrip-save"
AMD = FORCED + ",+ibpb,+amd-stibp,+amd-ssbd"
INTEL = FORCED + ",vendor=GenuineIntel,+spec-ctrl,+md-clear,+flush-l1d"


def run(model, *arguments):
    return machine.run("--memory", "256M", "--cpus", "1", "--kernel", machine.BUILD / "guest/msr.elf",
                       *(["--cpu-model", model] if model else []), *arguments)


def answers(result):
    return [line.split("mitigation: ")[1] for line in result.lines("mitigation: ")]


def test_a_processor_without_bits_is_told_to_be_open():
    result = run(None)
    assert result.status == machine.VERDICT, result
    assert "user code: SMEP" in answers(result) and "user data: SMAP" in answers(result), result
    assert "spectre v2: not mitigated: no IBPB, old microcode" in answers(result), result
    assert "LFENCE: not mitigated: DE_CFG can not be set" in answers(result), result


def test_exits_of_a_zen1_forget_branches():
    result = run(AMD)
    assert result.status == machine.VERDICT and result.lines("SPEC_CTRL was tried"), result
    for answer in ("spectre v2: IBPB at exit", "return stack: filled at exit", "guest to guest: IBPB between vCPUs",
                   "SSB: guests have SSBD", "DIV0: divides between vCPUs"):
        assert answer in answers(result), result


def test_entries_clear_buffers_and_the_l1_data_cache():
    result = run(INTEL)
    assert result.status == machine.VERDICT, result
    assert {"MDS: VERW at entry", "L1TF: flush at entry"} <= set(answers(result)), result


def test_mitigations_can_be_turned_off():
    result = run(AMD, "--hypervisor-cmdline", "mitigations=off")
    assert result.status == machine.VERDICT, result
    assert answers(result) == ["none, as mitigations=off says"], result
