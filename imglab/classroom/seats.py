"""A place for each notebook in a Redis that many share: a lesson's key names are the same for all.

The names stand in the texts, so two people who run one lesson in one database would take each
other's tasks. Whoever comes second therefore gets another database of the same Redis.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from imglab import server
from imglab.classroom.workplace import check_workplace
from imglab.errors import QueueError, QueueUnavailable
from imglab.language import tr
from imglab.queues.addresses import in_database
from imglab.queues.presence import Presence, Present
from imglab.server.lifecycle import RedisServer
from imglab.text import wrapped

#: How many databases a Redis has when nobody changed it.
DATABASES = 16
#: What is done in a seat, in a sentence, where nobody says what.
THIS_LESSON = tr("this lesson")
#: How a connection is called that holds a seat: the lesson, who, and the process.
_NAME = re.compile(r"imglab-seat:(?P<lesson>[^:]+):(?P<who>[^:]+):(?P<process>\d+)")
#: Says a sentence to whoever sits down.
Say = Callable[[str], object]
#: A lesson, and the host and the port of the Redis in which somebody runs it.
_Key = tuple[str, str, int]
#: The seats of this process, and who sits there for us.
_taken: dict[_Key, Presence] = {}
#: How often each of them was taken, and not left since.
_times = Counter[_Key]()


@dataclass(frozen=True)
class _Seat:
    lesson: str
    who: str
    database: int


def take_seat(namespace: str) -> RedisServer:
    """Find Redis, or start it, with a database in which nobody else runs this lesson now.

    `namespace` is the lesson's, such as "lesson-05:". The seat is held until this process ends. It
    is that of the address, usually 0; where it is another one, that is printed.

    Raises QueueUnavailable when no Redis answers, or all its databases are taken; ImglabError where
    the lesson could not read or write its pictures.
    """
    check_workplace()
    return sit_down(namespace)


@contextmanager
def seat(namespace: str, what: str, say: Say = print) -> Iterator[RedisServer]:
    """Have a seat inside the block, as `sit_down` gives it."""
    here = sit_down(namespace, what, say)
    try:
        yield here
    finally:
        leave_seat(namespace, here)


def sit_down(namespace: str, what: str = THIS_LESSON, say: Say = print) -> RedisServer:
    """Find Redis, or start it, with a database in which nobody else does the same now.

    `what` names it in a sentence. Taken again in this process it is the same seat; it is free when
    `leave_seat` was called as often, or this process ends.

    Raises QueueUnavailable when no Redis answers, or all its databases are taken.
    """
    lesson = _lesson(namespace)
    here = server.ensure()
    key = (lesson, here.host, here.port)
    known = _taken.get(key)
    if known is None:
        try:
            known, reason = _sit_down(lesson, what, here)
        except QueueUnavailable:
            raise
        except QueueError:  # a user who may not list the connections
            words = tr(
                "This Redis does not say who else is here. If two of you run {what} on it, "
                "give each a database: write /1 or /2 behind the address.",
                what=what,
            )
            say(wrapped(words))
            return here
        _taken[key] = known
        if reason:
            say(_words(reason, known.database, here))
    _times[key] += 1
    if known.database == Presence(here.url).database:
        return here
    return replace(here, url=in_database(here.url, known.database))


def leave_seat(namespace: str, here: RedisServer) -> None:
    """Give back what `sit_down` gave; whoever leaves last frees it."""
    key = (_lesson(namespace), here.host, here.port)
    if key not in _taken:  # this Redis does not say who is here
        return
    _times[key] -= 1
    if _times[key] < 1:
        del _times[key]
        _taken.pop(key).leave()


def _lesson(namespace: str) -> str:
    return namespace.strip(":").removeprefix("lesson-")


def _sit_down(lesson: str, what: str, here: RedisServer) -> tuple[Presence, str]:
    """Take the best free seat; say why it is not in the database that the address names."""
    who = who_and_where()
    presence = Presence(here.url)
    home = presence.database
    name = f"imglab-seat:{lesson}:{who}:{os.getpid()}"
    seats = _seats(presence.appear(name, home))
    there = seats
    for database in _in_order(who, home, seats):
        # Not a second time where we are: who came meanwhile saw us there, and goes on.
        if presence.database != database:
            there = _seats(presence.appear(name, database))
        if any(seat.lesson == lesson and seat.database == database for seat in there):
            continue
        if presence.database != database:  # this Redis has fewer databases
            continue
        presence.stay()
        if database == home:
            return presence, ""
        return presence, _why_not(lesson, what, who, home, seats)
    presence.leave()
    raise QueueUnavailable(
        tr(
            "Somebody runs {what} in each database of this Redis. Shut down a notebook that nobody "
            "uses (Kernel → Shut Down Kernel), or use another Redis: IMGLAB_REDIS_URL.",
            what=what,
        )
    )


def _in_order(who: str, home: int, seats: list[_Seat]) -> list[int]:
    """All databases: those where this person sits, then where nobody does, `home` before others."""
    mine = {seat.database for seat in seats if seat.who == who}
    taken = {seat.database for seat in seats}

    def rank(database: int) -> tuple[bool, bool, bool, int]:
        return (database not in mine, database in taken, database != home, database)

    return sorted({home, *range(DATABASES)}, key=rank)


def _why_not(lesson: str, what: str, who: str, home: int, seats: list[_Seat]) -> str:
    """Why somebody does not sit at home."""
    others = [seat for seat in seats if seat.database == home and seat.who != who]
    for seat in others:
        if seat.lesson == lesson:
            return tr("{who} runs {what} here", who=seat.who, what=what)
    if others:
        return tr("{who} works here", who=others[0].who)
    if any(seat.database == home for seat in seats):
        return tr("Another notebook of yours runs {what} here", what=what)
    return tr("Your other notebooks are there")


def _seats(others: list[Present] | None) -> list[_Seat]:
    found = []
    for other in others or ():
        match = _NAME.fullmatch(other.name)
        if match:
            found.append(_Seat(match["lesson"], match["who"], other.database))
    return found


def who_and_where() -> str:
    """The person and the machine, in letters that a connection's name may have."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        user = f"user-{os.getuid()}"
    return re.sub(r"[^\w.@-]", "_", f"{user}@{socket.gethostname()}", flags=re.ASCII)


def _words(reason: str, database: int, here: RedisServer) -> str:
    if "@" in here.url:  # the address has a password in it, which is not for a screen
        return tr(
            "{reason}, so you get database {database} of this Redis, with keys of its own.\n"
            "In a terminal: imglab redis -n {database} …, or redis-cli -n {database} …; "
            "for other commands, write /{database} behind the address in IMGLAB_REDIS_URL.",
            reason=reason,
            database=database,
        )
    return tr(
        "{reason}, so you get database {database} of this Redis, with keys of its own.\n"
        "In a terminal: imglab redis -n {database} …, or redis-cli -n {database} …; "
        "for other commands, export IMGLAB_REDIS_URL={address}",
        reason=reason,
        database=database,
        address=in_database(here.url, database),
    )
