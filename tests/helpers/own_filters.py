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

#: `meet` goes on when three processes have come to it.
MEET = """
import os, time
from dataclasses import dataclass
from pathlib import Path
from imglab.imaging import BaseFilter, FilterFactory

@FilterFactory.register
@dataclass(frozen=True)
class MeetFilter(BaseFilter):
    name = "meet"
    def change(self, image):
        here = Path(__file__).parent
        (here / f"here-{os.getpid()}").touch()
        while len(list(here.glob("here-*"))) < 3:
            time.sleep(0.01)
        return image
"""

#: `hung` and `frozen` do not come back by themselves, without the GIL and with it.
HUNG = """
import ctypes
from dataclasses import dataclass
from imglab.imaging import BaseFilter, FilterFactory

@FilterFactory.register
@dataclass(frozen=True)
class HungFilter(BaseFilter):
    def change(self, image):
        ctypes.CDLL(None).sleep(1000)  # without the GIL, as most of Pillow

@FilterFactory.register
@dataclass(frozen=True)
class FrozenFilter(BaseFilter):
    def change(self, image):
        ctypes.PyDLL(None).sleep(1000)  # with the GIL: no other thread runs
"""
