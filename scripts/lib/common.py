# SPDX-License-Identifier: GPL-2.0-only
"""What every part of scripts/run shares: where the tree is, and how a mistake of the caller is told."""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"


class UsageError(Exception):
    """The caller asked for what cannot be: printed, and exit status 2."""


def size_bytes(text):
    """'512M' or '2G' in bytes; a bare number is MiB, as emulators take it."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    digits, unit = (text[:-1], text[-1].upper()) if text[-1:].upper() in units else (text, "M")
    if not digits.isdigit() or int(digits) == 0:
        raise UsageError(f"memory: expected a size such as 512M or 2G, found '{text}'")
    return int(digits) * units[unit]
