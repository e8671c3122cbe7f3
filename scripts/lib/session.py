# SPDX-License-Identifier: GPL-2.0-only
"""Runs one emulator: relays its console, follows QMP, ends it, and lets nothing outlive us."""
import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import termios
import time
import tty

from .outcome import SILENCE, TIME_LIMIT, USAGE

LEAVE = b"\x1d"  # Ctrl-]: Ctrl-A belongs to the hypervisor's console menu
LEFT = 130
PR_SET_PDEATHSIG = 1


def _child(core):
    """What the emulator's process does first: it dies with us, and stays on its core if it has one."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if core is not None:
        os.sched_setaffinity(0, {core})


class Terminal:
    """Our terminal in raw mode while a person sits at it."""

    def __init__(self):
        self.saved = termios.tcgetattr(0) if sys.stdin.isatty() else None
        if self.saved:
            tty.setraw(0)

    def restore(self):
        if self.saved:
            termios.tcsetattr(0, termios.TCSADRAIN, self.saved)


class Session:
    """One run of a machine. The console is the emulator's stdio, or a socket that it connects to."""

    def __init__(self, options, outcome, work):
        self.options, self.outcome, self.work = options, outcome, work
        self.selector = selectors.DefaultSelector()
        self.process = None
        self.console_in = self.console_out = None
        self.pending = b""
        self.qmp, self.qmp_text = None, b""
        self.last_output = time.monotonic()
        self.left = False

    def listen_qmp(self, path):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(1)
        self.selector.register(listener, selectors.EVENT_READ, self._accept_qmp)

    def listen_console(self):
        """A local TCP port for the console; returns its number."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.selector.register(listener, selectors.EVENT_READ, self._accept_console)
        return listener.getsockname()[1]

    def start(self, command, console_is_stdio, core=None):
        log = open(self.work / "emulator.err", "wb")
        pipe = subprocess.PIPE if console_is_stdio else subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, cwd=self.work,
                                        preexec_fn=lambda: _child(core))
        self.selector.register(os.pidfd_open(self.process.pid), selectors.EVENT_READ, self._process_ended)
        if console_is_stdio:
            self._console(self.process.stdout.fileno(), self.process.stdin.fileno())
        try:
            self.selector.register(0, selectors.EVENT_READ, self._our_input)
        except (PermissionError, ValueError):
            pass  # standard input is a file or closed: nothing to wait for
        if not sys.stdin.isatty() and not self._is_waitable(0):
            self.pending += sys.stdin.buffer.read()

    @staticmethod
    def _is_waitable(descriptor):
        try:
            selectors.EpollSelector().register(descriptor, selectors.EVENT_READ)
        except (PermissionError, ValueError, OSError):
            return False
        return True

    def _console(self, out, into):
        self.console_out, self.console_in = out, into
        os.set_blocking(out, False)
        os.set_blocking(into, False)
        self.selector.register(out, selectors.EVENT_READ, self._output)

    def _accept_console(self, listener):
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.unregister(listener)
        listener.close()
        self.console_socket = connection
        self._console(connection.fileno(), connection.fileno())

    def _accept_qmp(self, listener):
        self.qmp, _ = listener.accept()
        self.selector.unregister(listener)
        listener.close()
        self.selector.register(self.qmp, selectors.EVENT_READ, self._qmp_input)

    def _qmp_send(self, *names):
        self.qmp.sendall(b"".join(json.dumps({"execute": name}).encode() + b"\n" for name in names))

    def _qmp_input(self, connection):
        try:
            data = connection.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(connection)
            return
        *lines, self.qmp_text = (self.qmp_text + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "QMP" in message:
                self._qmp_send("qmp_capabilities", "cont")
            elif message.get("event") == "SHUTDOWN":
                self.outcome.reason = message["data"]["reason"]
            elif message.get("event") == "RESET" and message["data"]["guest"]:
                self.outcome.reset()

    def _output(self, _):
        try:
            data = os.read(self.console_out, 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(self.console_out)
            self.console_out = None
            return
        self.last_output = time.monotonic()
        self.outcome.console(data)
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            self.left = True

    def _our_input(self, _):
        data = os.read(0, 4096)
        if not data:  # the end of input does not end the machine
            self.selector.unregister(0)
        elif sys.stdin.isatty() and LEAVE in data:
            self.left = True
        else:
            self.pending += data

    def _feed(self):
        """Gives the machine what it has not taken yet; a full pipe is tried again soon."""
        if not self.pending or self.console_in is None:
            return
        try:
            self.pending = self.pending[os.write(self.console_in, self.pending):]
        except BlockingIOError:
            pass
        except OSError:
            self.pending = b""

    def _process_ended(self, descriptor):
        self.selector.unregister(descriptor)
        os.close(descriptor)

    def _over(self, deadline):
        """The exit status to end with now, or None to go on."""
        now = time.monotonic()
        if self.left:
            return LEFT
        if deadline and now > deadline:
            return TIME_LIMIT
        if self.outcome.is_final() and now - self.last_output > SILENCE:
            return self.outcome.status(None)
        return None

    def run(self):
        """Until the emulator ends, the machine has nothing more to say, or the time is up."""
        deadline = time.monotonic() + self.options.timeout if self.options.timeout else None
        status = None
        while status is None and self.process.poll() is None:
            for key, _ in self.selector.select(0.05 if self.pending else 0.2):
                key.data(key.fileobj)
            self._feed()
            status = self._over(deadline)
        if status is None:
            self._drain()
        return status

    def _drain(self):
        """What the machine and QMP said just before the emulator ended."""
        for callback in (self._output, self._qmp_input):
            source = self.qmp if callback == self._qmp_input else self.console_out
            while source is not None and source in self.selector.get_map():
                ready = self.selector.select(0)
                if not any(key.fileobj == source for key, _ in ready):
                    break
                callback(source)
                source = self.qmp if callback == self._qmp_input else self.console_out

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def emulator_messages(self):
        """The end of what the emulator itself complained about."""
        lines = (self.work / "emulator.err").read_text(errors="replace").splitlines()
        return "".join(line + "\n" for line in lines[-20:] if "i[" not in line)


def exit_status(session, status):
    """The final word once the emulator is gone."""
    if status is None:
        status = session.outcome.status(session.process.returncode)
    if status == USAGE:
        sys.stderr.write(session.emulator_messages())
        sys.stderr.write(f"run: the emulator ended with status {session.process.returncode} and said no more\n")
    return status
