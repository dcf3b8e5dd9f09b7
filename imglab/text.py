r"""How a text that may be anybody's is shown: as text, whatever is in it.

Names, reasons and log lines come from tasks, files, workers and Redis. A terminal obeys some
characters (it moves, clears, renames its window), and a reader is misled by others (a line end that
begins a forged line, a mark that turns the reading direction). Here each of them becomes the
escape that Python would write for it, such as `\x1b`. HTML is escaped in `views/html_table.py`.
"""

from __future__ import annotations

import json
import re
import textwrap
import unicodedata

from imglab.language import tr

#: The kinds of characters that steer or hide: control, format, half a pair, line and paragraph end.
_ODD_KINDS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: Format characters that words and emoji of many languages need: they join two letters, or do not.
_JOINERS = frozenset({"\u200c", "\u200d"})
#: A colour or another wish to a terminal, as programs write them into their logs.
_STYLE = re.compile(r"\x1b\[[0-9;]*m")

#: Letters of a printed line that have room in a browser 1,024 pixels wide: JupyterLab breaks a
#: longer one anywhere, also inside a word.
LINE_LETTERS = 70


def shown(text: object) -> str:
    """The text in one line that no terminal obeys and no reader misreads."""
    letters = str(text)
    if letters.isprintable():
        return letters
    return "".join(map(_shown_letter, letters))


def shown_lines(text: object) -> str:
    """The same for a text of several lines: each line is kept, and those after the first indented.

    So a line that somebody put into a reason never looks like one of ours.
    """
    first, *others = str(text).splitlines() or [""]
    lines = [shown(first)]
    lines += [f"    {shown(line)}" for line in others]
    return "\n".join(lines)


def shown_output(text: str) -> str:
    """What a program printed, line by line, without its colours; only line ends end a line."""
    lines = _STYLE.sub("", text).split("\n")
    return "\n".join(shown(line.rstrip("\r").replace("\t", "    ")) for line in lines)


def shown_json(value: object) -> str:
    """A value as JSON for people: letters of every language as they are, odd ones escaped."""
    lines = json.dumps(value, indent=2, ensure_ascii=False).split("\n")
    return "\n".join("".join(map(_json_letter, line)) for line in lines)


def is_utf8(text: str) -> bool:
    """Whether a text can be stored as UTF-8; names of files and arguments may hold other bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def told(value: object) -> str:
    """A value as Python writes it, in at most 80 letters; its type where Python cannot."""
    try:
        words = repr(value)
    except Exception:  # noqa: BLE001 - it is somebody else's, and so is what it raises
        return tr("a {kind} that cannot be shown", kind=type(value).__name__)
    return short(words, 80)


def short(text: str, length: int) -> str:
    """The text, or so many letters of it."""
    return text if len(text) <= length else text[: length - 1] + "…"


def wrapped(text: str, indent: str = "") -> str:
    """Sentences in lines that have room everywhere; `indent` is in front of each but the first.

    Lines that are there stay apart. Names and addresses are not divided, however long they are.
    """
    lines = []
    for line in text.splitlines():
        parts = textwrap.wrap(
            line,
            LINE_LETTERS,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines.append("\n".join(parts))
    return "\n".join(lines)


def _is_odd(letter: str) -> bool:
    return unicodedata.category(letter) in _ODD_KINDS and letter not in _JOINERS


def _shown_letter(letter: str) -> str:
    if _is_odd(letter):
        return letter.encode("unicode_escape").decode("ascii")
    return letter


def _json_letter(letter: str) -> str:
    if _is_odd(letter):
        return json.dumps(letter)[1:-1]
    return letter
