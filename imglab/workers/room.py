"""Whether the pictures of all workers of a machine fit into its memory, before they do not.

A worker that asks for more than there is, is killed by the system in the middle of its task: that
counts as a crash of the task, which then takes another worker along.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from imglab.errors import ImglabError
from imglab.language import tr, tr_count
from imglab.memory import PIXELS_VARIABLE, in_words, machine_memory, max_pixels

logger = logging.getLogger(__name__)

#: What a worker has for itself alone, in bytes: 26 MB, and 4 for the process that stands by.
OWN_BYTES = 30_000_000
#: What a photograph takes at most while filters run, in bytes for each of its pixels: 12 for blur,
#: 14 where a WEBP is written. With transparency it may be 25.
BYTES_PER_PIXEL = 14
#: Limits on pixels are told in round numbers.
MEGAPIXEL = 1_000_000

#: Sentences that this process has said, each once: a notebook starts many pools.
_said: set[str] = set()


@dataclass(frozen=True)
class Room:
    """So many workers in so much memory, each with the largest picture that it opens."""

    workers: int
    #: Bytes of memory of this machine, or of its container.
    memory: int
    #: Pixels of the largest picture.
    pixels: int
    #: Bytes that a worker may have before it is renewed; 0 for any number.
    max_memory: int = 0

    @property
    def each(self) -> int:
        """Bytes that one worker may need."""
        return max(OWN_BYTES + self.pixels * BYTES_PER_PIXEL, self.max_memory)

    @property
    def fitting(self) -> int:
        """How many workers fit, whatever the pictures."""
        return self.memory // self.each

    @property
    def is_enough(self) -> bool:
        """Whether all of them fit."""
        return self.workers <= self.fitting

    @property
    def what(self) -> str:
        """What they may need, and what there is."""
        return tr(
            "{workers} may need {needed} of memory, "
            "with a photograph of {pixels:,} pixels each, and here there are "
            "{memory}",
            workers=count_of(self.workers),
            needed=in_words(self.workers * self.each),
            pixels=self.pixels,
            memory=in_words(self.memory),
        )

    @property
    def remedy(self) -> str:
        """What to do where that is not enough."""
        ways = []
        if self.fitting:
            most = self.fitting
            ways.append(
                tr(
                    "have at most {workers} here (--workers {number}, or WorkerPool({number}))",
                    workers=count_of(most),
                    number=most,
                )
            )
        pixels = (self.memory // self.workers - OWN_BYTES) // BYTES_PER_PIXEL
        if pixels >= MEGAPIXEL:
            round_pixels = pixels // MEGAPIXEL * MEGAPIXEL
            ways.append(
                tr(
                    "refuse larger pictures: export {variable}={pixels}",
                    variable=PIXELS_VARIABLE,
                    pixels=min(round_pixels, self.pixels),
                )
            )
        if self.max_memory:
            ways.append(tr("renew workers earlier, with less max-memory"))
        if not ways:
            ways.append(tr("have fewer workers, or a machine with more memory"))
        return tr(", or ").join(ways) + "."


def room_for(workers: int, max_memory: int | None = None) -> Room | None:
    """The room for so many workers on this machine; None where nobody knows its memory."""
    memory = machine_memory()
    if memory is None:
        return None
    return Room(workers, memory, max_pixels(), max_memory or 0)


def check_room(workers: int, max_memory: int | None = None) -> None:
    """Log a warning, once, when the pictures of so many workers may not fit into the memory.

    ImglabError when not even the workers fit, or when the limit on pixels is no number.
    """
    room = room_for(workers, max_memory)
    if room is None:
        return
    own = workers * OWN_BYTES
    if own > room.memory:
        raise ImglabError(
            tr(
                "{workers} need {needed} of memory before their first picture, and "
                "here there are {memory}: start at most "
                "{most}.",
                workers=count_of(workers),
                needed=in_words(own),
                memory=in_words(room.memory),
                most=count_of(room.memory // OWN_BYTES),
            )
        )
    if room.is_enough:
        return
    words = f"{room.what}: {room.remedy}"
    if words not in _said:
        _said.add(words)
        logger.warning("%s", words)


def count_of(count: int) -> str:
    """So many workers, in words."""
    return tr_count("1 worker", "{count:,} workers", count)
