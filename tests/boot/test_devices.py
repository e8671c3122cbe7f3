# SPDX-License-Identifier: GPL-2.0-only
"""Real devices, driven by Debian's own drivers through interrupts that the hypervisor routes."""
import functools
import hashlib
import http.server
import os
import re
import threading

import pytest

import machine
from test_debian import HEALTH

pytestmark = pytest.mark.hypervisor

FILE_SIZE = 8 << 20

# Each disk gets a filesystem; what is written there is read back after it was unmounted.
DISKS = """modprobe ahci; modprobe sd_mod; modprobe virtio_scsi; modprobe ext4
modprobe usb_storage; modprobe uas; modprobe xhci_pci
for try in 1 2 3 4 5 6 7 8 9 10; do ls /sys/block | grep -q sd[c-z] && break; sleep 1; done
dd if=/dev/urandom of=/tmp/file bs=64k count=32 2>/dev/null
count=0
for disk in /sys/block/vd* /sys/block/nvme[0-9]n* /sys/block/sd*; do
	[ "$(cat $disk/ro)" = 0 ] || continue
	name=${disk##*/}
	mke2fs /dev/$name >/dev/null 2>&1 || fail "mke2fs $name"
	mount -t ext4 /dev/$name /mnt || fail "mount $name"
	cp /tmp/file /mnt/file && sync || fail "write $name"
	umount /mnt
	echo 3 >/proc/sys/vm/drop_caches
	mount -t ext4 -o ro /dev/$name /mnt || fail "mount $name again"
	cmp /tmp/file /mnt/file || fail "read $name"
	umount /mnt
	echo "disk $(readlink -f $disk | grep -oE 'nvme|usb|ata|virtio' | head -1)"
done
"""
# Each network card fetches a file from the host.
CARDS = """modprobe e1000e $e1000e; modprobe igb; sleep 1
for card in /sys/class/net/e*; do
	name=${card##*/} driver=$(basename $(readlink -f $card/device/driver))
	ip link set $name up; ip addr add 10.0.2.15/24 dev $name
	for try in 1 2 3 4 5 6 7 8 9 10; do [ "$(cat $card/carrier)" = 1 ] && break; sleep 1; done
	wget -q -O /tmp/fetched http://10.0.2.2:$port/file || fail "fetch by $driver"
	echo "card $driver $(sha256sum </tmp/fetched)"
	grep $name /proc/interrupts # gone when it is down
	ip link set $name down; ip addr flush dev $name
done
"""
END = """cat /proc/interrupts
dmesg | grep -iE 'timed? ?out|nobody cared|spurious|transmit queue|reset adapter|I/O error' && fail dmesg
exit 0
"""


def devices(directory, usb="qemu-xhci,id=usb2", cards=("e1000e", "igb")):
    """More of a server's devices, for scripts/run; virtio-blk, NVMe and virtio-net are there anyway."""
    arguments = ["-device", "virtio-scsi-pci,id=scsi", "-device", usb]
    disks = {"ata": "ide-hd,bus=ide.2", "scsi": "scsi-hd,bus=scsi.0", "stick": "usb-storage,bus=usb2.0"}
    for name, device in disks.items():
        path = directory / f"{name}.raw"
        path.write_bytes(b"")
        os.truncate(path, 32 << 20)
        arguments += ["-drive", f"if=none,id={name},format=raw,file={path}", "-device", f"{device},drive={name}"]
    for number, card in enumerate(cards):
        arguments += ["-netdev", f"user,id=card{number}", "-device", f"{card},netdev=card{number},romfile="]
    return arguments


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def file_server(tmp_path):
    """A file on a web server of this host's loopback: its port and its checksum."""
    directory = tmp_path / "www"
    directory.mkdir()
    content = os.urandom(FILE_SIZE)
    (directory / "file").write_bytes(content)
    handler = functools.partial(Quiet, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], hashlib.sha256(content).hexdigest()
        server.shutdown()


def boot(script, *arguments, extra="quiet", kernel="control-generic", timeout=240):
    directory = machine.BUILD / kernel
    result = machine.run("--kernel", directory / "vmlinuz", "--initrd", directory / "initrd.img",
                         "--cmdline", machine.control_cmdline(script, extra), *arguments, timeout=timeout)
    output, status = result.output()
    assert result.status == machine.POWERED_OFF and status == 0, result
    return output


def interrupts(output, pattern):
    """The lines of /proc/interrupts whose name matches: kind (as Linux names it) and count on each CPU."""
    found = []
    for line in output.splitlines():
        match = re.match(r"\s*\d+:((?:\s+\d+)+)\s+(\S+)\s.*?(\S+)$", line)
        if match and re.search(pattern, match.group(3)):
            found.append((match.group(2), [int(count) for count in match.group(1).split()]))
    return found


def check_devices(output, checksum):
    disks = sorted(re.findall(r"^disk (\w+)$", output, re.MULTILINE))
    assert disks == ["ata", "nvme", "usb", "virtio", "virtio"], output
    cards = dict(re.findall(r"^card (\w+) (\w+)", output, re.MULTILINE))
    assert cards == dict.fromkeys(("e1000e", "igb", "virtio_net"), checksum), output


def run_devices(tmp_path, file_server, *, setup="", usb="qemu-xhci,id=usb2", cpus=2, extra="quiet"):
    port, checksum = file_server
    script = f"port={port}\n{setup}\n" + HEALTH + DISKS + CARDS + END
    output = boot(script, "--cpus", cpus, "--boot", "cdrom", "--", *devices(tmp_path, usb), extra=extra)
    check_devices(output, checksum)
    return output


def test_devices_with_message_interrupts(tmp_path, file_server):
    """MSI-X where there is one, MSI for AHCI; queues of several CPUs interrupt there."""
    output = run_devices(tmp_path, file_server, cpus=4)
    for name in ("nvme0q", "virtio.*-req", "^e.*-(rx|TxRx)", "ahci", "xhci_hcd"):
        found = interrupts(output, name)
        assert found and all(kind == "PCI-MSI" for kind, _ in found), output
        assert sum(sum(counts) for _, counts in found) > 0, output
    by_cpu = [sum(column) for column in zip(*[counts for kind, counts in interrupts(output, "") if kind == "PCI-MSI"])]
    assert sum(count > 0 for count in by_cpu) >= 2, output


def test_devices_with_line_interrupts(tmp_path, file_server):
    """pci=nomsi: level-triggered, and shared by functions of the same pin."""
    output = run_devices(tmp_path, file_server, extra="quiet pci=nomsi")
    assert not [kind for kind, _ in interrupts(output, "") if kind == "PCI-MSI"]
    shared = [line for line in output.splitlines() if "fasteoi" in line and "," in line]
    assert shared, output


@pytest.mark.full
def test_devices_with_plain_msi(tmp_path, file_server):
    output = run_devices(tmp_path, file_server, setup="e1000e=IntMode=1", usb="qemu-xhci,id=usb2,msi=on,msix=off")
    assert interrupts(output, "ahci")[0][0] == "PCI-MSI"
