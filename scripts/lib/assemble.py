# SPDX-License-Identifier: GPL-2.0-only
"""From options to an image: what scripts/run and scripts/image share."""
import fcntl
import os
import subprocess
import sys

from . import conf, image
from .common import BUILD, ROOT, UsageError


def add_options(parser):
    add = parser.add_argument
    add("--kernel", metavar="FILE", help="the control guest's kernel, or a micro-guest")
    add("--initrd", metavar="FILE", help="its initial RAM disk")
    add("--cmdline", metavar="TEXT", help="its command line")
    add("--conf", metavar="FILE", help="a caisson.conf; files it names are host paths relative to it")
    add("--conf-verbatim", action="store_true", help="pack --conf as it is, without the files it names")
    add("--file", metavar="FILE", action="append", default=[], help="pack one more file (may be repeated)")
    add("--hypervisor-cmdline", metavar="TEXT", default="", help="the hypervisor's own command line")
    add("--graphics", metavar="MODE", help="graphics mode that GRUB sets, as 1024x768; on BIOS it sets none by itself")
    add("--no-hypervisor", action="store_true", help="GRUB starts the control guest's kernel itself")


def bring_up_to_date(options):
    """Builds what goes into the image. CAISSON_BUILT=1 says that the caller has done so."""
    if options.conf_verbatim and not options.conf:
        raise UsageError("--conf-verbatim needs --conf")
    if os.environ.get("CAISSON_BUILT") == "1":
        return
    targets = [] if options.no_hypervisor else ["hypervisor"]
    targets += [] if options.conf or options.kernel else ["control"]
    if not targets:
        return
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / ".run.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = subprocess.run(["make", "--no-print-directory", "-s", "-C", str(ROOT), *targets], check=False,
                                stdout=sys.stderr, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        raise UsageError("the build failed")


def write_image(options, output):
    description = conf.load(options)
    if options.no_hypervisor:
        keys = description.assignments("control")
        if "kernel" not in keys:
            raise UsageError("--no-hypervisor: the configuration names no control kernel")
        kernel, initrd, cmdline = keys["kernel"], keys.get("initrd"), keys.get("cmdline", "")
        if description.files[kernel].read_bytes()[:4] == b"\x7fELF":
            commands = image.grub_micro_guest(kernel, cmdline)
        else:
            commands = image.grub_linux(kernel, initrd, cmdline + " caisson.bare")
        image.make(output, commands, description.files, {})
        return
    elf = BUILD / "caisson.elf"
    if not elf.exists():
        raise UsageError(f"there is no {elf.relative_to(ROOT)}: run make")
    names = ["caisson.conf", *description.files]
    image.make(output, image.grub_hypervisor(names, options.hypervisor_cmdline, options.graphics),
               {"caisson.elf": elf, **description.files}, {"caisson.conf": description.text()})
