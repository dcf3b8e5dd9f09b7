"""What a notebook shows of a queue and of photographs; each picture has words that say the same."""

from imglab.views import charts
from imglab.views.ages import ages, last_moment, replay_ages
from imglab.views.boards import board
from imglab.views.gallery import Picture, before_after, contact_sheet, difference
from imglab.views.key_space import boxes, keys, live_keys
from imglab.views.monitor import monitor, rate
from imglab.views.recordings import recorded, replay
from imglab.views.runs import Runs
from imglab.views.swimlanes import lanes
from imglab.views.waits import load_table
from imglab.views.who import who

__all__ = [
    "Picture",
    "Runs",
    "ages",
    "before_after",
    "board",
    "boxes",
    "charts",
    "contact_sheet",
    "difference",
    "keys",
    "lanes",
    "last_moment",
    "live_keys",
    "load_table",
    "monitor",
    "rate",
    "recorded",
    "replay",
    "replay_ages",
    "who",
]
