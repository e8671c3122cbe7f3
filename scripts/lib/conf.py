# SPDX-License-Identifier: GPL-2.0-only
"""caisson.conf on the host's side: finds the files it names and overrides keys of [control].

Only what is needed to pack an image is understood. Lines that make no sense are kept as they are: to
refuse them, with a good message, is the hypervisor's business.
"""
import pathlib
import re

from .common import BUILD, UsageError

FILE_KEYS = ("kernel", "initrd", "modules")
SECTION = re.compile(r"\s*\[([^]]*)\]\s*(#.*)?$")
ASSIGNMENT = re.compile(r"(\s*)([A-Za-z_]+)(\s*=\s*)(.*?)(\s+#.*|\s*)$")

DEFAULT = """console = com1,115200
panic   = halt
[control]
kernel  = {control}/vmlinuz
initrd  = {control}/initrd.img
cmdline = console=ttyS0,115200
"""


class Conf:
    """The text of a caisson.conf and the host files it needs, by their names in the image."""

    def __init__(self, text, base):
        self.lines = text.splitlines()
        self.base = pathlib.Path(base)
        self.files = {}

    def _find(self, section, key):
        """Index of the line that sets key in the section, or None."""
        current = ""
        for index, line in enumerate(self.lines):
            head, assignment = SECTION.match(line), ASSIGNMENT.match(line)
            if head:
                current = head.group(1).strip()
            elif assignment and current == section and assignment.group(2) == key:
                return index
        return None

    def _section_start(self, section):
        for index, line in enumerate(self.lines):
            head = SECTION.match(line)
            if head and head.group(1).strip() == section:
                return index
        self.lines.append(f"[{section}]")
        return len(self.lines) - 1

    def override(self, section, key, value):
        """Sets key in the section, adding the one or the other where missing; None removes the key."""
        index = self._find(section, key)
        if index is not None:
            del self.lines[index]
        if value is not None:
            at = index if index is not None else self._section_start(section) + 1
            self.lines.insert(at, f"{key} = {value}")

    def _pack(self, text):
        path = (self.base / pathlib.Path(text).expanduser()).resolve()
        if not path.is_file():
            raise UsageError(f"caisson.conf names {text}, and there is no file {path}")
        self.add_file(path)
        return path.name

    def add_file(self, path):
        """Puts a host file into the image under its base name."""
        path = pathlib.Path(path).resolve()
        if not path.is_file():
            raise UsageError(f"there is no file {path}")
        if self.files.setdefault(path.name, path) != path:
            raise UsageError(f"two files called {path.name}: {self.files[path.name]} and {path}")

    def collect_files(self):
        """Replaces the host paths by base names and remembers the files."""
        for index, line in enumerate(self.lines):
            assignment = ASSIGNMENT.match(line)
            if not assignment or assignment.group(2) not in FILE_KEYS:
                continue
            indent, key, equals, value, tail = assignment.groups()
            words = re.split(r"[\s,]+", value) if key == "modules" else [value]
            packed = " ".join(self._pack(word) for word in words if word)
            self.lines[index] = f"{indent}{key}{equals}{packed}{tail}"

    def assignments(self, section):
        """Keys and values of a section."""
        found, current = {}, ""
        for line in self.lines:
            head, assignment = SECTION.match(line), ASSIGNMENT.match(line)
            if head:
                current = head.group(1).strip()
            elif assignment and current == section:
                found[assignment.group(2)] = assignment.group(4)
        return found

    def text(self):
        return "".join(line + "\n" for line in self.lines)


def load(options):
    """The configuration that the options of scripts/run describe, with its files."""
    if options.conf:
        path = pathlib.Path(options.conf)
        if not path.is_file():
            raise UsageError(f"--conf: there is no file {path}")
        conf = Conf(path.read_text(errors="surrogateescape"), path.resolve().parent)
    else:
        conf = Conf(DEFAULT.format(control=BUILD / "control"), BUILD)
        if options.kernel:  # somebody else's kernel has no use for our initramfs
            conf.override("control", "initrd", None)
            conf.override("control", "cmdline", None)
    if not options.conf_verbatim:
        for key in ("kernel", "initrd"):
            value = getattr(options, key)
            if value is not None:
                conf.override("control", key, pathlib.Path(value).resolve() if value else None)
        if options.cmdline is not None:
            conf.override("control", "cmdline", options.cmdline or None)
        conf.collect_files()
    for path in options.file:
        conf.add_file(path)
    return conf
