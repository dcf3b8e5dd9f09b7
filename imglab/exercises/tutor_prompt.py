"""A prompt for any assistant that helps without solving. It is printed, and nothing is sent."""

from __future__ import annotations

from imglab.exercises.exercise import last_answer, last_verdict, task_of
from imglab.language import tr
from imglab.text import wrapped

_PROMPT = tr("""\
You are my tutor. I am learning about task queues with Redis, in
Python. Help me with one exercise, but do not solve it, and do not
show code that does. Ask me one question at a time, wait for my
answer, and build on it. When I am stuck, give the smallest hint that
helps. When I am right, ask me why it works.

The exercise, {name}:
{task}

My answer so far:
{answer}

What its check says:
{verdict}

Begin with one question about what my code does in this case.""")


def tutor(name: str) -> None:
    """Print a prompt to paste into an assistant: the task, your code, and the first failing case.

    It never has the solution. ImglabError for an exercise that is none.
    """
    task = task_of(name)
    answer = last_answer(name) or tr("I have not begun.")
    verdict = last_verdict(name) or tr("I have not run the check yet.")
    text = _PROMPT.format(name=name, task=wrapped(task), answer=answer.rstrip(), verdict=verdict)
    print(text)  # noqa: T201
