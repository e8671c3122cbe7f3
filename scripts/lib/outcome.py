# SPDX-License-Identifier: GPL-2.0-only
"""How a machine ended, learnt from its console, from QMP and from the emulator's exit status."""
import re

POWERED_OFF, PANICKED, USAGE, REFUSED, RESET, VERDICT, TIME_LIMIT = 0, 1, 2, 3, 4, 64, 124

STAMP = r"^(?:\[[^]]*\] ?)*"
ENDS = (("refused", re.compile(STAMP + r"caisson: refused to start: ")),
        ("panic", re.compile(STAMP + r"caisson: panic: ")),
        ("power-off", re.compile(STAMP + r"caisson: machine power-off")),
        ("reset", re.compile(STAMP + r"caisson: machine reset")),
        ("loader", re.compile(r"\s*Minimal BASH-like line editing is supported")),
        ("triple-fault", re.compile(STAMP + r"caisson: (triple fault|control guest stopped)")))
VERDICT_LINE = re.compile(STAMP + r"micro-guest verdict: (\d+)")
SILENCE = 1.0  # seconds without output after which a machine that has said its last words is stopped


class Outcome:
    """Collects the evidence while the machine runs; status() weighs it."""

    def __init__(self, allow_reboot):
        self.allow_reboot = allow_reboot
        self.marker = None   # the last of ENDS on the console
        self.verdict = None  # a micro-guest's, on the console
        self.reason = None   # of QMP's SHUTDOWN
        self.partial = b""

    def console(self, data):
        """Looks for markers at the starts of lines."""
        *lines, self.partial = (self.partial + data).split(b"\n")
        self.partial = self.partial[-4096:]
        for line in lines:
            self._line(line)

    def _line(self, raw):
        line = raw.decode(errors="replace").strip("\r")
        for name, pattern in ENDS:
            if pattern.match(line):
                self.marker = name
        match = VERDICT_LINE.match(line)
        if match:
            self.verdict = int(match.group(1))

    def reset(self):
        """The machine went through a reset and runs on."""
        self.marker = None

    def is_final(self):
        """Whether the console has said something after which nothing more will come."""
        if self.marker in ("reset", "triple-fault"):
            return not self.allow_reboot
        return self.marker in ("refused", "panic", "power-off", "loader")

    def status(self, exit_code):
        """The exit status of scripts/run for a machine whose emulator ended by itself or was stopped."""
        self._line(self.partial)  # the end may come before the last line's
        if self.marker == "reset" and self.reason == "guest-shutdown":
            self.marker = None  # an earlier reset's: only QMP tells of the boot after it
        if self.marker == "refused":
            return REFUSED
        if self.marker == "panic":
            return PANICKED
        if self.marker == "loader":
            return USAGE
        if exit_code is not None and exit_code > 0 and exit_code % 2 and (self.reason or exit_code > 1):
            return VERDICT + (exit_code >> 1)
        if self.verdict is not None:
            return VERDICT + self.verdict
        if self.marker in ("reset", "triple-fault") or self.reason in ("guest-reset", "triple-fault"):
            return RESET
        if self.marker == "power-off" or self.reason == "guest-shutdown":
            return POWERED_OFF
        return USAGE
