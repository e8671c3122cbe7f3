# SPDX-License-Identifier: GPL-2.0-only
"""Checks that other programs make: formatter, compilers, linters. A linter that is missing is said to be."""
import concurrent.futures
import os
import re
import shlex
import shutil
import subprocess

TIDY = ("-*,bugprone-*,misc-redundant-expression,readability-misleading-indentation,"
        "-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-bugprone-narrowing-conversions,"
        "-bugprone-macro-parentheses,-bugprone-implicit-widening-of-multiplication-result,"
        "-bugprone-branch-clone,-bugprone-suspicious-include,-bugprone-not-null-terminated-result,"
        "-bugprone-misplaced-widening-cast")
CLANG_DROPS = re.compile(r"-fcf-protection=\S+|-mgeneral-regs-only")


def _run(tree, command, text=None):
    return subprocess.run(command, cwd=tree.root, capture_output=True, text=True, check=False, input=text)


def _all(function, items):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for messages in pool.map(function, items):
            yield from messages


def _missing(program):
    if shutil.which(program):
        return False
    print(f"check: {program} is missing, not run (scripts/deps installs it)")
    return True


def _make_variable(tree, name):
    return shlex.split(_run(tree, ["make", "-s", f"print-{name}"]).stdout)


def _flags(tree, name):
    """The compiler flags that the build gives a file, without code generation."""
    if name.startswith("tests/fake_arch/"):
        return [*_make_variable(tree, "HOST_FLAGS"), *_make_variable(tree, "FAKE_PATH")]
    if name.startswith("tests/bench/"):
        return _make_variable(tree, "HOST_FLAGS")
    if name.startswith(("tests/unit/", "tests/fuzz/")):
        is_real = re.search(r"^/\* arch: x86 \*/", tree.text(name), re.MULTILINE)
        path = _make_variable(tree, "INCLUDES" if is_real else "FAKE_PATH")
        return [*_make_variable(tree, "HOST_FLAGS"), *path]
    kind = "GUEST_FLAGS" if name.startswith(("guests/", "tests/guest/")) else "CFLAGS"
    return _make_variable(tree, kind)


class Compilers:
    """The flags of every file, asked of make once for each kind."""

    def __init__(self, tree):
        self.tree = tree
        self.known = {}

    def flags(self, name):
        kind = (name.split("/")[0], name.split("/")[1] if name.startswith("tests/") else "",
                "arch: x86" in self.tree.text(name) if name.startswith("tests/") else False)
        if kind not in self.known:
            self.known[kind] = _flags(self.tree, name)
        return self.known[kind]

    def syntax(self, compiler, name):
        command = [compiler, *self.flags(name), "-fsyntax-only", name]
        if compiler == "clang":
            command = [CLANG_DROPS.sub("", word) for word in command]
            command = [word for word in command if word] + ["-Wno-unknown-warning-option", "-Wno-format-security"]
        result = _run(self.tree, command)
        return [line for line in result.stderr.splitlines() if re.search(r": (fatal )?(error|warning):", line)]


def formatting(tree):
    if _missing("clang-format"):
        return
    files = tree.c_files()
    result = _run(tree, ["clang-format", "--dry-run", "-Werror", *files]) if files else None
    for line in result.stderr.splitlines() if result else []:
        if ": error: code should be clang-formatted" in line:
            yield line.split(": error:")[0] + ": not as clang-format has it"


def headers(tree):
    """Every header compiles alone, and twice. Fragments that tests share are no headers of the tree."""
    compilers = Compilers(tree)

    def alone(name):
        shown = re.sub(r"^(arch/x86|tests/fake_arch)/", "arch/", name)
        source = f'#include "{shown}"\n#include "{shown}"\n'
        result = _run(tree, ["gcc", *compilers.flags(name), "-x", "c", "-fsyntax-only", "-"], source)
        if result.returncode:
            first = next((line for line in result.stderr.splitlines() if "error" in line), "")
            return [f"{name}:1: does not compile alone: {first}"]
        return []

    yield from _all(alone, [name for name in tree.headers() if not name.startswith("tests/unit/")])


def second_compiler(tree):
    if _missing("clang"):
        return
    compilers = Compilers(tree)
    sources = [name for name in tree.c_files() if name.endswith(".c")]
    yield from _all(lambda name: compilers.syntax("clang", name), sources)


def tidy(tree):
    if _missing("clang-tidy"):
        return
    compilers = Compilers(tree)

    def one(name):
        flags = [word for word in compilers.flags(name) if not CLANG_DROPS.fullmatch(word)]
        result = _run(tree, ["clang-tidy", "--quiet", f"--checks={TIDY}", "--warnings-as-errors=*", name, "--",
                             *flags, "-Wno-unknown-warning-option"])
        return [line.replace(f"{tree.root}/", "") for line in result.stdout.splitlines()
                if re.search(r": (error|warning): ", line)]

    roots = ("boot/", "core/", "mm/", "arch/", "drivers/")
    yield from _all(one, [name for name in tree.c_files() if name.endswith(".c") and name.startswith(roots)])


def spelling(tree):
    if _missing("codespell"):
        return
    ignored = "inout,fo,mis,nd,ot,te,ue,hist,ans,bu,als,endianess,crate,hsa,ist,daa,extint,contrl"
    result = _run(tree, ["codespell", "-q", "3", "-L", ignored, *tree.files]) if tree.files else None
    yield from result.stdout.splitlines() if result else []


def python(tree):
    for name in tree.scripts("python3"):
        try:
            compile(tree.text(name), name, "exec")
        except SyntaxError as error:
            yield f"{name}:{error.lineno}: {error.msg}"


def shell(tree):
    scripts = [*tree.scripts("sh"), *tree.scripts("bash")]
    for name in scripts:
        result = _run(tree, ["bash", "-n", name])
        yield from result.stderr.splitlines()
    if scripts and not _missing("shellcheck"):
        result = _run(tree, ["shellcheck", "-f", "gcc", *scripts])
        yield from result.stdout.splitlines()


CHECKS = {"format": formatting, "headers": headers, "clang": second_compiler, "tidy": tidy, "spelling": spelling,
          "python": python, "shell": shell}
