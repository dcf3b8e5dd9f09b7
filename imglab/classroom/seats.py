"""A place for each notebook in a Redis that many share: a lesson's key names are the same for all.

The names stand in the texts, so two people who run one lesson in one database would take each
other's tasks. Whoever comes second therefore gets another database of the same Redis.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
from dataclasses import dataclass, replace

from imglab import server
from imglab.classroom.workplace import check_workplace
from imglab.errors import QueueError, QueueUnavailable
from imglab.queues.connection import in_database
from imglab.queues.presence import Presence, Present
from imglab.server.lifecycle import RedisServer
from imglab.text import wrapped

#: How many databases a Redis has when nobody changed it.
DATABASES = 16
#: How a connection is called that holds a seat: the lesson, who, and the process.
_NAME = re.compile(r"imglab-seat:(?P<lesson>[^:]+):(?P<who>[^:]+):(?P<process>\d+)")
#: The seats of this process: the lesson and the server, and who sits there for us.
_taken: dict[tuple[str, str, int], Presence] = {}


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
    lesson = namespace.strip(":").removeprefix("lesson-")
    here = server.ensure()
    known = _taken.get((lesson, here.host, here.port))
    if known is None:
        try:
            known, reason = _sit_down(lesson, here)
        except QueueUnavailable:
            raise
        except QueueError:  # a user who may not list the connections
            words = (
                "This Redis does not say who else is here. If two of you run the same lesson on "
                "it, give each a database: write /1 or /2 behind the address."
            )
            print(wrapped(words))  # noqa: T201 - said aloud, in a notebook
            return here
        _taken[lesson, here.host, here.port] = known
        if reason:
            print(_words(reason, known.database, here))  # noqa: T201
    if known.database == Presence(here.url).database:
        return here
    return replace(here, url=in_database(here.url, known.database))


def _sit_down(lesson: str, here: RedisServer) -> tuple[Presence, str]:
    """Take the best free seat; say why it is not in the database that the address names."""
    who = _who()
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
        return presence, _why_not(lesson, who, home, seats)
    presence.leave()
    raise QueueUnavailable(
        "Somebody runs this lesson in each database of this Redis. Shut down a notebook that "
        "nobody uses (Kernel → Shut Down Kernel), or use another Redis: IMGLAB_REDIS_URL."
    )


def _in_order(who: str, home: int, seats: list[_Seat]) -> list[int]:
    """All databases: those where this person sits, then where nobody does, `home` before others."""
    mine = {seat.database for seat in seats if seat.who == who}
    taken = {seat.database for seat in seats}

    def rank(database: int) -> tuple[bool, bool, bool, int]:
        return (database not in mine, database in taken, database != home, database)

    return sorted({home, *range(DATABASES)}, key=rank)


def _why_not(lesson: str, who: str, home: int, seats: list[_Seat]) -> str:
    """Why somebody does not sit at home."""
    others = [seat for seat in seats if seat.database == home and seat.who != who]
    for seat in others:
        if seat.lesson == lesson:
            return f"{seat.who} runs this lesson here"
    if others:
        return f"{others[0].who} works here"
    if any(seat.database == home for seat in seats):
        return "Another notebook of yours runs this lesson here"
    return "Your other notebooks are there"


def _seats(others: list[Present] | None) -> list[_Seat]:
    found = []
    for other in others or ():
        match = _NAME.fullmatch(other.name)
        if match:
            found.append(_Seat(match["lesson"], match["who"], other.database))
    return found


def _who() -> str:
    """The person and the machine, in letters that a connection's name may have."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        user = f"user-{os.getuid()}"
    return re.sub(r"[^\w.@-]", "_", f"{user}@{socket.gethostname()}", flags=re.ASCII)


def _words(reason: str, database: int, here: RedisServer) -> str:
    words = (
        f"{reason}, so you get database {database} of this Redis, with keys of its own.\n"
        f"In a terminal: imglab redis -n {database} …, or redis-cli -n {database} …; "
        "for other commands, "
    )
    if "@" in here.url:  # the address has a password in it, which is not for a screen
        return words + f"write /{database} behind the address in IMGLAB_REDIS_URL."
    return words + f"export IMGLAB_REDIS_URL={in_database(here.url, database)}"
