#!/usr/bin/python3
"""Holds the rules of the house: the doors between the folders (layers.toml) and a few about the repository.

check.py [ROOT]   prints one line for each violation, `file:line: what`, and exits 1 when there is one.
"""

import pathlib
import re
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
CODE_ROOTS = ("backend", "contrib", "coordinator", "schema", "tests", "zone")
CODE_SUFFIXES = (".hpp", ".cpp")
TEXT_SUFFIXES = CODE_SUFFIXES + (".py", ".sh", ".md", ".txt", ".cmake", ".toml", ".conf", ".sql", ".service", ".json", "")

# Written in halves, so that this file passes its own test.
OPEN_ENDS = re.compile(
    r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK|not imple" r"mented|unimple" r"mented|st" r"ub(bed)?)\b(?!-(zone|addr):)")  # words of Unbound's configuration
DEAD_TESTS = re.compile(r"\b(DIS" r"ABLED_|GTEST_" r"SKIP)")

COMMENT_OR_STRING = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"
      | "(?:\\.|[^"\\\n])*"
      | (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])*'""",
    re.S | re.X)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<(?P<angle>[^>\n]+)>|"(?P<quoted>[^"\n]+)")', re.M)


def blank(match):
    """The same number of characters and lines, without the words."""
    return re.sub(r"[^\n]", " ", match.group(0))


def without_comments(text):
    return COMMENT_OR_STRING.sub(lambda m: blank(m) if m.group("comment") else m.group(0), text)


def bare_code(text):
    return COMMENT_OR_STRING.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class House:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.violations = []
        with open(HERE / "layers.toml", "rb") as table:
            self.table = tomllib.load(table)
        self.libraries = {name: re.compile(regex) for name, regex in self.table["libraries"].items()}
        self.files = self.listed_files()

    def listed_files(self):
        """Every file that is or could be committed, relative to the root."""
        listed = subprocess.run(
            ["git", "-C", self.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True, text=True, check=False)
        if listed.returncode == 0:
            names = [pathlib.PurePath(name) for name in listed.stdout.split("\0") if name]
        else:
            names = [path.relative_to(self.root) for path in self.root.rglob("*")
                     if path.relative_to(self.root).parts[0] not in ("build", ".git")]
        return sorted(name for name in names if (self.root / name).is_file())

    def say(self, name, line, what):
        self.violations.append(f"{name}:{line}: {what}")

    def read(self, name):
        return (self.root / name).read_text(encoding="utf-8", errors="replace")

    def folder_of(self, name):
        for path in (name.with_suffix(""), *name.parents):
            if str(path) in self.table["folders"]:
                return str(path)
        return None

    def check(self):
        self.check_pure_targets()
        for name in self.files:
            if name.parts[0] not in self.table["top_level"]:
                self.say(name, 1, f"{name.parts[0]} is not among the top-level entries of the layout")
                continue
            if name.suffix in TEXT_SUFFIXES:
                self.check_words(name)
            if name.suffix in CODE_SUFFIXES and name.parts[0] in CODE_ROOTS:
                self.check_code(name)
        return self.violations

    def check_words(self, name):
        text = self.read(name)
        for match in OPEN_ENDS.finditer(text):
            self.say(name, line_of(text, match.start()), f"'{match.group(0)}': finish it, or leave it out")
        if name.parts[0] == "tests":
            for match in DEAD_TESTS.finditer(text):
                self.say(name, line_of(text, match.start()), "a test that does not run")

    def check_code(self, name):
        text = self.read(name)
        if name.suffix == ".hpp":
            if not text.startswith("//"):
                self.say(name, 1, "a header opens with what it is and what it promises")
            if "\n#pragma once\n" not in text:
                self.say(name, 1, "#pragma once is missing")
        self.check_quoted_includes_exist(name, text)
        if name.parts[0] == "tests":
            self.check_test(name, text)
            return
        folder = self.folder_of(name)
        if folder is None:
            self.say(name, 1, f"{name.parent} has no line in tests/arch/layers.toml")
            return
        self.check_includes(name, text, folder)
        if self.table["folders"][folder].get("pure"):
            self.check_pure(name, text)

    def check_quoted_includes_exist(self, name, text):
        for match in INCLUDE.finditer(without_comments(text)):
            quoted = match.group("quoted")
            if quoted and not (self.root / quoted).is_file():
                self.say(name, line_of(text, match.start()), f'"{quoted}" is no header; includes start at the root')

    def check_includes(self, name, text, folder):
        rules = self.table["folders"][folder]
        may = rules.get("may", [])
        for match in INCLUDE.finditer(without_comments(text)):
            line = line_of(text, match.start())
            if match.group("quoted"):
                target = self.folder_of(pathlib.PurePath(match.group("quoted")))
                if target not in (folder, *may) and "*" not in may:
                    self.say(name, line, f"{folder} may not include {match.group('quoted')}")
            else:
                self.check_angle_include(name, line, match.group("angle"), folder, rules)

    def check_angle_include(self, name, line, header, folder, rules):
        library = next((lib for lib, regex in self.libraries.items() if regex.search(header)), None)
        if library is None and ("/" in header or header.endswith((".h", ".hpp"))):
            self.say(name, line, f"<{header}> belongs to no library of tests/arch/layers.toml")
        elif library is not None and library not in rules.get("libraries", []):
            self.say(name, line, f"{folder} may not include <{header}> ({library})")
        elif rules.get("pure") and header in self.table["pure"]["headers"]:
            self.say(name, line, f"pure code does without <{header}>")

    def check_pure(self, name, text):
        code = bare_code(text)
        for rule in self.table["pure"]["code"]:
            for match in re.finditer(rule["pattern"], code):
                self.say(name, line_of(code, match.start()), f"'{match.group(0).strip()}' {rule['because']}")

    def check_test(self, name, text):
        if not any(name.is_relative_to(folder) for folder in self.table["tests"]["timeless"]):
            return
        code = bare_code(text)
        for match in re.finditer(self.table["tests"]["sleeps"], code):
            self.say(name, line_of(code, match.start()), "a sleep in a test that should run on injected time")

    def check_pure_targets(self):
        """CMakeLists.txt and layers.toml agree on what is pure."""
        cmake = pathlib.PurePath("CMakeLists.txt")
        if cmake not in self.files:
            return
        marked = set()
        for match in re.finditer(r"thor_library\(\s*\w+\s+PURE\s+DIRS\s+([^)]*?)\s+LINKS", self.read(cmake)):
            marked.update(match.group(1).split())
        held = {folder for folder, rules in self.table["folders"].items() if rules.get("pure")}
        for folder in sorted(marked ^ held):
            self.say(cmake, 1, f"{folder} is PURE in only one of CMakeLists.txt and tests/arch/layers.toml")


def main():
    violations = House(sys.argv[1] if len(sys.argv) > 1 else HERE.parent.parent).check()
    print("\n".join(violations) if violations else "The house is in order.")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
