"""`make test` ends here when a few tests were red: each once more, alone, three times in a row.

The tests start real processes with real leases, three tests at a time on whatever machine this is:
one that was starved for a second may be red though nothing is wrong. One that is red again in any
of three quiet runs is red. Either way its name is printed, for a test that was red once has a
reason, too: see "A red test" in .github/CONTRIBUTING.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
#: Where pytest notes the tests that were red. It never drops one that has another name by now:
#: so `make test` begins with an empty cache.
RED = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
ROUNDS = 3
#: More red tests than this are no accident.
MOST = 3


def main() -> int:
    """The exit code: 0 when every red test was green in all rounds."""
    red = sorted(json.loads(RED.read_text()))
    print(f"\nRed: {', '.join(red)}", flush=True)
    if len(red) > MOST:
        print(f"That is more than {MOST}: no second look.")
        return 1
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *red]
    for number in range(1, ROUNDS + 1):
        print(f"A second look, round {number} of {ROUNDS}:", flush=True)
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            return 1
    print(f"GREEN ONLY AT THE SECOND LOOK: {', '.join(red)}. Find out why, and mend it.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
