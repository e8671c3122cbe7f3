# SPDX-License-Identifier: GPL-2.0-only
"""QEMU as an AMD server (TCG's SVM, or a host's KVM with nested virtualisation)."""
import os
import pathlib
import shutil

from .common import UsageError

OVMF = pathlib.Path("/usr/share/OVMF")
CPU_MODEL = "EPYC,check=off,+x2apic"
DEBUG_EXIT_PORT = 0xF4
DISK_SIZE = 64 << 20


def kvm_offers(machine):
    """Whether this host's KVM can give a guest the machine's virtualisation extension."""
    module = {"svm": "kvm_amd", "vmx": "kvm_intel"}[machine]
    try:
        nested = pathlib.Path(f"/sys/module/{module}/parameters/nested").read_text().strip()
    except OSError:
        return False
    return nested in ("1", "Y") and os.access("/dev/kvm", os.R_OK | os.W_OK)


def _accelerator(options):
    if options.accel == "kvm":
        return ["-accel", "kvm", "-cpu", options.cpu_model or "host"]
    model = options.cpu_model or CPU_MODEL
    if options.icount:
        return ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-cpu", model]
    return ["-accel", "tcg,thread=multi" if options.parallel else "tcg,thread=single", "-cpu", model]


def _firmware(options, work):
    if options.firmware == "bios":
        return []
    code, fresh = OVMF / "OVMF_CODE_4M.fd", OVMF / "OVMF_VARS_4M.fd"
    if not code.exists():
        raise UsageError("UEFI firmware is missing: run scripts/deps")
    variables = work / "vars.fd"  # a copy of its own: a used one makes the firmware boot something else
    shutil.copyfile(fresh, variables)
    return ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={code}",
            "-drive", f"if=pflash,format=raw,unit=1,file={variables}"]


def _boot_device(options, image):
    drive = f"if=none,id=boot,format=raw,readonly=on,file={image}"
    if options.boot == "usb":
        return ["-drive", drive, "-device", "qemu-xhci,id=usb",
                "-device", "usb-storage,bus=usb.0,drive=boot,bootindex=0"]
    if options.boot == "cdrom":
        return ["-drive", drive + ",media=cdrom", "-device", "ide-cd,bus=ide.0,drive=boot,bootindex=0"]
    # An IDE disk cannot be read-only: what it writes goes to a temporary overlay.
    return ["-drive", drive.replace("readonly=on", "snapshot=on"),
            "-device", "ide-hd,bus=ide.0,drive=boot,bootindex=0"]


def _devices(options, work):
    arguments = []
    for number, path in enumerate(options.disk, 1):  # the chipset's own AHCI; the boot medium has its first port
        arguments += ["-drive", f"if=none,id=user{number},format=raw,file={path}",
                      "-device", f"ide-hd,bus=ide.{number},drive=user{number}"]
    for name, device in (("disk", "virtio-blk-pci"), ("nvme", "nvme,serial=caisson")):
        path = work / f"{name}.raw"
        with open(path, "wb") as disk:
            disk.truncate(DISK_SIZE)
        arguments += ["-drive", f"if=none,id={name},format=raw,file={path}",
                      "-device", f"{device},drive={name}"]
    return arguments + ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="]


def command(options, image, work, qmp=None):
    """The command line of the machine; makes the files it names in the directory work."""
    program = shutil.which("qemu-system-x86_64")
    if program is None:
        raise UsageError("qemu-system-x86_64 is missing: run scripts/deps")
    arguments = [program, "-nodefaults", "-display", "none", "-machine", "q35",
                 *_accelerator(options), "-m", str(options.memory_bytes >> 20), "-smp", str(options.cpus),
                 "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
                 "-device", f"isa-debug-exit,iobase={DEBUG_EXIT_PORT:#x},iosize=4"]
    if not options.allow_reboot:
        arguments += ["-no-reboot"]
    if qmp:
        arguments += ["-chardev", f"socket,id=qmp,path={qmp},server=off", "-mon", "chardev=qmp,mode=control", "-S"]
    arguments += _firmware(options, work) + _boot_device(options, image) + _devices(options, work)
    return arguments + options.emulator_arguments
