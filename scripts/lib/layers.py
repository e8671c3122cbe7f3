# SPDX-License-Identifier: GPL-2.0-only
"""Include direction: boot -> core -> {mm, drivers} -> the seam. The one table of who may include what."""
import re

INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')

# Headers that stand below every layer.
BASE = ("core/types.h", "core/err.h", "core/bits.h", "core/bytes.h", "core/list.h", "core/lock.h", "core/log.h",
        "core/panic.h", "core/string.h", "core/offsets.h", "core/epoch.h", "core/arch.h")
# What an architecture shows of itself above the seam.
SEAM = ("arch/arch_types.h", "arch/layout.h", "arch/port_io.h", "arch/relax.h")
# The two structures that boot hands on.
HANDED_OVER = ("boot/boot_info.h", "boot/config.h")

# Directory -> what its files may include, besides BASE; a name that ends in / stands for all below it.
# The first directory that a file lies in counts.
LAYERS = (
    ("boot/", ("boot/", "core/", "mm/", "drivers/", "arch/")),
    ("core/", ("core/", "mm/", "drivers/", *SEAM, *HANDED_OVER)),
    ("mm/", ("mm/", *SEAM)),
    ("drivers/virtual/", ("drivers/", "core/", "mm/", "arch/ioapic.h", "arch/vlapic.h", *SEAM)),
    ("drivers/", ("drivers/", "mm/window.h", *SEAM)),
    ("arch/", ("arch/", "core/", "mm/", "drivers/", *HANDED_OVER)),
    ("guests/", ("guests/", "arch/")),
    ("tests/guest/", ("tests/guest/", "guests/", "arch/")),
    ("tests/fake_arch/", ("arch/", "core/", "mm/", "tests/fake_arch/")),
)


def _may_include(allowed, header):
    return header in BASE or any(header == one or (one.endswith("/") and header.startswith(one))
                                 for one in allowed)


def check(tree):
    """Messages for includes that point the wrong way."""
    for name in tree.c_files():
        allowed = next((headers for directory, headers in LAYERS if name.startswith(directory)), None)
        if allowed is None:
            continue
        for number, line in enumerate(tree.lines(name), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            header = match.group(1)
            if "/" not in header:
                yield f"{name}:{number}: include \"{header}\" by its path from the root of the tree"
            elif not _may_include(allowed, header):
                yield f"{name}:{number}: forbidden include: {name.rsplit('/', 1)[0]}/ may not use {header}"
