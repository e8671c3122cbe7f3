# SPDX-License-Identifier: GPL-2.0-only
"""Every micro-guest of tests/guest on every machine that its stanza in tests/tests.cfg names."""
import configparser

import pytest

import machine

EXPECTATIONS = {"success": 64, "skip": 65, "error": 66, "failure": 67, "powered-off": machine.POWERED_OFF,
                "panicked": machine.PANICKED, "refused": machine.REFUSED, "reset": machine.RESET}
KEYS = {"cpus", "memory", "machines", "bochs", "cmdline", "timeout", "expect", "full", "bare", "arguments"}
MACHINES = ("svm", "vmx", "svm-bochs")


def stanzas():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(machine.ROOT / "tests/tests.cfg")
    return {name: dict(parser[name]) for name in parser.sections()}


def arguments_of(name, stanza, cpus):
    """Of scripts/run; the emulator's own come last."""
    cmdline = ["--cmdline", stanza["cmdline"]] if stanza.get("cmdline") else []
    return ["--cpus", cpus, "--memory", stanza.get("memory", "256M"), "--kernel", machine.BUILD / f"guest/{name}.elf",
            *cmdline, "--", *stanza.get("arguments", "").split()]


def cases():
    for name, stanza in stanzas().items():
        for on in stanza.get("machines", " ".join(MACHINES)).split():
            for index, cpus in enumerate(stanza.get("cpus", "1").split()):
                # The slow emulator takes the first number of CPUs, and the rest in make test-full.
                is_full = stanza.get("full") == "yes" or (on != "svm" and index > 0)
                is_full |= on == "svm-bochs" and stanza.get("bochs") != "yes"
                marks = [pytest.mark.full] if is_full else []
                yield pytest.param(name, stanza, on, cpus, id=f"{name}-{on}-{cpus}", marks=marks)


def test_every_directory_has_a_stanza_and_every_stanza_a_directory():
    directories = {path.parent.name for path in (machine.ROOT / "tests/guest").glob("*/main.c")}
    assert directories == set(stanzas())


def test_stanzas_say_only_what_is_known():
    for name, stanza in stanzas().items():
        assert set(stanza) <= KEYS, name
        assert stanza.get("expect", "success") in EXPECTATIONS, name
        assert set(stanza.get("machines", "svm").split()) <= set(MACHINES), name


@pytest.mark.hypervisor
@pytest.mark.parametrize("name, stanza, on, cpus", cases())
def test_guest(name, stanza, on, cpus):
    result = machine.run(*arguments_of(name, stanza, cpus), machine=on, timeout=int(stanza.get("timeout", "60")))
    expected = EXPECTATIONS[stanza.get("expect", "success")]
    if result.status == EXPECTATIONS["skip"] and expected == EXPECTATIONS["success"]:
        pytest.skip("; ".join(result.lines("(?i)skip")) or "the micro-guest skips itself here")
    assert result.status == expected, result


@pytest.mark.full
@pytest.mark.parametrize("name", [name for name in stanzas() if stanzas()[name].get("bare") != "no"])
def test_guest_holds_on_the_bare_machine(name):
    """A rule of the architecture holds without us too; one that is ours makes the micro-guest skip."""
    stanza = stanzas()[name]
    result = machine.run("--no-hypervisor", *arguments_of(name, stanza, stanza.get("cpus", "1").split()[-1]))
    expected = EXPECTATIONS[stanza.get("expect", "success")]
    assert result.status in (expected, EXPECTATIONS["skip"]), result
