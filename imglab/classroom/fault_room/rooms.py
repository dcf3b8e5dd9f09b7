"""All rooms of one person: opened together, asked, diagnosed, put right, and closed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Self

from imglab.classroom.fault_room.board import Row, SymptomBoard
from imglab.classroom.fault_room.commands import (
    NotThisCommand,
    ask_copy,
    ask_room,
    read_command,
)
from imglab.classroom.fault_room.copies import Copy
from imglab.classroom.fault_room.faults import fault_of, room_of
from imglab.classroom.fault_room.plans import EXAMPLE, Plan, example_plan, plans_for
from imglab.classroom.fault_room.room import Room
from imglab.errors import ImglabError
from imglab.language import tr
from imglab.queues.vocabulary import UNFINISHED, Status

#: What the names of all keys of all rooms begin with.
SPACE = "lesson-10:"
#: Seconds between two looks whether a room is well.
LOOK_INTERVAL_S = 0.1
#: How tasks end in these rooms.
_ENDED = (Status.COMPLETED, Status.FAILED)
#: The rooms that are open in this process: their cell may be run again.
_open: list[FaultRooms] = []
#: Whose rooms were opened in this process, the latest at the end.
_names: list[str] = []


def latest_name() -> str:
    """Whose rooms were opened last in this process; "" when none were."""
    return _names[-1] if _names else ""


class FaultRooms:
    """The six rooms of a person, and room 0, the example: `rooms[3]`, `rooms.diagnose(3, …)`."""

    def __init__(self, name: str, url: str) -> None:
        #: As the person wrote it.
        self.name = name
        self.plans: tuple[Plan, ...] = (example_plan(), *plans_for(name))
        #: Room → the cause and the proof that were named last.
        self.findings: dict[int, tuple[Any, Any]] = {}
        self._url = url
        self._rooms: dict[int, Room] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getitem__(self, number: int) -> Room:
        """One room. ImglabError while it is not open, and for a number that none has."""
        if number not in self._rooms:
            raise ImglabError(
                tr(
                    "There is no room {number} open: run the cell with rooms.open() first. The "
                    "rooms are {first} to {last}.",
                    number=number,
                    first=EXAMPLE,
                    last=len(self.plans) - 1,
                )
            )
        return self._rooms[number]

    def __iter__(self) -> Iterator[Room]:
        """The open rooms, by number."""
        return iter(self._rooms.values())

    def __str__(self) -> str:
        """What is heard of each room, as text."""
        return "\n".join(_said_of(plan, fault_of(plan).symptom(plan)) for plan in self.plans)

    def open(self) -> None:
        """Make all faults, one after the other; rooms that were open in this notebook are closed.

        ImglabError when a fault cannot be made; then no room is open.
        """
        while _open:
            _open[-1].close()
        _open.append(self)
        _names.append(self.name)
        try:
            for plan in self.plans:
                room = room_of(plan, self._url, SPACE)
                self._rooms[plan.number] = room
                room.queue.delete_namespace()  # a notebook that was killed left its keys
                fault_of(plan).make(room)
        except BaseException:  # an interrupt, too, must leave no process behind
            self.close()
            raise

    def close(self) -> None:
        """End every process of the rooms, and delete their keys; a second call does nothing."""
        if self in _open:
            _open.remove(self)
        while self._rooms:
            _, room = self._rooms.popitem()
            room.close()

    # What a person does

    def board(self) -> SymptomBoard:
        """Show what is the matter in each room, live; write `with rooms.board(): …`."""
        return SymptomBoard(tr("{name}'s rooms", name=self.name), self._rows)

    def look(self, number: int, command: str) -> None:
        """Print what a command answers in a room: one of Redis' that only reads keys, or `ps`.

        Of any other command it prints why it is none that looks.
        """
        room = self[number]
        try:
            known = read_command(command, room.queue.redis, room.queue.namespace, SPACE)
        except NotThisCommand as error:
            print(f"(error) {error}")  # noqa: T201 - a notebook's answer
            return
        print(f"> {known}\n{ask_room(known, room)}")  # noqa: T201

    def diagnose(self, number: int, cause: str, proof: str) -> None:
        """Note what is the matter in a room, and run the command that proves it.

        Nothing is judged here: that is for `check`.
        """
        self.look(number, proof)
        self.findings[number] = (cause, proof)

    def rule_out(self, number: int, command: str) -> None:
        """Print what a command answers in room 0, and what it would under other causes.

        Of a command that proves nothing it prints why. ImglabError for any other room: there it
        would tell the cause.
        """
        if number != EXAMPLE:
            raise ImglabError(
                tr(
                    "Only room {room}, the example, is shown like this. For the others, think of "
                    "another cause that looks the same; the check tries them.",
                    room=EXAMPLE,
                )
            )
        room = self[number]
        try:
            _print_copies(room, command)
        except NotThisCommand as error:
            print(f"(error) {error}")  # noqa: T201 - a notebook's answer

    @property
    def answer(self) -> tuple[str, dict[int, tuple[Any, Any]]]:
        """The findings so far, as a check takes them: whose they are, and room → cause, proof."""
        return self.name, dict(self.findings)

    def wait(self, seconds: float) -> None:
        """Wait until every room of the person is well, but not longer than so many seconds."""
        limit = time.monotonic() + seconds
        while not all(room.is_well() for room in self._own()) and time.monotonic() < limit:
            time.sleep(LOOK_INTERVAL_S)

    def report(self) -> None:
        """Print of each room of the person whether all its photographs came."""
        for room in self._own():
            words = tr("not well yet")
            if room.is_well():
                words = tr("all photographs came")
            print(_said_of(room.plan, words))  # noqa: T201 - a notebook's answer

    def _own(self) -> list[Room]:
        return [room for room in self if room.plan.number != EXAMPLE]

    def _rows(self) -> list[Row]:
        return [self._row(plan) for plan in self.plans]

    def _row(self, plan: Plan) -> Row:
        room = self._rooms.get(plan.number)
        if room is None:
            return Row(plan.number)
        stats = room.queue.get_stats()
        tasks = {str(status): stats[status] for status in (*UNFINISHED, *_ENDED)}
        return Row(plan.number, fault_of(plan).symptom(plan), tasks, room.is_well())


def _print_copies(room: Room, command: str) -> None:
    """Print what a command answers in a copy of a room, and in one for each rival."""
    start = room.queue.namespace
    known = read_command(command, room.queue.redis, start, SPACE)
    with Copy(room, "as-it-is") as as_it_is:
        print(f"> {known}\n{ask_copy(known, as_it_is, start)}")  # noqa: T201
    for rival in fault_of(room.plan).rivals():
        with Copy(room, "otherwise") as otherwise:
            rival.change(otherwise)
            words = tr("And if {words}:", words=rival.words)
            print(f"{words}\n{ask_copy(known, otherwise, start)}")  # noqa: T201


def _said_of(plan: Plan, words: str) -> str:
    return tr("room {number}: {words}", number=plan.number, words=words)
