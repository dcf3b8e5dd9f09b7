"""The prose of a cell: its markdown, or the comments and docstrings of its code."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import partial

import nbformat

#: A comment of a line of its own, or behind code; not a mark such as `### BEGIN SOLUTION`.
COMMENT = re.compile(r"(?:^[ ]*|  )# (?P<text>\S.*)$", re.MULTILINE)
#: What a function or a class says of itself.
DOCSTRING = re.compile(r'^ *(?:def|class) [^\n]*:\n +"""(?P<text>.+?)"""', re.MULTILINE | re.DOTALL)

#: A line that IPython carries out, and not Python.
MAGIC = re.compile(r"^( *)(%.*)$", re.MULTILINE)
#: What may have a docstring in a cell.
DOCUMENTED = ast.FunctionDef | ast.ClassDef


def prose(cell: nbformat.NotebookNode) -> Iterator[str]:
    """The texts of a cell that are translated, in their order."""
    if cell.cell_type == "markdown":
        yield cell.source
        return
    for pattern in (DOCSTRING, COMMENT):
        for found in pattern.finditer(cell.source):
            yield found["text"]


def translated(code: str, say: Callable[[str], str]) -> str:
    """Code with what `say` makes of its comments and docstrings."""
    for pattern in (DOCSTRING, COMMENT):
        code = pattern.sub(partial(_in_place, say=say), code)
    return code


def _in_place(found: re.Match[str], say: Callable[[str], str]) -> str:
    begin = found.start("text") - found.start()
    end = found.end("text") - found.start()
    return found[0][:begin] + say(found["text"]) + found[0][end:]


def code_of(source: str) -> str:
    """What of a cell runs: its code without comments and docstrings, its magics as they are."""
    magic = ""
    if source.startswith("%%"):
        magic, _, source = source.partition("\n")
    code = MAGIC.sub(lambda found: f"{found[1]}magic({found[2]!r})", source)
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return magic + source  # no Python: lines for Redis
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False):
            node.body[0] = ast.Pass()
    return magic + ast.unparse(tree)
