"""A command that looks at a room: one of Redis' that only reads, or `ps` for the processes."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from imglab.classroom.fault_room.copies import Copy
from imglab.classroom.fault_room.room import Room
from imglab.console.redis_cli import format_reply
from imglab.console.resp import ErrorReply, raw_command
from imglab.errors import ImglabError
from imglab.language import tr

#: The command that asks the operating system, and not Redis.
PS = "ps"
#: Commands that give names of keys, in any order.
_GIVE_NAMES = ("SCAN", "KEYS")
#: What stands in front of a command where it is typed.
_CONSOLES = ("%redis", "redis-cli")


class NotThisCommand(ImglabError):
    """A command that proves nothing, whatever it answers; the text says why, and what to do."""


@dataclass(frozen=True)
class Command:
    """A command that may be asked in one room."""

    words: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its first word, in capitals."""
        return self.words[0].upper()

    @property
    def is_ps(self) -> bool:
        """Whether it asks the operating system."""
        return self.words == (PS,)

    def __str__(self) -> str:
        return " ".join(self.words)


def read_command(text: object, client: Any, start: str, space: str) -> Command:
    """The command that somebody typed, for one room. NotThisCommand when it is none that looks.

    `start` is what the names of the room's keys begin with, `space` what those of all rooms do.
    """
    if not isinstance(text, str) or not text.strip():
        raise NotThisCommand(
            tr(
                "A proof is the text of one command, such as {example}: put it in quotes.",
                example=_example(start),
            )
        )
    try:
        words = shlex.split(text)
    except ValueError:
        raise NotThisCommand(tr("A quote is missing: each one that opens has to close.")) from None
    if words and words[0].lower() in _CONSOLES:
        words = words[1:]
    if not words:
        raise NotThisCommand(
            tr("There is no command behind it, such as {example}.", example=_example(start))
        )
    if words[0].lower() == PS:
        return Command((PS,))
    command = Command(tuple(words))
    _check_is_reading(command, client)
    _check_is_of_this_room(command, start, space)
    return command


def _check_is_reading(command: Command, client: Any) -> None:
    if command.name == "MONITOR":
        raise NotThisCommand(
            tr(
                "MONITOR never ends. It helps to find the place; the proof is a command that "
                "answers."
            )
        )
    if "BLOCK" in map(str.upper, command.words):
        raise NotThisCommand(tr("With BLOCK it waits. Leave it out: a proof answers at once."))
    flags = _flags(raw_command(client, ["COMMAND", "INFO", command.name]))
    if flags is None:
        raise NotThisCommand(
            tr(
                "Redis has no command {command}. A proof is one that you can give to redis-cli, or "
                "ps.",
                command=command.words[0],
            )
        )
    if "readonly" not in flags:
        raise NotThisCommand(
            tr(
                "{command} is no command that reads keys: it changes something, or tells of the "
                "whole server. A proof looks at the keys of the room, and changes nothing.",
                command=command.name,
            )
        )


def _flags(known: Any) -> list[str] | None:
    """The flags in an answer to COMMAND INFO; None where Redis does not know the command."""
    if not isinstance(known, list) or not known or not isinstance(known[0], list):
        return None
    return [str(flag) for flag in known[0][2]]


def _check_is_of_this_room(command: Command, start: str, space: str) -> None:
    named = [word for word in command.words if word.startswith(space)]
    if not named:
        raise NotThisCommand(
            tr(
                "It names no key of this room. Its keys begin with {start}, as in {example}.",
                start=start,
                example=_example(start),
            )
        )
    for word in named:
        if not word.startswith(start):
            raise NotThisCommand(
                tr(
                    "{word} is no key of this room: here all begin with {start}.",
                    word=word,
                    start=start,
                )
            )


def _example(start: str) -> str:
    return f"HGETALL {start}image_processing:meta"


def ask_room(command: Command, room: Room) -> str:
    """What the command answers in a room, as a terminal shows it."""
    if command.is_ps:
        return room.ps()
    return format_reply(raw_command(room.queue.redis, command.words))


def ask_copy(command: Command, copy: Copy, start: str) -> str:
    """What the command would answer if the copy were the room whose keys begin with `start`.

    NotThisCommand, with Redis' own words, for one that Redis refuses.
    """
    if command.is_ps:
        return copy.ps
    words = [word.replace(start, copy.start) for word in command.words]
    if command.name in _GIVE_NAMES:
        return _names(words, copy, start)
    reply = raw_command(copy.redis, words)
    if isinstance(reply, ErrorReply):
        raise NotThisCommand(tr("Redis refuses it: {reply}", reply=reply))
    return format_reply(reply).replace(copy.start, start)


def _names(words: list[str], copy: Copy, start: str) -> str:
    """The names that match, in the order of the alphabet: that of Redis means nothing."""
    pattern = next(word for word in words if word.startswith(copy.start))
    names = set(copy.redis.scan_iter(pattern))
    return "\n".join(sorted(name.replace(copy.start, start) for name in names))
