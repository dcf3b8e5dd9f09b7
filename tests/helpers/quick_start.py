"""Plugin: have nbformat leave out what no test needs, and what costs each process a second.

It checks notebooks with jsonschema, which makes a grammar of web addresses where this package is
installed; no rule for notebooks asks for one.
"""

import sys

# An import of it fails from now on, as where it is not installed.
sys.modules["rfc3987_syntax"] = None
