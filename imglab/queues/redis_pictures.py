"""Pictures that Redis carries for a while, for whoever has no shared folder; storage/carried.py."""

from __future__ import annotations

from imglab.queues.connection import speaking_to
from imglab.queues.redis_batches import RedisBatches


class RedisPictures(RedisBatches):
    """The part of `RedisTaskQueue` that keeps pictures, each under a name and with a lifetime."""

    def keep_picture(self, name: str, data: bytes, seconds: int) -> None:
        """Keep a picture under a name for so many seconds; QueueError where there is no room."""
        with speaking_to(self.redis):
            self.redis.set(self.keys.picture(name), data, ex=seconds)

    def picture(self, name: str) -> bytes | None:
        """The picture under a name; None when it is not kept, or not any more."""
        with speaking_to(self.redis):
            # All else that a queue reads is text.
            data = self.redis.execute_command(  # type: ignore[no-untyped-call]
                "GET", self.keys.picture(name), NEVER_DECODE=True
            )
        if data is None:
            return None
        return bytes(data)

    def picture_size(self, name: str) -> int:
        """How many bytes a picture has; 0 for none."""
        with speaking_to(self.redis):
            return int(self.redis.strlen(self.keys.picture(name)))
