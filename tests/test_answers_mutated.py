"""A judge refuses each small change of its solution, but for those that are right as well.

Nobody thinks of every mistake; a program that changes one number, comparison or order at a time
makes the small ones. Which of them are right, and why, is said here.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from imglab.exercises import lesson_00, lesson_02, lesson_05, lesson_07, lesson_09
from imglab.exercises.examiner import Examiner
from imglab.queues import RedisTaskQueue

COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def judge_pair(answer: Callable, exam: Examiner, **other: Callable) -> None:
    """Judge one of the two functions of lesson 09, the other one being ours."""
    pair = (other.get("area", answer), other.get("stays", answer))
    lesson_09.judge_little(pair, exam)


#: Solution and judge of each exercise that is one function, or made of such.
FUNCTIONS = {
    "00": (lesson_00.address, lesson_00.judge_address),
    "02": (lesson_02.choose, lesson_02.judge_choice),
    "05": (lesson_05.enough, lesson_05.judge_enough),
    "07": (lesson_07.claim_next, lesson_07.judge_claim),
    "09 add": (lesson_09.add_all, lesson_09.judge_adding),
    "09 area": (lesson_09.area, partial(judge_pair, stays=lesson_09.stays)),
    "09 stays": (lesson_09.stays, partial(judge_pair, area=lesson_09.area)),
}
#: Changes that keep every promise of an exercise.
AS_GOOD = {
    # Of `number % 16` nothing is larger than 15.
    "number % 16 >= 15",
    # Whom a turn asks after its own line is empty, nobody has promised.
    "[low, high, normal]",
    "[normal, high, low]",
    # No event comes before "added" in the alphabet.
    "event['event'] <= 'added'",
}


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """One node in other ways, each with what it says then."""
    if isinstance(node, ast.Constant):
        for value in with_other_values(node.value):
            yield f"{value!r} for {node.value!r}", ast.Constant(value)
    elif isinstance(node, ast.Compare | ast.BinOp):
        for other in with_other_operators(node):
            yield ast.unparse(other), other
    elif isinstance(node, ast.List | ast.Tuple):
        for other in in_other_orders(node):
            yield ast.unparse(other), other
    elif isinstance(node, ast.Attribute) and node.attr == "rpop":
        yield "lpop", ast.Attribute(node.value, "lpop", node.ctx)


def with_other_values(value: object) -> Iterator[object]:
    if type(value) is int:
        yield from (value - 1, value + 1)
    if type(value) is float:
        yield from (value * 0.9, value * 1.1)
    if type(value) is str:
        yield value[:-1]


def with_other_operators(node: ast.Compare | ast.BinOp) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare):
        for kind in COMPARISONS:
            if not isinstance(node.ops[0], kind):
                yield ast.Compare(node.left, [kind()], node.comparators)
    else:
        for operator in (ast.Add, ast.Mult, ast.FloorDiv):
            if isinstance(node.op, operator):
                continue
            yield ast.BinOp(node.left, operator(), node.right)


def in_other_orders(node: ast.List | ast.Tuple) -> Iterator[ast.AST]:
    """Its elements in every other order, and with one of them left out."""
    counts = [len(node.elts)]
    if node.elts:
        counts.insert(0, len(node.elts) - 1)
    for count in counts:
        for elements in itertools.permutations(node.elts, count):
            if list(elements) != node.elts and isinstance(node.ctx, ast.Load):
                yield type(node)(list(elements), node.ctx)


class Change(ast.NodeTransformer):
    """Puts one node in the place of another one."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old = old
        self.new = new

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self.old:
            return self.new
        return self.generic_visit(node)


def mutants(function: Callable) -> Iterator[tuple[str, Callable]]:
    """A function with one small change at a time."""
    source = textwrap.dedent(inspect.getsource(function))
    count = len(list(ast.walk(ast.parse(source))))
    for place in range(count):
        for number in itertools.count():
            tree = ast.parse(source)
            old = list(ast.walk(tree))[place]
            name, new = next(itertools.islice(changes(old), number, None), ("", None))
            if new is None:
                break
            changed = ast.fix_missing_locations(Change(old, new).visit(tree))
            space = dict(vars(inspect.getmodule(function)))
            exec(compile(changed, "<mutant>", "exec"), space)
            yield name, space[function.__name__]


@pytest.fixture
def examiner(valkey):
    namespace = "test-mutants:"
    yield Examiner(valkey.url, namespace)
    with RedisTaskQueue(url=valkey.url, namespace=namespace) as queue:
        queue.delete_namespace()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("lesson", FUNCTIONS)
def test_each_small_change_of_a_solution_is_refused(lesson, examiner):
    solution, judge = FUNCTIONS[lesson]
    passed = set()
    refused = 0
    for name, answer in mutants(solution):
        try:
            judge(answer, examiner)
            passed.add(name)
        except Exception:  # noqa: BLE001 - Wrong, or what a broken program raises
            refused += 1
    assert passed <= AS_GOOD
    assert refused > 1
