# SPDX-License-Identifier: GPL-2.0-only
"""A machine with somebody at its console and at QEMU's monitor."""
import json
import pathlib
import socket
import tempfile

import machine


class Monitored(machine.Terminal):
    """Its arguments are those of scripts/run, without any for the emulator."""

    def __init__(self, *arguments, **more):
        self.directory = tempfile.TemporaryDirectory(prefix="caisson-qmp-")
        self.path = pathlib.Path(self.directory.name) / "qmp"
        self.monitor = None
        super().__init__(*arguments, "--", "-qmp", f"unix:{self.path},server=on,wait=off", **more)

    def __exit__(self, *details):
        super().__exit__(*details)
        if self.monitor:
            self.monitor.close()
        self.directory.cleanup()

    def qmp(self, command, **arguments):
        """One command of QMP and its answer. The machine has said something before the first one."""
        if self.monitor is None:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(self.path))
                self.monitor = connection.makefile("rw")
            self.qmp("qmp_capabilities")
        self.monitor.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.monitor.flush()
        while True:
            answer = json.loads(self.monitor.readline())
            if not {"return", "error"}.isdisjoint(answer):
                assert "return" in answer, answer
                return answer["return"]

    def hmp(self, line):
        """One line of the monitor for people."""
        return self.qmp("human-monitor-command", **{"command-line": line})
