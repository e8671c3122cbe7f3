# SPDX-License-Identifier: GPL-2.0-only
"""What `make bench` measures: groups of figures, each with its target and its peers."""
import base64
import dataclasses
import os
import re
import subprocess

from .common import BUILD, ROOT


@dataclasses.dataclass
class Figure:
    """One line of the table. target None: printed without one."""
    name: str
    value: float
    unit: str
    target: float = None
    peers: str = ""

    @property
    def missed(self):
        return self.target is not None and self.value > self.target

    def cells(self):
        target = "" if self.target is None else f"<= {self.target:,g}"
        verdict = "" if self.target is None else ("MISSED" if self.missed else "met")
        value = f"{self.value:,.0f}" if self.value >= 100 else f"{self.value:,.2f}".rstrip("0").rstrip(".")
        return [self.name, f"{value} {self.unit}".strip(), target, verdict, self.peers]


HEAD = ["figure", "measured", "target", "", "peers"]


def table(rows):
    cells = [HEAD] + [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEAD))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in cells)


def markdown(rows):
    lines = ["| " + " | ".join(line) + " |" for line in [HEAD] + [row.cells() for row in rows]]
    lines.insert(1, "|" + "---|" * len(HEAD))
    head = "# Figures\n\nMade by `make bench`, which prints it too (`scripts/bench --help`).\n\n"
    return head + "\n".join(lines) + "\n"


def machine(*arguments, timeout=600):
    """Runs scripts/run and returns what the console said."""
    command = [str(ROOT / "scripts/run"), "--accel", "tcg", "--timeout", str(timeout), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False,
                            stdin=subprocess.DEVNULL, env={**os.environ, "CAISSON_BUILT": "1"})
    return result.returncode, result.stdout.replace("\r", "")


def need(pattern, text, what):
    match = re.search(pattern, text, re.MULTILINE)
    if not match:
        raise SystemExit(f"bench: no {what} in the console's text:\n{text[-3000:]}")
    return match


# Instructions for one round trip, by micro-guests: target, peers.
PATHS = {
    "cpuid": (600, "KVM 6.1 3,187; 6.12 3,317; Xen 6,184"),
    "hypercall": (500, ""),
    "port": (425, "KVM 6.1 1,703; 6.12 1,708; Xen 1,175"),
    "eoi": (900, "KVM 6.1 3,739"),
    "self_ipi": (2500, "KVM 6.1 10,192"),
    "timer": (3000, ""),
}


def paths():
    rows = []
    for name, (target, peers) in PATHS.items():
        _, text = machine("--icount", "--memory", "512M", "--kernel", str(BUILD / f"guest/bench_{name}.elf"))
        count = need(rf"bench {name} (\d+)", text, f"line 'bench {name} N'")
        rows.append(Figure(f"{name.replace('_', '-')} round trip", int(count.group(1)), "instructions", target, peers))
    return rows


def script(text):
    """A kernel command line that makes the control guest run text and power off."""
    return ("console=ttyS0,115200 caisson.poweroff caisson.run="
            + base64.b64encode(text.encode()).decode())


def entry_milliseconds(cpus, icount):
    _, text = machine("--cpus", str(cpus), *(["--icount"] if icount else []), "--memory", "512M",
                      "--kernel", str(BUILD / "guest/hypercall.elf"))
    return int(need(r"first guest entry (\d+) us after", text, "line of the first guest entry").group(1)) / 1000


def boot():
    one = entry_milliseconds(1, True)
    ready = 'dmesg | grep -m1 "Run /init"'
    stamp = r"\[\s*(\d+\.\d+)\].*Run /init"
    seconds = []
    for extra in ([], ["--no-hypervisor"]):
        _, text = machine("--icount", *extra, "--cmdline", script(ready), timeout=900)
        seconds.append(float(need(stamp, text.split("caisson-begin")[-1], "kernel line 'Run /init'").group(1)))
    ratio = (seconds[0] + one / 1000) / seconds[1]
    return [Figure("hypervisor entry to first guest instruction, 1 CPU", one, "ms virtual", 100, "Xen: seconds"),
            Figure("Debian to userspace by the kernel's clock, bare", seconds[1], "s virtual"),
            Figure("Debian to userspace by the kernel's clock, entry added, on Caisson", seconds[0] + one / 1000,
                   "s virtual"),
            Figure("Debian to userspace, ratio", ratio, "", 1.15)]


def memory():
    rows = []
    for size, cpus in (("512M", 1), ("2G", 2), ("6G", 4)):
        _, text = machine("--memory", size, "--cpus", str(cpus), "--kernel", str(BUILD / "guest/hypercall.elf"))
        match = need(r"memory withheld from the guests: (\d+) KiB of (\d+) MiB; (.*)", text,
                     "line of the memory withheld")
        kib, ram = int(match.group(1)), int(match.group(2)) * 1024
        target = (8192 + 64 * cpus + ram * 0.004) / 1024
        rows.append(Figure(f"memory withheld, {size}, {cpus} CPUs", kib / 1024, "MiB", round(target, 2),
                           "Xen 4.17 23 MiB at 2G" if size == "2G" else ""))
        rows[-1].peers += ("; " if rows[-1].peers else "") + match.group(3)
    return rows


def code_lines(path):
    """Lines that are neither blank nor comment alone."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    return sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith((";", "//")))


def size():
    directories = ["boot", "core", "mm", "arch/x86", "drivers"]
    rows, total = [], 0
    for name in directories:
        files = [f for kind in ("*.c", "*.h", "*.asm") for f in (ROOT / name).rglob(kind)]
        lines = sum(code_lines(f) for f in files)
        total += lines
        rows.append(Figure(f"lines of code, {name}/", lines, ""))
    rows.append(Figure("lines of code, hypervisor", total, "", 15000, "NOVA 14.0k; Jailhouse 11.4k; Xen/x86 290k"))
    report = subprocess.run(["size", "-B", str(BUILD / "caisson.elf")], capture_output=True, text=True, check=True)
    text, data, bss = (int(word) for word in report.stdout.splitlines()[1].split()[:3])
    rows.append(Figure("image: text and read-only data", text / 1024, "KiB"))
    rows.append(Figure("image: data and bss", (data + bss) / 1024, "KiB"))
    return rows


GROUPS = {"paths": paths, "boot": boot, "memory": memory, "size": size}
