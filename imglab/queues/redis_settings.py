"""The settings of a queue in Redis: stored with it, and taken from there by whoever uses it."""

from __future__ import annotations

import time
from typing import Any

from imglab.errors import QueueError, QueueUnavailable
from imglab.language import tr
from imglab.queues.redis_walk import RedisWalk
from imglab.queues.stored_settings import changed, to_text
from imglab.queues.task import QueueSettings

#: How long a queue object goes by the stored settings that it has seen, in seconds.
TRUST_S = 30.0
#: What stands for whatever is stored (lua/change_settings.lua).
ANYTHING = "*"


class RedisSettings(RedisWalk):
    """The part of `RedisTaskQueue` that stores settings and takes up those that are stored."""

    #: When to look at the stored settings again; time.monotonic().
    _look_again = 0.0

    def change_settings(
        self, settings: QueueSettings | None = None, /, **changes: Any
    ) -> QueueSettings:
        while True:
            now = self._stored_text()
            instead_of = now
            try:
                before = self.stored_settings(now)
            except QueueError:  # broken: whatever it is, it goes
                before = None
                instead_of = ANYTHING
            wanted = changed(before or self.settings, settings, changes)
            if self._store(wanted, instead_of) == to_text(wanted):
                break  # else somebody was faster: change what he left
        self._asked = wanted
        self._seen = to_text(wanted)
        self._use(wanted)
        return wanted

    def take_up_settings(self) -> QueueSettings:
        """Go by the settings that are stored now, and return them; nothing is stored."""
        self._take_up(self._stored_text())
        return self.settings

    def _agree(self) -> None:
        """Have settings stored with the queue and use those: at first, and then every so often."""
        if time.monotonic() < self._look_again:
            return
        try:
            stored = self._store(self.settings, "")
        except QueueUnavailable:
            raise
        except QueueError as error:
            # No right to, or no memory for it. What is to be done now may work all the same.
            stored = ""
            if self._asked is not None and not self._seen:
                self._say(
                    tr(
                        "The settings of the queue {queue} cannot be stored: {error}",
                        queue=self._full_name,
                        error=error,
                    )
                )
        self._look_again = time.monotonic() + TRUST_S
        self._take_up(stored)

    def _begin_anew(self) -> None:
        """Forget the stored settings, which are deleted: the next task stores what is asked for."""
        self._look_again = 0.0
        self._seen = ""
        self._use(self._asked or QueueSettings())

    def _store(self, settings: QueueSettings, instead_of: str) -> str:
        """Store settings, if these are there, and return what is stored then; "" for nothing."""
        return str(
            self._run("change_settings", settings_text=to_text(settings), instead_of=instead_of)
        )
