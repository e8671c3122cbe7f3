# SPDX-License-Identifier: GPL-2.0-only
"""Bochs: the Intel machine (VMX, EPT), and a second AMD one whose SVM has what TCG's lacks."""
import pathlib
import shutil

from .common import UsageError

MODELS = {"svm-bochs": "ryzen", "vmx": "corei7_haswell_4770"}

CONFIGURATION = """memory: guest={mib}, host={mib}
cpu: model={model}, count={cpus}, ips=50000000, reset_on_triple_fault={reset}, ignore_bad_msrs={lenient}
romimage: {rom}
vgaromimage: file=/usr/share/vgabios/vgabios.bin
display_library: rfb, options="timeout=0"
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: {boot_drive}
{disks}boot: {boot}
com1: enabled=1, mode=socket-client, dev=127.0.0.1:{port}
port_e9_hack: enabled=1
clock: sync=none, time0=946684800
speaker: enabled=0
sound: waveoutdrv=dummy, waveindrv=dummy
pci: enabled=1, chipset=i440fx
log: {log}
panic: action=fatal
error: action=report
"""

# What the emulator's log says of the end, and how that reads in QMP's words.
ENDINGS = (("ACPI control: soft power off", "guest-shutdown"), ("Shutdown port: shutdown requested", "guest-shutdown"),
           ("exception with no resolution", "triple-fault"), ("triple fault", "triple-fault"))


# Where the second IDE drive and those behind it are; the first is what the machine boots from.
DRIVES = ("ata0-slave", "ata1-master", "ata1-slave")
CYLINDER = 16 * 63 * 512


def _disks(paths):
    """Disks of the user's, on which what the guest writes stays."""
    if len(paths) > len(DRIVES):
        raise UsageError(f"--disk: Bochs takes {len(DRIVES)} of them")
    lines = ["ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15"] if len(paths) > 1 else []
    for drive, path in zip(DRIVES, paths):
        cylinders, rest = divmod(path.stat().st_size, CYLINDER)
        if rest or not cylinders:
            raise UsageError(f"--disk {path}: Bochs wants whole cylinders, a multiple of {CYLINDER} bytes")
        lines.append(f"{drive}: type=disk, path={path}, mode=flat, cylinders={cylinders}, heads=16, spt=63")
    return "".join(line + "\n" for line in lines)


def _boot_drive(options, image):
    """The image as an IDE disk or a CD; USB storage is more than this emulator can boot from."""
    if options.boot != "disk":
        return "cdrom", f"type=cdrom, path={image}, status=inserted"
    cylinders = -(-image.stat().st_size // CYLINDER)
    return "disk", f"type=disk, path={image}, mode=volatile, cylinders={cylinders}, heads=16, spt=63"


def command(options, image, work, port):
    """The command line of the machine; its serial console connects to a local TCP port."""
    program = shutil.which("bochs-bin")
    if program is None:
        raise UsageError("bochs-bin is missing: run scripts/deps")
    rom = "file=/usr/share/bochs/BIOS-bochs-latest, options=fastboot"
    if options.firmware == "uefi":
        rom = "file=/usr/share/ovmf/OVMF.fd, address=0xffe00000"
    # Both read registers that Bochs has not.
    lenient = options.no_hypervisor or options.firmware == "uefi"
    boot, boot_drive = _boot_drive(options, pathlib.Path(image))
    text = CONFIGURATION.format(mib=options.memory_bytes >> 20, cpus=options.cpus, rom=rom, boot=boot,
                                model=options.cpu_model or MODELS[options.machine], boot_drive=boot_drive,
                                disks=_disks(options.disk), reset=int(options.allow_reboot), lenient=int(lenient),
                                port=port, log=work / "emulator.log")
    # Further arguments are more lines; the last of a kind counts.
    (work / "bochsrc").write_text(text + "".join(line + "\n" for line in options.emulator_arguments))
    (work / "debugger").write_text("c\n")
    return [program, "-q", "-f", str(work / "bochsrc"), "-rc", str(work / "debugger")]


def ending(work):
    """How the machine ended, as far as the log tells, or None."""
    try:
        text = (work / "emulator.log").read_text(errors="replace")
    except OSError:
        return None
    return next((reason for words, reason in ENDINGS if words in text), None)
