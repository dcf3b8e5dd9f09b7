"""The language of the tests: their sentences are English ones, whatever the environment says.

conftest.py imports it first, before a text of imglab is asked for.
"""

import os

#: Imglab's own word for it, and what holds for whoever is started without that.
os.environ["IMGLAB_LANG"] = "en"
os.environ["LANG"] = "C.UTF-8"
for variable in ("LC_ALL", "LC_MESSAGES"):
    os.environ.pop(variable, None)
