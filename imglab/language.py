"""The language that this process speaks with people: English, or another one from its catalogue.

Words of the protocol (statuses, events, keys, names of filters) are the same in every language, and
so is what a program reads: JSON, metrics, log lines.
"""

from __future__ import annotations

import gettext
import locale
import os
from functools import cache
from pathlib import Path

from imglab.notebook import running_ipython

#: Names the language, where no lesson does: `es`, or `en`.
VARIABLE = "IMGLAB_LANG"
#: The language that the texts in the code are written in.
ENGLISH = "en"
LANGUAGES = (ENGLISH, "es")
#: One folder a language, with its catalogue as gettext wants it.
CATALOGUES = Path(__file__).parent / "locale"
DOMAIN = "imglab"


def tr(text: str, **values: object) -> str:
    """The text in this process' language, with its `{names}` filled in.

    The text is one literal, for `tests/catalogue.py` reads it from the source. Braces that are
    meant as such are doubled, but only where there are values.
    """
    translated = _catalogue(language()).gettext(text)
    if not values:
        return translated
    return translated.format(**values)


def tr_count(one: str, many: str, count: int, **values: object) -> str:
    """The text for one, or for so many (`{count}`), in this process' language, filled in."""
    translated = _catalogue(language()).ngettext(one, many, count)
    return translated.format(count=count, **values)


def in_every_language(text: str) -> set[str]:
    """A text that stands in a `tr` elsewhere, as every language says it: for what people type."""
    return {_catalogue(name).gettext(text) for name in LANGUAGES}


@cache
def language() -> str:
    """The language of this process: the lesson's, else IMGLAB_LANG's, else the system's.

    It is chosen once, and handed on in the environment: a worker speaks as the notebook that
    started it.
    """
    chosen = _of_the_lesson() or _read(os.environ.get(VARIABLE)) or _of_the_system()
    os.environ[VARIABLE] = chosen
    return chosen


def _of_the_lesson() -> str | None:
    """A notebook below `notebooks/es` is a Spanish one, any other of `notebooks` an English one."""
    if running_ipython() is None:
        return None
    here = Path.cwd()
    for folder in (here, *here.parents):
        if folder.parent.name == "notebooks" and folder.name in LANGUAGES:
            return folder.name
        if folder.name == "notebooks":
            return ENGLISH
    return None


def _of_the_system() -> str:
    """The language of the terminal: the first of these variables that says one counts."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(variable):
            return _read(os.environ[variable]) or ENGLISH
    return _read(locale.getlocale()[0]) or ENGLISH


def _read(name: str | None) -> str | None:
    """The language of a name like `es_ES.UTF-8` or `Spanish_Spain`; None when we have none."""
    beginning = (name or "").casefold()
    for each in LANGUAGES:
        if beginning == each or beginning.startswith((f"{each}_", f"{each}-")):
            return each
    if beginning.startswith("spanish"):
        return "es"
    return None


@cache
def _catalogue(name: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, CATALOGUES, languages=[name], fallback=True)
