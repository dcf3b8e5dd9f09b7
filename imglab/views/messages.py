"""A conversation as a picture: time goes down, a column for each who takes part, words on arrows.

It is made of characters, and its text twin of the same ones. The queue's events tell most of it;
what the queue does not write down, such as a report that it refused, is told by whoever saw it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from imglab.language import tr
from imglab.queues import RedisTaskQueue
from imglab.queues.vocabulary import Event, meaning
from imglab.text import short, shown
from imglab.views.html_table import (
    BAD,
    DONE,
    GREY,
    MOST_LETTERS,
    WRAP_STYLE,
    cell,
    column_head,
    fixed_table,
    letters_wide,
    plain,
    row,
    tinted_signs,
)

#: The column of whoever all the others talk to.
REDIS = "Redis"
#: The most letters of the words of a message, and of a remark beside it.
WORDS_LETTERS = 32
REMARK_LETTERS = 44
#: Letters of an arrow besides its words: two dashes and a space on each side, and its head.
ARROW_LETTERS = 7
#: Letters of the mark in front of what happens to one alone.
MARK_LETTERS = 2
#: The narrowest a column may be, in letters.
LEAST_PITCH = 16
#: In a table: the most letters of the last column, and the fewest of another one and of remarks.
MOST_LAST = 24
LEAST_COLUMN = 8
LEAST_REMARK = 24
#: What happens to one alone goes on below its words, and not below its mark.
BESIDE_THE_MARK = f"{WRAP_STYLE};padding-left:1.2em;text-indent:-1.2em"
#: How a message ended, and the colour of its arrow; words and marks say it, too.
TONES = {"good": DONE, "bad": BAD}


@dataclass(frozen=True)
class Message:
    """An arrow from one to another; without a receiver, what happens to one alone."""

    sender: str
    words: str
    receiver: str = ""
    #: "good", "bad", or nothing.
    tone: str = ""
    #: Whether the receiver did not take it.
    is_refused: bool = False
    #: What is to be said beside it.
    remark: str = ""


@dataclass(frozen=True)
class Conversation:
    """Messages in the order of time, and the columns between which they go."""

    messages: tuple[Message, ...]

    @property
    def columns(self) -> list[str]:
        """Who takes part, as they first speak, and Redis in the middle of them."""
        names: dict[str, None] = {}
        for message in self.messages:
            names[message.sender] = None
            if message.receiver:
                names[message.receiver] = None
        others = [name for name in names if name != REDIS]
        middle = (len(others) + 1) // 2
        return [*others[:middle], REDIS, *others[middle:]]

    @property
    def _pitch(self) -> int:
        """Letters from one line to the next."""
        last = self.columns[-1]
        widths = [LEAST_PITCH]
        for message in self.messages:
            width = len(_words(message))
            if message.receiver:
                widths.append(width + ARROW_LETTERS)
            elif message.sender != last:
                widths.append(width + MARK_LETTERS)
        return max(widths) + 1

    @property
    def _last_width(self) -> int:
        """Letters to the right of the last line: what happens to the last one alone."""
        last = self.columns[-1]
        own = [_words(each) for each in self.messages if each.sender == last and not each.receiver]
        return max(map(len, [last, *own])) + 4

    @property
    def _has_remarks(self) -> bool:
        return any(each.remark for each in self.messages)

    def _table_widths(self) -> list[int]:
        """Letters of each column of the table, so that all have room on a small screen."""
        others = len(self.columns) - 1
        last = min(self._last_width, MOST_LAST)
        room = MOST_LETTERS - last
        room_for_others = room
        if self._has_remarks:
            room_for_others -= LEAST_REMARK
        widths = []
        if others:
            pitch = max(LEAST_COLUMN, min(self._pitch, room_for_others // others))
            widths = [pitch] * others
        widths.append(last)
        if self._has_remarks:
            remarks = max(LEAST_REMARK, room - sum(widths[:-1]))
            widths.append(min(REMARK_LETTERS, remarks))
        return widths

    def __str__(self) -> str:
        columns = self.columns
        pitch = self._pitch
        lines = ["".join(shown(name).ljust(pitch) for name in columns).rstrip()]
        for message in self.messages:
            line = "".join("│".ljust(pitch) for _ in columns)
            start, text = _drawn(message, columns, pitch)
            line = line[:start] + text + line[start + len(text) :]
            if message.remark:
                width = pitch * (len(columns) - 1) + self._last_width
                line = line.rstrip().ljust(width) + _remark(message)
            lines.append(line.rstrip())
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        columns = self.columns
        widths = self._table_widths()
        has_remarks = self._has_remarks
        names = [*map(plain, columns), ""][: len(widths)]
        heads = [
            column_head(name, f"{letters_wide(width)};font-weight:bold")
            for name, width in zip(names, widths, strict=True)
        ]
        rows = [row(heads)]
        for message in self.messages:
            cells = _cells(message, columns, widths[0])
            if has_remarks:
                cells.append(cell(escape(_remark(message)), f"{WRAP_STYLE};color:{GREY}"))
            rows.append(row(cells))
        return fixed_table("messages", rows, sum(widths), 1.7)


def _words(message: Message) -> str:
    words = short(shown(message.words), WORDS_LETTERS)
    return tr("{words}: refused", words=words) if message.is_refused else words


def _remark(message: Message) -> str:
    return short(shown(message.remark), REMARK_LETTERS)


def _drawn(
    message: Message, columns: Sequence[str], pitch: int, line_width: int = 1
) -> tuple[int, str]:
    """Where a message begins in its row, and its characters; a column's line takes some of them."""
    sender = columns.index(message.sender)
    if not message.receiver:
        return sender * pitch, f"● {_words(message)}"
    receiver = columns.index(message.receiver)
    left = min(sender, receiver)
    length = abs(sender - receiver) * pitch - line_width
    goes_right = receiver > sender
    if message.is_refused:
        head = "✗"
    elif goes_right:
        head = "▶"
    else:
        head = "◀"
    text = _arrow(_words(message), head, length, goes_right=goes_right)
    return left * pitch + 1, text


def _arrow(words: str, head: str, length: int, *, goes_right: bool) -> str:
    """An arrow of so many letters with its words inside, or below them where it is too short."""
    # A browser would divide an arrow that a font draws a little wider, so only words are divided.
    above = ""
    if len(words) + ARROW_LETTERS > length:
        line = "─" * (length - 1)
        parts = textwrap.wrap(words, length - 1, break_on_hyphens=False)
        above = "".join(f"{part}\n" for part in parts)
    else:
        line = f" {words} ".center(length - 1, "─")
    if goes_right:
        return f"{above}{line}{head}"
    return f"{above}{head}{line}"


def _cells(message: Message, columns: Sequence[str], pitch: int) -> list[str]:
    """The cells of a message: each begins with the line of its column."""
    # Here the lines are borders, and take no letter's place.
    start, text = _drawn(message, columns, pitch, line_width=0)
    first = start // pitch
    reach = 1
    kind = BESIDE_THE_MARK
    if message.receiver:
        kind = "vertical-align:top"
        reach = abs(columns.index(message.sender) - columns.index(message.receiver))
    line = f"border-left:1px solid {GREY};overflow:visible"
    cells = []
    for number in range(len(columns)):
        if number == first:
            html = escape(text)
            if message.tone:
                html = tinted_signs(html, TONES[message.tone])
            cells.append(cell(html, f"{line};{kind}", columns=reach))
        elif not first < number < first + reach:
            cells.append(cell("", line))
    return cells


class Diary:
    """What a person saw of a queue, to be put between the queue's own events at its place.

    The queue does not write down that a worker was frozen, or that it refused a report.
    """

    def __init__(self, queue: RedisTaskQueue) -> None:
        self._queue = queue
        #: Each with the number of events that were there before it.
        self._seen: list[tuple[int, Message]] = []

    def note(self, who: str, words: str, tone: str = "") -> None:
        """Write down what happened to one of them."""
        self._add(Message(who, words, tone=tone))

    def refused(self, who: str, words: str) -> None:
        """Write down that Redis did not take what somebody reported."""
        self._add(Message(who, words, REDIS, tone="bad", is_refused=True))

    def _add(self, message: Message) -> None:
        before = len(list(self._queue.events()))
        self._seen.append((before, message))

    def conversation(self, task_id: str) -> Conversation:
        """The events of one task, and between them what was seen, in the order of time."""
        found: list[Message] = []
        seen = list(self._seen)
        for number, event in enumerate(self._queue.events()):
            while seen and seen[0][0] <= number:
                found.append(seen.pop(0)[1])
            if event["task"] == task_id:
                found += message_of(event)
        found += [message for _, message in seen]
        return Conversation(tuple(found))


def conversation(events: Iterable[Mapping[str, Any]]) -> Conversation:
    """The conversation that a queue's events tell."""
    messages: list[Message] = []
    for event in events:
        messages += message_of(event)
    return Conversation(tuple(messages))


def message_of(event: Mapping[str, Any]) -> list[Message]:
    """The message that an event tells; none for an event that this version does not know."""
    task = event.get("task", "")
    worker = event.get("worker", "")
    if event.get("event") == Event.CLAIMED:
        return [
            Message(
                REDIS,
                tr("{task}, try {attempt}", task=task, attempt=event.get("attempt", "?")),
                worker,
            )
        ]
    if event.get("event") == Event.COMPLETED:
        return [Message(worker, tr("{task} is done", task=task), REDIS, tone="good")]
    if event.get("event") == Event.EXPIRED:
        return [Message(REDIS, tr("{worker} lost {task}", worker=worker, task=task), tone="bad")]
    known = meaning(event)
    if known is None:
        return []
    # Without the reason, which has no end.
    sentence = known.sentence.partition(":")[0]
    words = sentence.format(task=task, worker=worker, status=event.get("status", ""))
    tone = "bad" if event["event"] == Event.FAILED else ""
    return [Message(REDIS, words, tone=tone)]
