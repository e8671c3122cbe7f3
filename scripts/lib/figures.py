# SPDX-License-Identifier: GPL-2.0-only
"""What `make bench` measures: groups of figures, each with its target and its peers."""
import base64
import dataclasses
import os
import re
import subprocess
import time

from .common import BUILD, ROOT


@dataclasses.dataclass
class Figure:
    """One line of the table. target None: printed without one; it is a bound from above unless more is better."""
    name: str
    value: float
    unit: str
    target: float = None
    peers: str = ""
    more_is_better: bool = False

    @property
    def missed(self):
        if self.target is None:
            return False
        return self.value < self.target if self.more_is_better else self.value > self.target

    def cells(self):
        target = "" if self.target is None else f"{'>=' if self.more_is_better else '<='} {self.target:,g}"
        verdict = "" if self.target is None else ("MISSED" if self.missed else "met")
        digits = 0 if self.value >= 100 else 2 if self.unit else 3  # ratios have no unit
        value = f"{self.value:,.{digits}f}"
        value = value.rstrip("0").rstrip(".") if digits else value
        return [self.name, f"{value} {self.unit}".strip(), target, verdict, self.peers]


HEAD = ["figure", "measured", "target", "", "peers"]


NOTES = """
What the table does not say:

* Virtual time is the processor's counter in QEMU with `--icount`: a nanosecond an instruction, and nothing else counts.
  One CPU gives the same figures again, within a hundredth.
* Round trips on VT-x are measured on Bochs, whose counter counts instructions like QEMU's. Those of SVM beside them are
  the same micro-guests'. In 1 of 16 exits Caisson looks for interrupts that only Bochs holds back, which is in there.
* Debian is measured from outside of its own clocks, which start late and not at the same point with a hypervisor as
  without: its script reads the counter itself, which runs since power-on and which Caisson does not shift. Userspace is
  the first line of that script, with the modules of the initial RAM disk loaded. "Without firmware and GRUB" counts
  both from the tick at which Caisson is entered; GRUB has less to load without it, so this favours the bare machine.
* Message interrupts are timed from the store that makes the device send one, through the micro-guest's own stub; the
  round adds the EOI, and for edu and xHCI a write to the device. Devices of the machine send at once, within the store.
* KVM's figures of them are the same micro-guest's on the same machine in the same run. Passed through is VFIO: as on
  Caisson, the store reaches the machine's device without an exit; these come out again within a hundredth. Emulated are
  the devices of a QEMU inside of the machine, within three. Its virtio disk is told by an eventfd, for which QEMU's
  main thread must first get the machine's one CPU, within five; "without eventfd" the vCPU's own thread does the work.
* Disks are of zeros and take no virtual time (null-co). QEMU's other threads answer, and how long that takes is the
  host's: therefore a process at the lowest priority keeps Debian's CPU from idling and counts its own ticks, and what
  is shown is the rest, which comes out again within half a hundredth. So it is the throughput of a CPU that is busy.
  One that has nothing else to do adds an exit for HLT to each wait, in time that nobody uses.
* Read one at a time, each read has an interrupt of its own, the most that there can be: an exit, an entry with it and
  an exit for its EOI: 1,800 to 2,000 instructions next to 15,500 of Debian's. The 32 are submitted by one io_submit()
  and share interrupts. The buffer is one huge page: with others the costs
  differ by a quarter, by where in memory they lie.
* Exits for disks include the timer's, and the few of the console between two samples (port).
* Each added CPU is measured twice; QEMU's one thread runs the CPUs in turn, so what they do at the same time counts one
  after the other. By instructions (`--icount`), QEMU seems to charge a halted CPU that takes its INIT with all of its
  turn, up to milliseconds: a bound from above, which comes out again and therefore has the target. The host's clock
  counts the emulator's work too, and what else the host has to do.
* This host's clock says how long a person waits, the best of two runs each; most of it is the emulator's work. Where
  the host had other work too, an added CPU can even seem to cost less than nothing.
* The memory withheld is what the hypervisor's log says at boot (`memory withheld from the guests`), by owner there.
"""


def table(rows):
    cells = [HEAD] + [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEAD))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in cells)


def markdown(rows):
    lines = ["| " + " | ".join(line) + " |" for line in [HEAD] + [row.cells() for row in rows]]
    lines.insert(1, "|" + "---|" * len(HEAD))
    head = "# Figures\n\nMade by `make bench`, which prints it too (`scripts/bench --help`).\n\n"
    return head + "\n".join(lines) + "\n" + NOTES


def machine(*arguments, timeout=600, until=None, asked=None, answer=b""):
    """Runs scripts/run. Returns what the console said, and the seconds from its first word to the word until.
    Whenever the console says asked, the answer is typed."""
    command = [str(ROOT / "scripts/run"), "--accel", "tcg", "--timeout", str(timeout), *arguments]
    said, first, seconds, answered = b"", None, None, 0
    with subprocess.Popen(command, stdin=subprocess.PIPE if asked else subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, env={**os.environ, "CAISSON_BUILT": "1"}) as process:
        while data := process.stdout.read1(65536):
            said += data
            first = first or time.monotonic()
            if until and seconds is None and until in said:
                seconds = time.monotonic() - first
            while asked and said.count(asked) > answered:
                answered += 1
                process.stdin.write(answer)
                process.stdin.flush()
    return said.decode(errors="replace").replace("\r", ""), seconds


def need(pattern, text, what):
    match = re.search(pattern, text, re.MULTILINE)
    if not match:
        raise SystemExit(f"bench: no {what} in the console's text:\n{text[-3000:]}")
    return match


def initrd(name):
    path = BUILD / name / "initrd.img"
    if not path.exists():
        raise SystemExit(f"bench: {path} is missing: run make {path.relative_to(ROOT)}")
    return str(path)


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
        count = bench_count(name, "--icount", "--memory", "512M")
        rows.append(Figure(f"{name.replace('_', '-')} round trip", count, "instructions", target, peers))
    return rows


# On Bochs, whose counter counts instructions too: exits, entries and their checks are free there as in QEMU.
VMX_PATHS = {"cpuid": 600, "hypercall": None, "port": None, "eoi": None, "self_ipi": None,
             "x2apic_eoi": None, "x2apic_self_ipi": None}


def bench_count(name, *arguments):
    text, _ = machine(*arguments, "--kernel", str(BUILD / f"guest/bench_{name}.elf"))
    return int(need(rf"bench {name} (\d+)", text, f"line 'bench {name} N'").group(1))


def vmx():
    """Round trips on VT-x, beside those on SVM."""
    rows = []
    for name, target in VMX_PATHS.items():
        ticks = bench_count(name, "--machine", "vmx", "--cpus", "1", "--memory", "256M")
        amd = bench_count(name, "--icount", "--memory", "512M")
        rows.append(Figure(f"{name.replace('_', '-')} round trip, VT-x", ticks, "instructions", target,
                           f"SVM {amd:,}"))
    return rows


# The sources of tests/guest/bench_msi, and what of each it measures.
MESSAGES = {"msi": "MSI of edu", "msix": "MSI-X of xHCI", "virtio": "MSI-X of virtio"}
MESSAGE_ENDS = {"entry": " to the guest's handler", "round": ", to behind the EOI"}
# Its devices, in the slots where tests/bench/kvm finds them. The disk answers within the store, as the others do.
MESSAGE_DEVICES = ("-device", "edu,addr=0x10", "-device", "qemu-xhci,addr=0x11", "-blockdev", "null-co,node-name=none",
                   "-device", "virtio-blk-pci,addr=0x12,disable-legacy=on,iommu_platform=on,ioeventfd=off,drive=none")


def message_counts(text):
    """Instructions by source and end."""
    return {(source, end): int(need(rf"^bench {source}_{end} (\d+)$", text, f"line 'bench {source}_{end} N'").group(1))
            for source in MESSAGES for end in MESSAGE_ENDS}


def kvm_counts(said):
    """The same of KVM's guests, by the way in which they have the devices; the last try of each counts."""
    need(r"^caisson-end 0$", said, "good end of tests/bench/kvm")
    parts = re.split(r"^kvm-guest (\S+)$", said, flags=re.MULTILINE)
    return {way: message_counts(text) for way, text in dict(zip(parts[1::2], parts[2::2])).items()}


def kvm_messages():
    """KVM's version, and what the same micro-guest says inside of it: tests/bench/kvm."""
    said, _ = machine("--icount", "--no-hypervisor", "--memory", "1G", "--kernel", str(BUILD / "bench-kvm/vmlinuz"),
                      "--initrd", initrd("bench-kvm"), "--cmdline",
                      script("sh /tests/bench/kvm") + " quiet intel_iommu=on", "--", "-machine", "kernel-irqchip=split",
                      "-device", "intel-iommu,intremap=on", *MESSAGE_DEVICES)
    return need(r"Debian's Linux (\d+\.\d+)", said, "version of Linux").group(1), kvm_counts(said)


def kvm_peers(kvm, source, end):
    """Of the two ways in which KVM's guest has emulated devices, only virtio sees a difference."""
    through, eventfd, thread = (f"{kvm[way][source, end]:,}" for way in ("passed-through", "eventfd", "vcpu-thread"))
    without = f" ({thread} without eventfd)" if source == "virtio" else ""
    return f"passed through {through}, emulated {eventfd}{without}"


def messages():
    """A device's interrupt, from the store that causes it: on Caisson, on the bare machine, on KVM."""
    arguments = ("--icount", "--memory", "512M", "--kernel", str(BUILD / "guest/bench_msi.elf"))
    ours, bare = (message_counts(machine(*arguments, *extra, "--", *MESSAGE_DEVICES)[0])
                  for extra in ((), ("--no-hypervisor",)))
    version, kvm = kvm_messages()
    rows = []
    for (source, end), with_us in ours.items():
        without = bare[source, end]
        rows.append(Figure(MESSAGES[source] + MESSAGE_ENDS[end], with_us, "instructions",
                           peers=f"bare {without:,}: adds {with_us - without:,}; KVM {version} "
                                 + kvm_peers(kvm, source, end)))
    return rows


def script(text):
    """A kernel command line that makes the control guest run text and power off."""
    return ("console=ttyS0,115200 caisson.poweroff caisson.run="
            + base64.b64encode(text.encode()).decode())


MANY_CPUS = 4
TRIES = 5
READY = b"caisson-control: ready"


def entry_milliseconds(cpus, *arguments):
    """From the hypervisor's entry to the control guest's first instruction, by the log."""
    text, _ = machine("--cpus", str(cpus), *arguments, "--memory", "512M", "--kernel",
                      str(BUILD / "guest/hypercall.elf"))
    return int(need(r"first guest entry (\d+) us after", text, "line of the first guest entry").group(1)) / 1000


def cores():
    """What each added CPU adds: of instructions, all CPUs' on one count; and of this host's time, at its best."""
    one, many = (entry_milliseconds(cpus, "--icount") for cpus in (1, MANY_CPUS))
    best = [min(entry_milliseconds(cpus) for _ in range(TRIES)) for cpus in (1, MANY_CPUS)]
    name = f"each added CPU of {MANY_CPUS}"
    return [Figure("hypervisor entry to first guest instruction, 1 CPU", one, "ms virtual", 100, "Xen: seconds"),
            Figure(f"{name}, by the instructions of all", (many - one) / (MANY_CPUS - 1), "ms virtual", 10),
            Figure(f"{name}, this host's clock, best of {TRIES}", (best[1] - best[0]) / (MANY_CPUS - 1), "ms")]


# The tracer can read the processor's counter itself, which counts nanoseconds since power-on under --icount.
STAMP = """cd /sys/kernel/debug/tracing && echo x86-tsc >trace_clock && echo bench >trace_marker && grep bench trace"""


def stamp_seconds(*arguments):
    """Boots Debian; returns the counter at its script's first line in seconds, and the console's text."""
    text, _ = machine("--icount", *arguments, "--cmdline", script(STAMP), timeout=900)
    return int(need(r" (\d+): tracing_mark_write: bench", text, "line of the tracer").group(1)) / 1e9, text


def boot():
    """Debian to its first shell script. Virtual time is seen from outside of it: no clock of a kernel's is asked."""
    ours, text = stamp_seconds("--hypervisor-cmdline", "log=debug")
    entry = int(need(r"entered at tick (\d+)", text, "tick of the entry").group(1)) / 1e9
    bare, _ = stamp_seconds("--no-hypervisor")
    wall = [min(machine(*extra, "--cmdline", script("true"), until=READY)[1] for _ in range(2))
            for extra in ([], ["--no-hypervisor"])]
    return [Figure("Debian to userspace since power-on, bare", bare, "s virtual"),
            Figure("Debian to userspace since power-on, on Caisson", ours, "s virtual"),
            Figure("Debian to userspace since power-on, ratio", ours / bare, "", 1.15),
            Figure("Debian to userspace without firmware and GRUB, bare", bare - entry, "s virtual"),
            Figure("Debian to userspace without firmware and GRUB, on Caisson", ours - entry, "s virtual"),
            Figure("Debian to userspace without firmware and GRUB, ratio", (ours - entry) / (bare - entry), "", 1.15),
            Figure("GRUB to Debian's userspace, 2 CPUs, this host's clock, bare", wall[1], "s"),
            Figure("GRUB to Debian's userspace, 2 CPUs, this host's clock, on Caisson", wall[0], "s",
                   peers="Xen 4.17 14 s, bare then 1.8 s")]


# Disks of zeros, that take no time: the device in the machine, and its name in Debian.
DISKS = {"virtio-blk": ("virtio-blk-pci", "/dev/vdb"), "NVMe": ("nvme,serial=bench", "/dev/nvme1n1")}
# What tests/bench/disk.c is told: the figure's name, the bytes of a read, the reads.
READS = {"random 4096 1 4096": ("random 4 KiB, one at a time", 4096, 4096),
         "random 4096 32 16384": ("random 4 KiB, 32 at a time", 4096, 16384),
         "sequential 1048576 1 512": ("sequential 1 MiB", 1 << 20, 512)}
SAMPLE = b"disk-sample\r\n"


def read_disks(answer, *arguments):
    """What Debian's console said while all disks were read in all ways; answer: what is typed at each sample."""
    text = "stty -echo; echo 1 >/proc/sys/vm/nr_hugepages\n"
    text += "".join(f"disk {name} {words}\n" for _, name in DISKS.values() for words in READS)
    emulator = []
    for node, (device, _) in enumerate(DISKS.values()):
        emulator += ["-blockdev", f"null-co,node-name=bench{node},size={1 << 30},read-zeroes=on",
                     "-device", f"{device},drive=bench{node}"]
    said, _ = machine("--icount", *arguments, "--kernel", str(BUILD / "control/vmlinuz"),
                      "--initrd", initrd("bench"), "--cmdline", script(text) + " quiet",
                      "--", *emulator, asked=SAMPLE, answer=answer)
    return said


def disk_ticks(said):
    ticks = [int(number) for number in re.findall(r"^disk-ticks (\d+)$", said, re.MULTILINE)]
    if len(ticks) != len(DISKS) * len(READS):
        raise SystemExit(f"bench: not all disks were read:\n{said[-3000:]}")
    return ticks


def disk_exits(said):
    """Exits by kind during each test, from the hypervisor's statistics before and after."""
    lines = [dict(re.findall(r"(\w+) (\d+)", line)) for line in re.findall(r"exits:(.*)", said)]
    return [{kind: int(after[kind]) - int(before.get(kind, 0)) for kind in after}
            for before, after in zip(lines[::2], lines[1::2])]


def disks():
    """Reads of disks by instructions: virtual time less what the CPU had nothing to do."""
    said = read_disks(b"\x01s\n")
    ours, exits, bare = disk_ticks(said), disk_exits(said), disk_ticks(read_disks(b"\n", "--no-hypervisor"))
    rows = []
    tests = [(device, *test) for device in DISKS for test in READS.values()]
    for (device, called, size, count), with_us, without, kinds in zip(tests, ours, bare, exits):
        per_read = {kind: number / count for kind, number in kinds.items() if number / count >= 0.005}
        speed = [size * count * 1000 / ticks for ticks in (with_us, without)]
        rows += [Figure(f"{device}, {called}", speed[0], "bytes per 1,000 instructions", peers=f"bare {speed[1]:,.0f}"),
                 Figure(f"{device}, {called}, of bare", without / with_us, "", 0.9, more_is_better=True),
                 Figure(f"{device}, {called}, exits", sum(per_read.values()), "per read",
                        peers=", ".join(f"{kind} {number:.2f}" for kind, number in per_read.items()))]
    return rows


def memory():
    rows = []
    for size, cpus in (("512M", 1), ("2G", 2), ("6G", 4)):
        text, _ = machine("--memory", size, "--cpus", str(cpus), "--kernel", str(BUILD / "guest/hypercall.elf"))
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


GROUPS = {"paths": paths, "vmx": vmx, "messages": messages, "cores": cores, "boot": boot, "disks": disks,
          "memory": memory, "size": size}
