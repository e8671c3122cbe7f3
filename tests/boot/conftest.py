# SPDX-License-Identifier: GPL-2.0-only
"""The harness of the boot tests: builds once, runs two machines at a time, keeps what passed in a soak."""
import json
import os
import pathlib
import subprocess
import sys
import zlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import machine  # noqa: E402

DONE = machine.BUILD / "test-full"


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="whole products and soaks too; resumable")


def pytest_configure(config):
    config.addinivalue_line("markers", "full: only in make test-full")
    config.addinivalue_line("markers", "hypervisor: needs build/caisson.elf that reaches a guest")
    if hasattr(config, "workerinput") or os.environ.get("CAISSON_BUILT") == "1":
        return
    subprocess.run(["make", "-s", "-j2", "-C", str(machine.ROOT), "all", "control",
                    "control-generic", "control-6.12"], check=True)
    os.environ["CAISSON_BUILT"] = "1"


def _commit():
    head = subprocess.run(["git", "-C", str(machine.ROOT), "describe", "--always", "--dirty"],
                          capture_output=True, text=True, check=False)
    return head.stdout.strip() or "unknown"


def _record():
    return DONE / f"{_commit()}.jsonl"


def _passed_before():
    if not _record().exists():
        return set()
    entries = [json.loads(line) for line in _record().read_text().splitlines()]
    return {entry["test"] for entry in entries if entry["outcome"] == "passed"}


def pytest_collection_modifyitems(config, items):
    full = config.getoption("--full")
    passed = _passed_before() if full else set()
    for item in items:
        if not full and item.get_closest_marker("full"):
            item.add_marker(pytest.mark.skip(reason="only in make test-full"))
        elif item.nodeid in passed:
            item.add_marker(pytest.mark.skip(reason="passed before on this commit"))
    if not full:
        items[:] = [item for item in items if not item.get_closest_marker("full")]
    # Slow tests stand side by side in their files: spread, always the same way, so that both workers have their share.
    items.sort(key=lambda item: zlib.crc32(item.nodeid.encode()))


def pytest_runtest_logreport(report):
    """In a full run, what was done survives an interruption: one line for each test."""
    if os.environ.get("CAISSON_TEST_FULL") != "1" or os.environ.get("PYTEST_XDIST_WORKER"):
        return
    if report.when == "call" or (report.when == "setup" and report.failed):
        DONE.mkdir(parents=True, exist_ok=True)
        with open(_record(), "a", encoding="utf-8") as record:
            record.write(json.dumps({"test": report.nodeid, "outcome": report.outcome,
                                     "seconds": round(report.duration, 1)}) + "\n")
