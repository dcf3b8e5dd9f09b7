"""Options that mean nothing where they are given: refused in a sentence, and nothing is done."""

from __future__ import annotations

import pytest
from helpers.terminal import refused


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--contact-sheet",), "--contact-sheet means nothing without --batch NAME"),
        (("--keep-folders",), "--keep-folders means nothing without --batch NAME"),
        (("--null",), "--null means nothing without --batch NAME"),
        (("--manifest", "x.jsonl"), "--manifest means nothing without --engine NAME"),
        (("--patience", "5"), "--patience means nothing without --engine NAME"),
        (("--batch", "b", "--manifest", "x.jsonl"), "--manifest means nothing without --engine"),
        (("--batch", "b", "--null"), "--null means nothing without -: say that, too"),
        (("--batch", "b", "--resume", "c"), "--batch and --resume do not go together"),
    ],
)
def test_a_submit_ignores_no_option(project, words, sentence):
    assert sentence in refused("submit", "images/sample.png", *words)


def test_names_on_standard_input_are_for_a_batch(project):
    assert "- means nothing without --batch NAME: say that, too" in refused("submit", "-")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--cancel",), "--cancel means nothing without the name of a batch"),
        (("--wait",), "--wait means nothing without the name of a batch"),
        (("--manifest", "-"), "--manifest means nothing without the name of a batch"),
        (("b", "--retry", "--cancel"), "--retry and --cancel do not go together"),
        (("b", "--manifest", "-", "--forget"), "--manifest and --forget do not go together"),
        (("b", "--watch", "--json"), "--watch and --json do not go together"),
        (("b", "--wait", "--cancel"), "--wait and --cancel do not go together"),
        (("b", "--retry", "--json"), "--retry and --json do not go together"),
    ],
)
def test_a_look_at_batches_ignores_no_option(project, words, sentence):
    assert sentence in refused("batch", *words)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("failed", "requeue", "x", "--all"), "ids and --all do not go together"),
        (("worker", "--metrics-host", "0.0.0.0"), "--metrics-host means nothing without"),
        (("stats", "--watch", "--json"), "--watch and --json do not go together"),
    ],
)
def test_other_commands_ignore_none_either(project, words, sentence):
    assert sentence in refused(*words)
