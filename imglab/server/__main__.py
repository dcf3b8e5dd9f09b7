"""`python -m imglab.server`: the keeper, which `ensure` starts."""

from imglab.server.keeper import main

main()
