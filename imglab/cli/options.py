"""Options that mean nothing where they were given: refused in a sentence, never ignored."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping

from imglab.errors import ImglabError
from imglab.language import tr


def given_of(options: Mapping[str, object]) -> list[str]:
    """Those of some options that were given; what is empty, zero or as by default was not."""
    return [option for option, value in options.items() if value]


def check_needs(options: Mapping[str, object], needed: str) -> None:
    """Refuse options that mean nothing without another one, which is not there."""
    for option in given_of(options):
        raise ImglabError(
            tr(
                "{option} means nothing without {needed}: say that, too, or leave {option} out.",
                option=option,
                needed=needed,
            )
        )


def check_together(options: Mapping[str, object], pairs: Collection[tuple[str, str]] = ()) -> None:
    """Refuse two options at once, unless they are one of the pairs that go together."""
    for first, second in itertools.combinations(given_of(options), 2):
        if (first, second) not in pairs:
            raise ImglabError(
                tr(
                    "{first} and {second} do not go together: leave one of them out.",
                    first=first,
                    second=second,
                )
            )
