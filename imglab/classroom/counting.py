"""What Redis itself counts while something is done: commands, reads, connections, bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from imglab.queues import RedisTaskQueue

#: Reads that the second question for the counters is: Redis reads it before it answers.
OWN_READS = 1


@dataclass(frozen=True)
class Counted:
    """What Redis counted while something was done, whoever else did it meanwhile."""

    #: Commands, those inside of scripts among them; but not INFO, with which we ask.
    commands: int
    #: How often Redis read from a connection.
    reads: int
    #: Connections that were opened.
    connections: int
    #: Bytes that came to Redis, and bytes that it sent; ours, to ask with, are among them.
    bytes_in: int
    bytes_out: int


def counted(queue: RedisTaskQueue, act: Callable[[], object]) -> Counted:
    """Do something, and return what the queue's Redis counted meanwhile.

    It counts for everybody: whoever else uses this Redis at that moment is counted along.
    QueueError for a user who may not see the counters.
    """
    # The statistics of commands are long: they stay outside of what is counted in bytes.
    calls_before = _calls(queue)
    before = queue.server_info("stats")
    act()
    after = queue.server_info("stats")
    calls_after = _calls(queue)

    def more(name: str) -> int:
        return int(after[name] - before[name])

    return Counted(
        commands=calls_after - calls_before,
        reads=more("total_reads_processed") - OWN_READS,
        connections=more("total_connections_received"),
        bytes_in=more("total_net_input_bytes"),
        bytes_out=more("total_net_output_bytes"),
    )


def least(queue: RedisTaskQueue, act: Callable[[], object], times: int = 3) -> Counted:
    """Do it several times, and return the smallest figure of each kind.

    Others who use this Redis can only add to what is counted.
    """
    tries = [counted(queue, act) for _ in range(times)]
    return Counted(
        commands=min(each.commands for each in tries),
        reads=min(each.reads for each in tries),
        connections=min(each.connections for each in tries),
        bytes_in=min(each.bytes_in for each in tries),
        bytes_out=min(each.bytes_out for each in tries),
    )


def _calls(queue: RedisTaskQueue) -> int:
    """How many commands Redis has run, but for INFO itself."""
    figures = queue.server_info("commandstats")
    return sum(each["calls"] for name, each in figures.items() if name != "cmdstat_info")
