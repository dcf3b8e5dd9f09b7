"""`python -m imglab.exercises`: what `check` starts, and a judge for each program."""

from imglab.exercises.examiner import main

main()
