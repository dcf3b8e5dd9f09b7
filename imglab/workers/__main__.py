"""`python -m imglab.workers`: what WorkerPool starts."""

import sys

from imglab.workers.process import main

sys.exit(main())
