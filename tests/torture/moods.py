"""What Redis is in the mood for: busy, full, or not allowed to write, for a moment each."""

from __future__ import annotations

import time
from pathlib import Path

import redis
from helpers.clock import until

#: Milliseconds that a script may take before Redis answers others with BUSY.
BUSY_AFTER = 50
#: A script that does nothing for some milliseconds.
LOOP = """
local function now()
  local clock = redis.call('TIME')
  return clock[1] * 1000 + clock[2] / 1000
end
local began = now()
while now() - began < tonumber(ARGV[1]) do end
"""
#: A limit that is below what Redis needs for itself.
FULL = "1mb"


class Moods:
    """The moods of one Redis; `owner` may do all, `producer` has a producer's rights."""

    def __init__(self, owner: redis.Redis, producer: redis.Redis, line: str) -> None:
        self._owner = owner
        self._producer = producer
        self._line = line
        #: Setting → its usual value, where it is to be set back; then when.
        self._until: dict[str, tuple[str, float]] = {}

    def prepare(self, folder: Path) -> None:
        """Let one snapshot fail, so that MISCONF is a matter of one setting from now on."""
        usual = self._owner.config_get("dir")["dir"]
        gone = folder / "gone"
        gone.mkdir()
        self._owner.config_set("stop-writes-on-bgsave-error", "no")
        self._owner.config_set("dir", str(gone))
        gone.rmdir()
        self._owner.bgsave()
        until(lambda: self._owner.info("persistence")["rdb_last_bgsave_status"] == "err")
        self._owner.config_set("dir", usual)
        # MISCONF is for those who want snapshots; none is due within a day.
        self._owner.config_set("save", "86400 1")
        self._owner.config_set("lua-time-limit", BUSY_AFTER)

    def change(self, mood: str, seconds: float) -> None:
        """Let a mood begin; `look` ends it. BUSY is over when this returns."""
        if mood == "BUSY":
            self._producer.eval(LOOP, 1, self._line, int(seconds * 1000))
        elif mood == "full":
            self._set("maxmemory", FULL, "0", seconds)
        elif mood == "MISCONF":
            self._set("stop-writes-on-bgsave-error", "yes", "no", seconds)
        else:
            self._set("min-replicas-to-write", "1", "0", seconds)

    def _set(self, name: str, value: str, usual: str, seconds: float) -> None:
        self._owner.config_set(name, value)
        self._until[name] = (usual, time.monotonic() + seconds)

    def look(self, now: float) -> None:
        """End the moods whose time is over."""
        for name, (usual, end) in list(self._until.items()):
            if end <= now:
                self._owner.config_set(name, usual)
                del self._until[name]
