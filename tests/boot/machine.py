# SPDX-License-Identifier: GPL-2.0-only
"""Runs machines for the tests, through the same scripts/run that people use."""
import base64
import gzip
import os
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
POWERED_OFF, PANICKED, USAGE, REFUSED, RESET, VERDICT, TIME_LIMIT = 0, 1, 2, 3, 4, 64, 124
ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]|\x1bc")


class Result(str):
    """What a machine said and how it ended. As text it is the story that a failed assertion tells."""

    def __new__(cls, command, status, console, errors):
        text = ESCAPES.sub("", console.replace("\r", ""))
        tail = "\n".join(text.splitlines()[-60:])
        result = super().__new__(cls, f"{' '.join(command)}\nstatus {status}\n{errors[-2000:]}\n"
                                      f"--- console ---\n{tail}")
        result.status, result.console, result.errors = status, text, errors
        return result

    def lines(self, pattern):
        """The console's lines that match."""
        return [line for line in self.console.splitlines() if re.search(pattern, line)]

    def output(self):
        """What a script given by control_script() printed, or None, and its exit status."""
        match = re.search(r"^caisson-begin\n(.*?)^caisson-end (\d+)$", self.console, re.DOTALL | re.MULTILINE)
        return (match.group(1), int(match.group(2))) if match else (None, None)


def control_cmdline(script="", extra="quiet"):
    """A kernel command line on which the control guest runs a shell script and powers off."""
    words = ["console=ttyS0,115200", extra]
    if script:
        words.append("caisson.rungz=" + base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode())
    return " ".join(words + ["caisson.poweroff"])


def run(*arguments, timeout=60, machine="svm", stdin=None):
    """Runs scripts/run to its end. The time limit is the machine's, and an answer like any other."""
    command = [str(ROOT / "scripts/run"), "--accel", "tcg", "--machine", machine, "--timeout", str(timeout),
               *[str(one) for one in arguments]]
    done = subprocess.run(command, input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                          capture_output=True, timeout=timeout + 60, check=False,
                          env={**os.environ, "CAISSON_BUILT": "1"})
    shown = [str(pathlib.Path(command[0]).relative_to(ROOT)), *command[1:]]
    return Result(shown, done.returncode, done.stdout.decode(errors="replace"),
                  done.stderr.decode(errors="replace"))


class Terminal:
    """A machine with somebody at its console: waits for words, types."""

    def __init__(self, *arguments, timeout=90, machine="svm"):
        command = [str(ROOT / "scripts/run"), "--accel", "tcg", "--machine", machine, "--timeout", str(timeout),
                   *[str(one) for one in arguments]]
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, env={**os.environ, "CAISSON_BUILT": "1"})
        self.seen, self.at = "", 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()
        self.errors.close()

    def ending(self):
        """How scripts/run ended, and its last words about the emulator."""
        status = self.process.wait()
        self.errors.seek(0)
        return f"status {status}\n{self.errors.read().decode(errors='replace')[-2000:]}"

    def expect(self, pattern):
        """Waits for the pattern behind what was found last; returns the match. The run's time limit is ours."""
        while True:
            match = re.compile(pattern, re.MULTILINE).search(self.seen, self.at)
            if match:
                self.at = match.end()
                return match
            data = self.process.stdout.read1(4096)
            assert data, f"the machine ended before '{pattern}':\n{self.seen[-4000:]}\n{self.ending()}"
            self.seen += ESCAPES.sub("", data.decode(errors="replace").replace("\r", ""))

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def finish(self):
        """Waits for the end and returns the exit status."""
        self.seen += self.process.stdout.read().decode(errors="replace").replace("\r", "")
        return self.process.wait()
