# SPDX-License-Identifier: GPL-2.0-only
"""Checks that need only the text of a file: sizes, conditionals, licence lines, forbidden words."""
import re

FUNCTION_MOST, FILE_MOST, COLUMNS_MOST = 60, 700, 120
LICENCE = "SPDX-License-Identifier: GPL-2.0-only"
LICENSED = (".c", ".h", ".asm", ".ld", ".py", ".script")
MARKERS = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}/])/(work|root|home)/")
CONDITIONAL = re.compile(r"\s*#\s*(if|ifdef|ifndef|elif|else)\b")
BIT_FIELD = re.compile(r"^\s+(?:unsigned|signed|bool|u?int\d+_t)(?:\s+int)?\s+\w+\s*:\s*\d+\s*;")
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"', re.DOTALL)
# Words of one instruction set or one vendor, which have no place above the seam.
HARDWARE = re.compile(r"(?<![A-Za-z0-9])_*(x86|x2apic|amd|intel|svm|vmx|vmcb|vmcs|npt|ept|lapic|ioapic|vlapic|"
                      r"cr[0348]|eflags|rflags|rip|rax|rsp|cpuid|rdmsr|wrmsr)(?![A-Za-z0-9])")


def _is_source(name):
    return name.endswith((".c", ".h", ".asm", ".ld", ".py", ".script")) or name == "Makefile"


def licences(tree):
    scripts = {*tree.scripts("sh"), *tree.scripts("bash"), *tree.scripts("python3")}
    for name in tree.files:
        if not name.endswith(LICENSED) and name not in scripts and name != "Makefile":
            continue
        lines = tree.lines(name)
        if lines and LICENCE not in "\n".join(lines[:2] if lines[0].startswith("#!") else lines[:1]):
            yield f"{name}:1: the first line is not {LICENCE}"


def words(tree):
    for name in tree.files:
        if name.endswith((".md", ".cfg", ".conf")) or _is_source(name) or name.startswith(("scripts/", "guests/")):
            for number, line in enumerate(tree.lines(name), 1):
                if MARKERS.search(line):
                    yield f"{name}:{number}: {MARKERS.search(line).group(1)}: open an issue instead"
                if MACHINE_PATH.search(line):
                    yield f"{name}:{number}: a path of one machine"


def columns(tree):
    for name in tree.files:
        if name.endswith((".py", ".asm", ".ld", ".c", ".h")):
            for number, line in enumerate(tree.lines(name), 1):
                is_text = name.endswith(".asm") and line.lstrip().startswith("db")
                if len(line.expandtabs(8)) > COLUMNS_MOST and not is_text:
                    yield f"{name}:{number}: {len(line.expandtabs(8))} columns, at most {COLUMNS_MOST}"


def conditionals(tree):
    for name in tree.c_files():
        for number, line in enumerate(tree.lines(name), 1):
            if name.endswith(".c") and CONDITIONAL.match(line):
                yield f"{name}:{number}: no conditional compilation in .c files: a variant is a file"
            if BIT_FIELD.match(line):
                yield f"{name}:{number}: no bit-fields: masks with field_get() and field_set()"


def _without_comments(text):
    return COMMENT_OR_STRING.sub(lambda match: "\n" * match.group(0).count("\n"), text)


def hardware_names(tree):
    for name in tree.c_files():
        if not name.startswith(("core/", "mm/")):
            continue
        for number, line in enumerate(_without_comments(tree.text(name)).splitlines(), 1):
            match = HARDWARE.search(line)
            if match and not line.lstrip().startswith("#include"):
                yield f"{name}:{number}: '{match.group(1)}' names hardware above the seam"


def _functions(lines):
    """(line number, name, body) of the functions of a C file in the tree's format."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            head = " ".join(lines[max(0, start - 6):start - 1])
            names = re.findall(r"(\w+)\(", head[head.rfind("}") + 1:].rsplit(";", 1)[-1])
            if names and line == "}":
                yield start, names[0], lines[start:number - 1]
            start = None


def _is_flat(body):
    """Whether a long function is a table in disguise: nothing nested deeper than a case of a switch."""
    return all(len(line) - len(line.lstrip("\t")) <= 2 or line.lstrip()[:1] in ("", "*", "\"", ".", "{", "}")
               for line in body)


def sizes(tree):
    for name in tree.files:
        if not _is_source(name):
            continue
        lines = tree.lines(name)
        if len(lines) > FILE_MOST:
            yield f"{name}:1: {len(lines)} lines, at most {FILE_MOST}: split the file"
        if name.endswith(".c"):
            for number, function, body in _functions(lines):
                if len(body) > FUNCTION_MOST and not _is_flat(body):
                    yield f"{name}:{number}: {function}() has {len(body)} lines, at most {FUNCTION_MOST}"


CHECKS = {"licence": licences, "words": words, "columns": columns, "conditionals": conditionals,
          "hardware": hardware_names, "sizes": sizes}
