"""`python -m imglab.exercises`: what `check` starts, and a judge for each program."""

import sys
from pathlib import Path

from imglab.exercises import guard, program

if sys.argv[1:]:
    program.watch(seconds=float(sys.argv[1]), program=str(Path(sys.argv[2]).resolve()))
else:
    guard.main()
