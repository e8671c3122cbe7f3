# SPDX-License-Identifier: GPL-2.0-only
"""Interrupts of devices under load and change: affinity, moved BARs, hotplug, virtual functions, a stuck line."""
import hashlib
import json
import os
import re
import socket

import pytest

import machine
from test_debian import HEALTH
from test_devices import END, boot, file_server, interrupts  # noqa: F401  (a fixture)

pytestmark = pytest.mark.hypervisor

# Two disks and a network card work until /tmp/stop is there.
LOAD = """load() {
	while [ ! -e /tmp/stop ]; do
		dd if=$1 of=/dev/null bs=64k count=64 iflag=direct 2>/dev/null || touch /tmp/failed
	done
}
fetch() {
	while [ ! -e /tmp/stop ]; do wget -q -O - http://10.0.2.2:$port/file >/dev/null || touch /tmp/failed; done
}
ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0 2>/dev/null
for name in /sys/class/net/e*; do ip link set ${name##*/} up; ip addr add 10.0.2.15/24 dev ${name##*/}; done
load /dev/vda & load /dev/nvme0n1 & fetch &
"""
ROTATE = """done=0 n=0
irqs=$(sed -n 's/^ *\\([0-9]*\\):.*MSI.*/\\1/p' /proc/interrupts)
while [ $n -lt $rounds ]; do
	for irq in $irqs; do
		echo $((n % 4)) >/proc/irq/$irq/smp_affinity_list 2>/dev/null && done=$((done + 1))
	done
	n=$((n + 1))
done
touch /tmp/stop; wait
[ -e /tmp/failed ] && fail load
echo "rotated $done"
"""


def rotate(port, rounds):
    script = f"port={port} rounds={rounds}\n" + HEALTH + LOAD + ROTATE + END
    output = boot(script, "--cpus", 4, kernel="control", timeout=400)
    assert int(re.search(r"rotated (\d+)", output).group(1)) >= 2 * rounds, output  # virtio-net's queues at least
    queue = next(line for line in output.splitlines() if "virtio" in line and "input" in line)
    assert sum(int(count) > 0 for count in queue.split()[1:5]) == 4, output


def test_affinity_rotates_under_load(file_server):  # noqa: F811
    rotate(file_server[0], 60)


@pytest.mark.full
def test_affinity_rotates_1000_times_under_load(file_server):  # noqa: F811
    rotate(file_server[0], 1000)


@pytest.mark.full
def test_managed_queues_follow_their_cpus(file_server):  # noqa: F811
    """NVMe's queues belong to CPUs: those that go offline take theirs along, under load."""
    script = f"port={file_server[0]}\n" + HEALTH + LOAD + """for round in 1 2 3 4 5 6 7 8 9 10; do
	for cpu in 1 2 3; do echo 0 >/sys/devices/system/cpu/cpu$cpu/online || fail offline; done
	for cpu in 3 1 2; do echo 1 >/sys/devices/system/cpu/cpu$cpu/online || fail online; done
done
touch /tmp/stop; wait
[ -e /tmp/failed ] && fail load
""" + END
    boot(script, "--cpus", 4, kernel="control", timeout=400)


# The function's BAR is moved while no driver has it, but decodes; then it is removed and found again, for which the
# kernel chooses a place of its own.
MOVE = """cd /sys/bus/pci/devices
nvme=$(basename $(readlink -f /sys/class/nvme/nvme0/device))
old=$(sed -n '1s/ .*//p' $nvme/resource)
for base in 301 302; do # C1000000 and so on
	echo $nvme >/sys/bus/pci/drivers/nvme/unbind
	printf '\\004\\000\\000\\'$base'\\000\\000\\000\\000' | dd of=$nvme/config bs=8 seek=2 conv=notrunc 2>/dev/null
	echo 1 >$nvme/remove
	echo 1 >/sys/bus/pci/rescan
	for try in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/nvme0n1 ] && break; sleep 1; done
	new=$(sed -n '1s/ .*//p' $nvme/resource)
	dmesg | grep -q "BAR 0.*0xc[12]000000" || fail "not moved"
	dd if=/dev/urandom of=/tmp/a bs=64k count=16 2>/dev/null
	dd if=/tmp/a of=/dev/nvme0n1 bs=64k oflag=direct 2>/dev/null || fail "write at $new"
	dd if=/dev/nvme0n1 bs=64k count=16 iflag=direct 2>/dev/null | cmp - /tmp/a || fail "read at $new"
	echo "moved $old $new"
	old=$new
done
"""


def test_bars_move_with_their_tables():
    output = boot(HEALTH + MOVE + END, kernel="control")
    moves = re.findall(r"^moved (\w+) (\w+)$", output, re.MULTILINE)
    assert len(moves) == 2 and moves[0][0] != moves[0][1], output


def test_disk_with_2048_entries_in_its_table(tmp_path):
    """MSI-X is switched on in 64 exits."""
    disk, content = tmp_path / "disk.raw", os.urandom(1 << 20)
    disk.write_bytes(content)
    output = boot(HEALTH + "sha256sum /dev/vdb\n" + END, "--", "-drive",
                  f"if=none,id=many,format=raw,file={disk}", "-device", "virtio-blk-pci,drive=many,vectors=2048",
                  kernel="control")
    assert hashlib.sha256(content).hexdigest() in output, output
    assert sum(sum(counts) for _, counts in interrupts(output, r"virtio2-req\.")) > 0, output


class Monitor:
    """QEMU's monitor protocol on a socket of its own."""

    def __init__(self, path):
        self.arguments = ["-qmp", f"unix:{path},server=on,wait=off"]
        self.path, self.stream = str(path), None

    def execute(self, command, **arguments):
        if self.stream is None:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(self.path)
            self.stream = connection.makefile("rw")
            self.stream.readline()
            self.execute("qmp_capabilities")
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            if "return" in answer:
                return answer["return"]
            assert "error" not in answer, answer


HOTPLUG = HEALTH + """echo "now: add"
for round in 1 2 3; do
	for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -b /dev/nvme1n1 ] && break; sleep 1; done
	dd if=/dev/urandom of=/tmp/a bs=64k count=16 2>/dev/null
	dd if=/tmp/a of=/dev/nvme1n1 bs=64k oflag=direct 2>/dev/null || fail "write $round"
	dd if=/dev/nvme1n1 bs=64k count=16 iflag=direct 2>/dev/null | cmp - /tmp/a || fail "read $round"
	grep nvme1 /proc/interrupts
	echo "now: remove"
	for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -b /dev/nvme1n1 ] || break; sleep 1; done
	[ -b /dev/nvme1n1 ] && fail "remove $round"
	echo "now: add"
done
""" + END


def test_functions_come_and_go_by_hotplug(tmp_path):
    (tmp_path / "disk.raw").write_bytes(bytes(4 << 20))
    monitor = Monitor(tmp_path / "qmp2")
    arguments = ["--cmdline", machine.control_cmdline(HOTPLUG), "--boot", "cdrom", "--", *monitor.arguments,
                 "-device", "pcie-root-port,id=slot7,slot=7"]
    with machine.Terminal(*arguments, timeout=200) as terminal:
        for _ in range(3):
            terminal.expect("^now: add$")
            monitor.execute("blockdev-add", driver="file", filename=str(tmp_path / "disk.raw"), **{"node-name": "more"})
            monitor.execute("device_add", driver="nvme", id="more", serial="more", bus="slot7", drive="more")
            terminal.expect("PCI-MSI.*nvme1")
            terminal.expect("^now: remove$")
            monitor.execute("device_del", id="more")
            while True:
                event = json.loads(monitor.stream.readline())
                if event.get("event") == "DEVICE_DELETED" and event["data"].get("device") == "more":
                    break
            monitor.execute("blockdev-del", **{"node-name": "more"})
        terminal.expect("^caisson-end 0$")
        assert terminal.finish() == machine.POWERED_OFF


VIRTUAL = """modprobe igb; sleep 1
igb=$(basename $(readlink -f /sys/bus/pci/drivers/igb/0000*))
set -- /sys/bus/pci/devices/$igb/net/*
echo 2 >/sys/bus/pci/devices/$igb/sriov_numvfs || fail numvfs
ip link set ${1##*/} up; sleep 3 # it resets itself
modprobe igbvf; sleep 1
for function in /sys/bus/pci/drivers/igbvf/0000*; do
	set -- $function/net/*; name=${1##*/}
	ip link set $name up; ip addr add 10.0.2.15/24 dev $name
	for try in 1 2 3 4 5 6 7 8 9 10; do [ "$(cat /sys/class/net/$name/carrier)" = 1 ] && break; sleep 1; done
	wget -q -O /tmp/fetched http://10.0.2.2:$port/file || fail "fetch by $name"
	echo "virtual $(sha256sum </tmp/fetched)"
	grep $name /proc/interrupts
	ip link set $name down; ip addr flush dev $name
done
echo 0 >/sys/bus/pci/devices/$igb/sriov_numvfs || fail "no virtual functions"
"""


@pytest.mark.full
def test_virtual_functions_have_message_interrupts(file_server):  # noqa: F811
    port, checksum = file_server
    output = boot(f"port={port}\n" + HEALTH + VIRTUAL + END, "--boot", "cdrom", "--", "-netdev", "user,id=card",
                  "-device", "igb,netdev=card,romfile=", "-global", "q35-pcihost.pci-hole64-size=0")
    assert re.findall(r"^virtual (\w+)", output, re.MULTILINE) == [checksum] * 2, output
    assert len(re.findall(r"PCI-MSI.*eth[2-9]-rx-0$", output, re.MULTILINE)) == 2, output


# QEMU's edu device raises the line that it shares with a card, and has no driver. The CPU that takes it has its hands
# full until the kernel gives up on the line; the other one, and its disks, go on.
STUCK = """edu=/sys/bus/pci/devices/0000:00:0f.0
echo 1 >$edu/enable
irq=$(cat $edu/irq)
grep "^ *$irq:.*virtio" /proc/interrupts || fail "shared $irq"
for one in /proc/irq/[0-9]*; do echo 1 >$one/smp_affinity_list 2>/dev/null; done
echo 0 >/proc/irq/$irq/smp_affinity_list
at=$(sed -n '1s/ .*//p' $edu/resource)
taskset -p 2 $$ >/dev/null
count() { sed -n "s/^ *$irq: *\\([0-9]*\\).*/\\1/p" /proc/interrupts; }
before=$(count)
devmem $((at + 0x60)) 32 1
dd if=/dev/urandom of=/tmp/a bs=64k count=16 2>/dev/null
for disk in /dev/nvme0n1 /dev/vda; do
	dd if=/tmp/a of=$disk bs=64k oflag=direct 2>/dev/null || fail "write $disk"
	dd if=$disk bs=64k count=16 iflag=direct 2>/dev/null | cmp - /tmp/a || fail "read $disk"
done
echo "stuck $(($(count) - before))"
devmem $((at + 0x64)) 32 1
exit 0
"""


def test_line_that_sticks_starves_nobody():
    output = boot(HEALTH + STUCK, "--boot", "cdrom", "--", "-device", "edu,addr=0f.0",
                  kernel="control", extra="quiet pci=nomsi")
    assert int(re.search(r"^stuck (\d+)$", output, re.MULTILINE).group(1)) > 100, output


# Its timers may send any message to any CPU: nothing of it is read or written, with a table of it or without.
HPET = """devmem 0xfed00100 32 0xffffffff
echo "hpet $(devmem 0xfed00000 32) $(devmem 0xfed00100 32)"
exit 0
"""


def test_hpet_is_withheld():
    output = boot(HPET, "--boot", "cdrom", kernel="control")
    assert "hpet 0xFFFFFFFF 0xFFFFFFFF\n" in output, output
