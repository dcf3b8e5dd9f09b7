"""Lesson 00: the address of a Redis, built from the host and the port it listens on."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from imglab.errors import QueueUnavailable
from imglab.exercises.examiner import Examiner
from imglab.exercises.exercise import Exercise
from imglab.language import tr
from imglab.queues.connection import connect, speaking_to


class Place(NamedTuple):
    """Where a Redis listens."""

    host: str
    port: int


def address(here):
    return f"redis://{here.host}:{here.port}"


def judge_address(answer: Callable[[Place], str], exam: Examiner) -> None:
    """The form of the address, then who answers there, then that of another Redis."""
    own = urlsplit(exam.url)
    here = Place(own.hostname or "localhost", own.port or 6379)
    exam.case(
        tr(
            "here.host = {host!r}, here.port = {port}, the Redis of this class",
            host=here.host,
            port=here.port,
        ),
        tr("Only here.host and here.port are given, as in a colleague's note. Use these two."),
    )
    got = answer(here)
    exam.require(
        isinstance(got, str),
        tr("a string"),
        f"{got!r:.80}",
        tr("The function has to return the string; print shows it, and the function returns None."),
    )
    parts = _parts(got, exam)
    _is_there(parts, exam)
    told = _with_credentials_of(own, parts)
    exam.require(
        _run_id(told, exam) == _run_id(exam.url, exam),
        tr("the Redis of this class"),
        tr("another one, at {address}", address=got),
        tr("A Redis answers there, but not this one: compare the port with here.port."),
    )
    exam.require(
        parts.path.strip("/") in {"", "0", own.path.strip("/")},
        tr("database 0, where the others put their tasks"),
        tr("database {number}, at {address}", number=parts.path.strip("/"), address=got),
        tr(
            "That is another drawer of the same Redis: a worker that looks into drawer 0 finds "
            "nothing of what you put there. Leave the number out."
        ),
    )
    other = Place("192.0.2.7", 7001)
    exam.case(
        tr("here.host = '192.0.2.7', here.port = 7001, a Redis on another machine"),
        tr(
            "You give the same address for every Redis. Take host and port from `here`, whose "
            "values are others tomorrow."
        ),
    )
    parts = _parts(answer(other), exam)
    exam.expect(tuple(other), (parts.hostname, parts.port))


def _with_credentials_of(own: SplitResult, parts: SplitResult) -> str:
    """A student's address with the scheme, user and password of ours, which nobody has told."""
    credentials, at, _ = own.netloc.rpartition("@")
    _, _, place = parts.netloc.rpartition("@")
    return own._replace(netloc=f"{credentials}{at}{place}", path=parts.path).geturl()


def _parts(got: str, exam: Examiner) -> SplitResult:
    """The parts of an address, which has a scheme, a host and a port."""
    shown = f"{got:.80}"
    scheme, separator, _ = got.partition("://")
    exam.require(
        "{" not in got,
        tr("the values of here.host and here.port"),
        shown,
        tr("The braces are still in it: only a string with an f in front, f'…', fills them in."),
    )
    exam.require(
        separator,
        tr("an address that begins with redis://"),
        shown,
        tr("It has no scheme: nothing says which language is spoken there. Begin with redis://."),
    )
    exam.require(
        scheme in ("redis", "rediss"),
        tr("an address that begins with redis://"),
        shown,
        tr(
            "{scheme} is another language: web servers understand http, a Redis does not.",
            scheme=scheme,
        ),
    )
    try:
        parts = urlsplit(got)
        port = parts.port
    except ValueError:
        port = None
    exam.require(
        port,
        tr("host:port behind the two slashes"),
        shown,
        tr(
            "It has no port: that is a number behind a colon. A number behind a slash is a "
            "database."
        ),
    )
    return parts


def _is_there(parts: SplitResult, exam: Examiner) -> None:
    """Require that a machine has this name."""
    try:
        socket.getaddrinfo(parts.hostname, parts.port)
    except OSError as error:
        exam.require(
            False,
            tr("the name or the number of a machine"),
            f"{parts.hostname}: {error.strerror}",
            tr(
                "No machine has that name. If it reads here.host: in an f-string, a value needs "
                "braces around it."
            ),
        )


def _run_id(url: str, exam: Examiner) -> str:
    """Which server it is: Redis makes up a new id whenever it starts."""
    try:
        with connect(url=url) as client, speaking_to(client):
            return str(client.info("server")["run_id"])
    except QueueUnavailable as error:
        refused = tr(
            "The machine is there, but no program listens at that address and port, or it does not "
            "let you in. The port is in here.port."
        )
        exam.require(False, tr("an answer"), _without_advice(error), refused)
        raise


def _without_advice(error: QueueUnavailable) -> str:
    """What happened, in any language: where and, in brackets, why. Behind it stands what to do."""
    what, bracket, _ = str(error).partition("). ")
    return what + bracket.rstrip()


EXERCISES = {
    "00-exercise-address": Exercise(
        task=tr(
            "Write address(here). It returns the address of the Redis that listens at here.host "
            "and here.port, as a string such as redis://localhost:6379, for any host and port."
        ),
        hints=(
            tr(
                "Compare the broken address with scheme://host:port part by part. Which language "
                "does a Redis speak? What stands in front of a port?"
            ),
            tr("The scheme is redis, and a colon stands between host and port: two changes."),
            tr(
                'In f"redis://{here.host}:…", write here.port in braces in place of the dots, and '
                "return the string."
            ),
        ),
        solution=address,
        judge=judge_address,
        redis=True,
    )
}
