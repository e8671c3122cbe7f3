# SPDX-License-Identifier: GPL-2.0-only
"""What cannot run is refused before anything starts, with a message that says why."""
import pytest

import machine

pytestmark = pytest.mark.hypervisor


def refusal(*arguments, **options):
    result = machine.run(*arguments, timeout=60, **options)
    assert result.status == machine.REFUSED, result
    lines = result.lines("caisson: refused to start: ")
    assert len(lines) == 1, result
    return lines[0]


@pytest.mark.parametrize("model, words", [("EPYC,check=off,-svm", "AMD-V"), ("EPYC,check=off,-npt", "nested paging")])
def test_cpu_without_the_feature(model, words):
    line = refusal("--cpu-model", model)
    assert words in line and line.endswith("; its CPU is AMD EPYC Processor"), line


@pytest.mark.parametrize("model, words, brand", [
    ("core2_penryn_t9600", "extended page tables, EPT", "Intel(R) Core(TM)2 Duo CPU T9600 @ 2.80GHz"),
    ("corei5_lynnfield_750", "unrestricted guest", "Intel(R) Core(TM) i5 CPU 750 @ 2.67GHz"),
    ("athlon64_clawhammer", "AMD-V (CPUID 80000001 ECX[2]) or VT-x (CPUID 1 ECX[5])", "AMD Athlon(tm)"),
])
def test_older_cpu_is_named_with_what_it_lacks(model, words, brand):
    line = refusal("--memory", "256M", "--cpus", "1", "--cpu-model", model, "--kernel",
                   machine.BUILD / "guest/cpuid.elf", machine="vmx")
    assert words in line and f"; its CPU is {brand}" in line, line


def test_too_little_memory():
    assert "memory" in refusal("--memory", "64M")


def test_kernel_of_no_known_format(tmp_path):
    (tmp_path / "kernel").write_bytes(b"this is no kernel\n" * 1000)
    assert "kernel" in refusal("--kernel", tmp_path / "kernel")


def test_no_control_kernel(tmp_path):
    (tmp_path / "caisson.conf").write_text("panic = halt\n")
    line = refusal("--conf", tmp_path / "caisson.conf", "--conf-verbatim")
    assert "kernel" in line and "vmlinuz" in line


@pytest.mark.parametrize("text, words", [
    ("[control]\nkernel = missing\n", ["caisson.conf:2", "kernel", "missing"]),
    ("console = com9\n[control]\nkernel = vmlinuz\n", ["caisson.conf:1", "console", "com9"]),
    ("[control]\nkernel = vmlinuz\nfrobnicate = 1\n", ["caisson.conf:3", "frobnicate"]),
    ("[control]\nkernel = vmlinuz\ncpus = 0-\n", ["caisson.conf:3", "cpus"]),
    ("[control]\nkernel = vmlinuz\ncpus = 7\n", ["caisson.conf:3", "cpus"]),
    ("[control]\nkernel = vmlinuz\ncpus = 0\n[partition a]\nkernel = vmlinuz\nmemory = 64M\ncpus = 0\n"
     "class = pinned\n", ["caisson.conf:", "cpus"]),
    ("[control]\nkernel = vmlinuz\n[partition a]\nkernel = vmlinuz\nmemory = 64M\ncpus = 1\n",
     ["caisson.conf:3", "[partition a]", "not run by this version"]),
], ids=["missing-file", "bad-console", "unknown-key", "bad-list", "no-such-cpu", "two-owners", "partition"])
def test_broken_configuration(text, words, tmp_path):
    (tmp_path / "caisson.conf").write_text(text)
    line = refusal("--conf", tmp_path / "caisson.conf", "--conf-verbatim", "--file",
                   machine.BUILD / "control/vmlinuz")
    for word in words:
        assert word in line
