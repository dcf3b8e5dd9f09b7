"""How far one queue is ahead of the best other one: what a run tells that holds elsewhere, too.

A ratio to a loop depends on the processor: the same version had 1.10 on one machine and 0.76 on
another of the same size. Its lead over its best peer, taken in the same minute, was the same.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OURS = "imglab"


def processor() -> str:
    """The name of this machine's processor, as the system has it."""
    about = Path("/proc/cpuinfo")
    if about.is_file():
        found = re.search(r"^model name\s*: (.+)$", about.read_text(), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def leads(peers: Mapping[str, Mapping[str, Any]], columns: Mapping[str, str]) -> list[str]:
    """For each column our rate divided by the best of the others, with its name."""
    return [_lead(peers, key) for key in columns]


def _lead(peers: Mapping[str, Mapping[str, Any]], key: str) -> str:
    rates = {
        entry["label"]: entry["figures"][key]["rate"]["median"]
        for entry in peers.values()
        if key in entry.get("figures", {})
    }
    ours = rates.pop(OURS, None)
    if ours is None or not rates:
        return "–"
    best = max(rates, key=rates.__getitem__)
    return f"{ours / rates[best]:.2f} × {best}"
