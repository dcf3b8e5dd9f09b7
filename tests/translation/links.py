"""Where the Spanish editions are, and how a link in one of them leads to another."""

from __future__ import annotations

import os
import re
from functools import cache, partial
from pathlib import Path

import guide
from guide import NOTEBOOKS, ROOT, SOLVED
from helpers.pages import anchor

from translation import pages
from translation.catalogues import CONTROL_ROOM, translation

SPANISH = NOTEBOOKS / "es"
#: Names in notebooks/ and in its solved/, and what they are in notebooks/es and its solved/.
LESSONS = {
    "00_the_bench": "00_el_banco_de_trabajo",
    "01_filters_and_pipelines": "01_filtros_y_cadenas",
    "02_threads_or_processes": "02_hilos_o_procesos",
    "03_redis_in_ten_commands": "03_redis_en_diez_comandos",
    "04_build_the_queue": "04_construye_la_cola",
    "05_many_workers": "05_muchos_workers",
    "06_live_monitor": "06_monitor_en_vivo",
    "07_priorities": "07_prioridades",
    "08_kill_a_worker": "08_mata_un_worker",
    "09_round_trips_and_load": "09_viajes_de_ida_y_vuelta_y_carga",
    "10_fault_room_and_beyond": "10_sala_de_averias_y_mas_alla",
}
PAGES = {
    ROOT / "README.md": SPANISH / "LEEME.md",
    NOTEBOOKS / "student_guide.md": SPANISH / "guia_del_estudiante.md",
    guide.GUIDE: SPANISH / "guia_del_instructor.md",
}
#: English file or folder → its Spanish edition.
EDITIONS = {
    SOLVED: SPANISH / "solved",
    CONTROL_ROOM: SPANISH / "sala_de_control.ipynb",
    **{NOTEBOOKS / f"{name}.ipynb": SPANISH / f"{es}.ipynb" for name, es in LESSONS.items()},
    **{SOLVED / f"{name}.ipynb": SPANISH / f"solved/{es}.ipynb" for name, es in LESSONS.items()},
    **PAGES,
}
#: A link to a file of ours, or to a heading.
LINK = re.compile(r"(?<=\]\()(?!https?:)(?P<path>[^)\s#]*)#?(?P<anchor>[^)\s]*)(?=\))")


def in_spanish(text: str, source: Path) -> str:
    """A text of a file, with its links as the Spanish edition has them.

    They lead to the Spanish edition of a file; those that did so already, to the English one.
    """
    return LINK.sub(partial(_target, source=source), text)


def _target(found: re.Match[str], source: Path) -> str:
    path = source
    target = ""
    if found["path"]:
        path = Path(os.path.normpath(source.parent / found["path"]))
        both_ways = EDITIONS | {spanish: english for english, spanish in EDITIONS.items()}
        target = os.path.relpath(both_ways.get(path, path), EDITIONS[source].parent)
    if found["path"].endswith("/"):
        target += "/"
    if found["anchor"]:
        target += "#" + _anchors(path).get(found["anchor"], found["anchor"])
    return target


@cache
def _anchors(source: Path) -> dict[str, str]:
    """English anchor of a page → the Spanish one."""
    found = {}
    if source in PAGES:
        say = translation(source)
        for piece in pages.pieces(source.read_text(encoding="utf-8")):
            if piece.text.startswith("#"):
                heading = say(piece.context, piece.text)
                found[piece.context] = anchor(heading.lstrip("# "))
    return found
