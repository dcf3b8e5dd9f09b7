"""Lesson 00: the address of a Redis, built from the host and the port it listens on."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from imglab.errors import QueueUnavailable
from imglab.exercises.examiner import Examiner
from imglab.exercises.exercise import Exercise
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
        f"here.host = {here.host!r}, here.port = {here.port}, the Redis of this class",
        "Only here.host and here.port are given, as in a colleague's note. Use these two.",
    )
    got = answer(here)
    exam.require(
        isinstance(got, str),
        "a string",
        f"{got!r:.80}",
        "The function has to return the string; print shows it, and the function returns None.",
    )
    parts = _parts(got, exam)
    _is_there(parts, exam)
    told = _with_credentials_of(own, parts)
    exam.require(
        _run_id(told, exam) == _run_id(exam.url, exam),
        "the Redis of this class",
        f"another one, at {got}",
        "A Redis answers there, but not this one: compare the port with here.port.",
    )
    exam.require(
        parts.path.strip("/") in {"", "0", own.path.strip("/")},
        "database 0, where the others put their tasks",
        f"database {parts.path.strip('/')}, at {got}",
        "That is another drawer of the same Redis: a worker that looks into drawer 0 finds nothing "
        "of what you put there. Leave the number out.",
    )
    other = Place("192.0.2.7", 7001)
    exam.case(
        "here.host = '192.0.2.7', here.port = 7001, a Redis on another machine",
        "You give the same address for every Redis. Take host and port from `here`, whose values "
        "are others tomorrow.",
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
        "the values of here.host and here.port",
        shown,
        "The braces are still in it: only a string with an f in front, f'…', fills them in.",
    )
    exam.require(
        separator,
        "an address that begins with redis://",
        shown,
        "It has no scheme: nothing says which language is spoken there. Begin with redis://.",
    )
    exam.require(
        scheme in ("redis", "rediss"),
        "an address that begins with redis://",
        shown,
        f"{scheme} is another language: web servers understand http, a Redis does not.",
    )
    try:
        parts = urlsplit(got)
        port = parts.port
    except ValueError:
        port = None
    exam.require(
        port,
        "host:port behind the two slashes",
        shown,
        "It has no port: that is a number behind a colon. A number behind a slash is a database.",
    )
    return parts


def _is_there(parts: SplitResult, exam: Examiner) -> None:
    """Require that a machine has this name."""
    try:
        socket.getaddrinfo(parts.hostname, parts.port)
    except OSError as error:
        exam.require(
            False,
            "the name or the number of a machine",
            f"{parts.hostname}: {error.strerror}",
            "No machine has that name. If it reads here.host: in an f-string, a value needs "
            "braces around it.",
        )


def _run_id(url: str, exam: Examiner) -> str:
    """Which server it is: Redis makes up a new id whenever it starts."""
    try:
        with connect(url=url) as client, speaking_to(client):
            return str(client.info("server")["run_id"])
    except QueueUnavailable as error:
        refused = (
            "The machine is there, but no program listens at that address and port, or it does not "
            "let you in. The port is in here.port."
        )
        exam.require(False, "an answer", str(error).partition(" Start one")[0], refused)
        raise


EXERCISES = {
    "00-exercise-address": Exercise(
        task=(
            "Write address(here). It returns the address of the Redis that listens at "
            "here.host and here.port, as a string such as redis://localhost:6379, for any "
            "host and port."
        ),
        hints=(
            "Compare the broken address with scheme://host:port part by part. Which language does "
            "a Redis speak? What stands in front of a port?",
            "The scheme is redis, and a colon stands between host and port: two changes.",
            'In f"redis://{here.host}:…", write here.port in braces in place of the dots, and '
            "return the string.",
        ),
        solution=address,
        judge=judge_address,
        redis=True,
    )
}
