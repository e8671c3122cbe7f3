# SPDX-License-Identifier: GPL-2.0-only
"""scripts/check finds what it is there to find: each defect is planted in a copy of the tree."""
import shutil
import subprocess

import pytest

import machine

LICENCE = "/* SPDX-License-Identifier: GPL-2.0-only */\n"
LONG = LICENCE + "void f(int a)\n{\n\twhile (a) {\n" + "\t\tif (a) {\n\t\t\ta--;\n\t\t}\n" * 25 + "\t}\n}\n"


@pytest.fixture(name="tree")
def copy_of_tree(tmp_path):
    listed = subprocess.run(["git", "-C", machine.ROOT, "ls-files"], capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if (machine.ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(machine.ROOT / name, tmp_path / name)
    return tmp_path


def check(tree, only):
    done = subprocess.run([machine.ROOT / "scripts/check", "--root", tree, "--only", only], capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout


def test_forbidden_include_is_named_with_file_and_line(tree):
    (tree / "mm/planted.c").write_text(LICENCE + '#include "core/types.h"\n#include "boot/config.h"\n')
    status, output = check(tree, "layers")
    assert status == 1
    assert "mm/planted.c:3: forbidden include" in output
    assert "mm/planted.c:2" not in output


@pytest.mark.parametrize("name, text, only, message", [
    ("core/planted.c", LICENCE + '#include "arch/svm.h"\n', "layers", "core/planted.c:2: forbidden include"),
    ("drivers/planted.c", LICENCE + '#include "core/vm.h"\n', "layers", "drivers/planted.c:2: forbidden include"),
    ("core/planted.c", LICENCE + '#include "types.h"\n', "layers", "core/planted.c:2: include"),
    ("core/planted.c", LICENCE + "#ifdef DEBUG\n#endif\n", "conditionals", "core/planted.c:2: no conditional"),
    ("core/planted.h", LICENCE + "struct s {\n\tuint32_t a : 3;\n};\n", "conditionals", "core/planted.h:3: no bit"),
    ("core/planted.c", LICENCE + "int vmcb_size;\nint svm;\n", "hardware", "core/planted.c:3: 'svm'"),
    ("core/planted.c", LONG, "sizes", "core/planted.c:3: f() has"),
    ("core/planted.c", LICENCE + "\n" * 700, "sizes", "core/planted.c:1: 701 lines"),
    ("core/planted.c", "int a;\n", "licence", "core/planted.c:1: the first line"),
    ("core/planted.c", LICENCE + "/* TO" "DO */\n", "words", "core/planted.c:2: TO" "DO"),
    ("core/planted.c", LICENCE + "int  a;\n", "format", "core/planted.c:2:4: not as clang-format"),
    ("core/planted.h", LICENCE + "#pragma once\nextern hpa_t a;\n", "headers", "core/planted.h:1: does not compile"),
    ("scripts/planted", "#!/bin/bash\nif true; then\n", "shell", "planted"),
    ("scripts/planted.py", "def f(:\n", "python", "scripts/planted.py:1"),
])
def test_planted_defect_is_found(tree, name, text, only, message):
    if only == "headers":  # each is compiled: few will do
        for header in tree.rglob("*.h"):
            header.unlink()
    (tree / name).write_text(text)
    status, output = check(tree, only)
    assert status == 1, output
    assert message in output
