"""The kinds of tasks: sound ones, and troubles with the reason of which each has to fail.

The filters that do it are in troubles.py, which only workers import: they are registered there.
"""

from __future__ import annotations

#: The kind of a task that does its work.
SOUND = "sound"
#: Tasks that end their worker's process themselves.
DEADLY = ("exit at once", "abort", "kill oneself")
#: Tasks that would go on for ever.
NEVER_ENDING = ("sleep",)
DIED = r"died|silent"
#: Every trouble, and a pattern for the reason of its task's failure.
ENDINGS = {
    "SystemExit": "SystemExit: 0",
    "SystemExit with a text": "SystemExit: enough",
    "KeyboardInterrupt": "KeyboardInterrupt",
    "CancelledError": "CancelledError",
    "GeneratorExit": "GeneratorExit",
    "StopIteration": "StopIteration",
    "half a pair": r"ValueError: \\udcff",
    "steering text": "ValueError: ",
    "huge text": "ValueError: xxx",
    "own BaseException": "Strange: I am no Exception",
    "no text": r"its text cannot be had: SystemExit",
    "text of another type": r"its text cannot be had: TypeError",
    "deep recursion": "RecursionError",
    "MemoryError": "memory|Memory",
    "full disk": "No space left|full|disk",
    "group": "ExceptionGroup: two",
    "assertion without words": "AssertionError",
    "talkative": "RuntimeError: said it all",
    "returns None": "same size",
    "returns a text": "same size",
    "returns another size": "same size",
    "exit at once": DIED,
    "abort": DIED,
    "kill oneself": DIED,
    "sleep": "time limit",
}


def colour_of(value: int) -> tuple[int, int, int]:
    """A number as a colour."""
    return (value >> 16, (value >> 8) & 0xFF, value & 0xFF)
