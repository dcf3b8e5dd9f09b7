"""Lesson 06's judge refuses the solution with any one operator, constant or order changed."""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from imglab.exercises import lesson_06
from imglab.exercises.examiner import Examiner

SOURCE = "\n".join(inspect.getsource(each) for each in (lesson_06.ask, lesson_06.snapshot))
#: Each operator, and what is easily written in its place.
OPERATORS = {
    ast.Gt: (ast.GtE, ast.Lt),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add,),
    ast.FloorDiv: (ast.Mult,),
}
#: What changes nothing that anybody could see.
HARMLESS = (
    # A pipeline as a transaction is one round trip, too.
    "r.pipeline(transaction=True)",
)


def changed(tree: ast.AST) -> Iterator[ast.AST]:
    """Every copy of a tree with one change in it."""
    for place, node in enumerate(ast.walk(tree)):
        for change in changes(node):
            other = copy.deepcopy(tree)
            change(list(ast.walk(other))[place])
            yield other


def changes(node: ast.AST) -> Iterator[Callable[[Any], object]]:
    """What may be changed in a node, as functions of the same node in a copy."""
    if isinstance(node, ast.Compare):
        for operator in OPERATORS.get(type(node.ops[0]), ()):
            yield partial(set_operator, operator=operator)
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        for operator in OPERATORS.get(type(node.op), ()):
            yield partial(set_operator, operator=operator)
    elif isinstance(node, ast.Constant):
        for value in values(node.value):
            yield partial(set_value, value=value)
    elif isinstance(node, ast.Tuple):
        yield turn_round
    yield from missing_statements(node)


def missing_statements(node: ast.AST) -> Iterator[Callable[[Any], object]]:
    for number, statement in enumerate(getattr(node, "body", ())):
        if isinstance(statement, ast.Expr | ast.AugAssign):
            yield partial(leave_out, number=number)


def set_operator(node: Any, operator: type) -> None:
    if isinstance(node, ast.Compare):
        node.ops[0] = operator()
    else:
        node.op = operator()


def set_value(node: Any, value: object) -> None:
    node.value = value


def turn_round(node: Any) -> None:
    node.elts.reverse()


def leave_out(node: Any, number: int) -> None:
    node.body[number] = ast.Pass()


def values(value: object) -> list[object]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, str):
        return [value + "s"]
    return []


MUTANTS = [ast.unparse(ast.fix_missing_locations(each)) for each in changed(ast.parse(SOURCE))]
DEADLY = [each for each in MUTANTS if not any(words in each for words in HARMLESS)]


def survives(code: str, examiner: Examiner) -> bool:
    names = dict(vars(lesson_06))
    exec(code, names)
    try:
        lesson_06.judge_snapshot(names["snapshot"], examiner)
    except Exception:  # noqa: BLE001 - a mutant may raise anything
        return False
    return True


@pytest.fixture
def examiner(valkey, queue):
    return Examiner(valkey.url, queue.namespace)


def test_the_solution_passes(examiner):
    assert survives(SOURCE, examiner)


def test_each_mutant_is_refused(examiner, queue):
    assert len(DEADLY) > 40
    survivors = []
    for code in DEADLY:
        queue.delete_namespace()
        if survives(code, examiner):
            survivors.append(code)
    assert not survivors, "\n\n".join(survivors)
