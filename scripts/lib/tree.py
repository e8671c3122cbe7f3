# SPDX-License-Identifier: GPL-2.0-only
"""The files that scripts/check looks at."""
import pathlib
import subprocess

C_SUFFIXES = (".c", ".h")


class Tree:
    """The tracked files of a working tree, or all files of a plain copy of one."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        listed = subprocess.run(["git", "-C", str(self.root), "ls-files"], capture_output=True, text=True,
                                check=False)
        if (self.root / ".git").exists() and listed.returncode == 0:
            names = listed.stdout.splitlines()
        else:
            names = [str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()]
        skipped = ("build/", "tests/fuzz/corpus/", ".git/")
        self.files = sorted(name for name in names
                            if not name.startswith(skipped) and "__pycache__" not in name
                            and (self.root / name).is_file())

    def text(self, name):
        return (self.root / name).read_text(errors="replace")

    def lines(self, name):
        return self.text(name).splitlines()

    def c_files(self):
        return [name for name in self.files if name.endswith(C_SUFFIXES)]

    def headers(self):
        return [name for name in self.files if name.endswith(".h")]

    def scripts(self, interpreter):
        """Files that the interpreter (sh, bash, python3) runs, by suffix or first line."""
        suffix = {"python3": ".py"}.get(interpreter, ".sh")
        found = []
        for name in self.files:
            if name.endswith(suffix):
                found.append(name)
            elif "." not in name.rsplit("/", 1)[-1] or name.endswith(".script"):
                first = self.text(name).split("\n", 1)[0]
                if first.startswith("#!") and first.split("/")[-1].split()[0] == interpreter:
                    found.append(name)
        return found
