"""Filters of a test's own, as the text of a module that workers import."""

#: `hold` says that it has begun, with the file `begun`, and goes on when there is a file `go`; both
#: are beside the module.
HOLD = """
import time
from dataclasses import dataclass
from pathlib import Path
from imglab.imaging import BaseFilter, FilterFactory

HERE = Path(__file__).parent

@FilterFactory.register
@dataclass(frozen=True)
class HoldFilter(BaseFilter):
    name = "hold"
    def change(self, image):
        (HERE / "begun").touch()
        while not (HERE / "go").exists():
            time.sleep(0.01)
        return image
"""

#: `deadly` adds a letter to the file `deaths` beside the module, then kills its process.
DEADLY = """
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from imglab.imaging import BaseFilter, FilterFactory

@FilterFactory.register
@dataclass(frozen=True)
class DeadlyFilter(BaseFilter):
    name = "deadly"
    def change(self, image):
        with (Path(__file__).parent / "deaths").open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
"""
