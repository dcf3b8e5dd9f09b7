"""Text that may be anybody's: harmless wherever it is shown, and still the same text."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imglab.text import (
    LINE_LETTERS,
    is_utf8,
    short,
    shown,
    shown_json,
    shown_lines,
    shown_output,
    wrapped,
)

#: Any text, with more of what a terminal obeys than chance would bring.
TEXTS = st.text(
    st.one_of(st.characters(), st.sampled_from("\x00\x07\n\r\t\x1b\x7f\x9b\u202e\u2028"))
)
ODD_KINDS = {"Cc", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("cat.jpg", "cat.jpg"),
        ("año 2024 – 猫 🐈", "año 2024 – 猫 🐈"),
        ("[/x] [bold]{x} $a$ <b>&", "[/x] [bold]{x} $a$ <b>&"),
        ("\x1b]0;x\x07\x1b[2J", r"\x1b]0;x\x07\x1b[2J"),
        ("one\r\ntwo\tthree", r"one\r\ntwo\tthree"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\udcff\x9b", r"\udcff\x9b"),
        ("a\u2028b\u200bc\ufeff", r"a\u2028b\u200bc\ufeff"),
        ("\U000e0041", r"\U000e0041"),
        # Words and emoji that need a joiner keep it.
        ("می\u200cخواهم 👩\u200d🚀", "می\u200cخواهم 👩\u200d🚀"),
        (7, "7"),
        ("", ""),
    ],
)
def test_p4_what_a_terminal_obeys_is_shown_as_an_escape_and_all_else_as_it_is(text, seen):
    assert shown(text) == seen


@given(TEXTS)
def test_p4_no_text_steers_a_terminal_or_fails_to_be_printed(text):
    for seen in (shown(text), shown(shown_lines(text).replace("\n", ""))):
        assert not {unicodedata.category(letter) for letter in seen} & ODD_KINDS
        seen.encode()


@given(TEXTS)
def test_p4_what_was_shown_once_stays_as_it_is(text):
    assert shown(shown(text)) == shown(text)


@given(TEXTS)
def test_p4_a_line_that_somebody_wrote_never_stands_at_the_margin(text):
    first, *others = shown_lines(text).split("\n")
    assert first == shown(first)
    assert all(line.startswith("    ") for line in others)


@given(st.dictionaries(TEXTS, st.lists(TEXTS)))
def test_p4_json_for_people_is_harmless_and_still_the_same_value(value):
    seen = shown_json(value)
    assert json.loads(seen) == json.loads(json.dumps(value))
    assert shown(seen.replace("\n", "")) == seen.replace("\n", "")


def test_a_program_s_output_keeps_its_lines_and_loses_its_colours():
    text = "\x1b[31mred\x1b[0m\r\n\tone\x1b[2Jtwo\x85three"
    assert shown_output(text) == "red\n    one\\x1b[2Jtwo\\x85three"


def test_names_of_other_bytes_are_known():
    assert is_utf8("año")
    assert not is_utf8("b\udcff.jpg")


def test_a_long_text_is_cut_with_a_sign_of_it():
    assert short("12345", 5) == "12345"
    assert short("123456", 5) == "1234…"


def test_sentences_are_divided_between_words_and_names_never():
    name = "06-exercise-snapshot"
    text = wrapped(" ".join([name] * 20))
    lines = text.splitlines()
    assert max(map(len, lines)) <= LINE_LETTERS
    assert text.split() == [name] * 20
    long = "redis://" + "x" * 100
    assert wrapped(long) == long


def test_lines_that_are_there_stay_and_those_that_follow_are_indented():
    words = "word " * 20
    lines = wrapped(f"first\n\n  code\n{words}", indent="    ").splitlines()
    assert lines[:3] == ["first", "", "  code"]
    assert lines[3].startswith("word")
    assert lines[4].startswith("    word")
