"""luacheck over every Lua script as Redis runs it: behind what it uses of the shared files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from imglab.queues.scripts import FOLDER, SHARED, composed, shared_items, with_included

OPTIONS = (
    *("--no-config", "--std", "lua51", "--read-globals", "redis", "KEYS", "ARGV", "cjson"),
    *("--max-line-length", "110", "--codes", "--formatter", "plain"),
)
#: A function that another one includes may call its own variables as that one does.
SHADOWING = ("W431", "W432")
#: What luacheck says: the line, the rest, in it the code and the first name in quotes.
WARNING = re.compile(r"stdin:(\d+):(\d+: \((\w+)\)[^'\n]*(?:'(\w+)')?.*)")


def check(script: Path) -> tuple[set[str], set[str]]:
    """The faults of a script, and which names of the shared files it leaves unused."""
    own = script.read_text()
    text = composed(own)
    above = text[: text.index(own)].count("\n")
    run = ["luacheck", "-", *OPTIONS]
    found = subprocess.run(run, input=text, capture_output=True, text=True, check=False)
    if found.returncode > 2:
        sys.exit(f"luacheck itself failed: {found.stdout}{found.stderr}")
    faults, unused = set(), set()
    for line, fault, code, name in WARNING.findall(found.stdout):
        if int(line) <= above and code == "W211":
            unused.add(name)
        elif int(line) <= above and code in SHADOWING:
            continue
        elif int(line) <= above:
            faults.add(f"in front of {script.name}:{line}:{fault}")
        else:
            faults.add(f"{script.relative_to(FOLDER.parents[2])}:{int(line) - above}:{fault}")
    return faults, unused


def never_used() -> list[str]:
    """The paragraphs of the shared files that no script gets."""
    texts = "".join(composed(each.read_text()) for each in FOLDER.glob("[!_]*.lua"))
    return [
        item for name in SHARED for item in shared_items(name) if with_included(item) not in texts
    ]


def main() -> int:
    """How many faults there are, at most 1."""
    if not shutil.which("luacheck"):
        print("luacheck is not here, so the Lua scripts are not linted (Debian: lua-check).")
        return 1 if os.environ.get("CI") else 0
    checked = [check(script) for script in sorted(FOLDER.glob("[!_]*.lua"))]
    faults = set.union(*(found for found, _ in checked))
    faults |= {
        f"shared files: no script uses {name!r}"
        for name in set.intersection(*(unused for _, unused in checked))
    }
    faults |= {f"shared files: no script uses {item!r}" for item in never_used()}
    print(*sorted(faults), sep="\n", end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
