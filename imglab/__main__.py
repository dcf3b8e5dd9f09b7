"""`python -m imglab`, the same as `imglab`."""

from imglab.cli import main

main()
