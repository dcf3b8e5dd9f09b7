"""Mutants: the queue with one promise taken out of its code; some test has to notice each of them.

`python tests/mutants.py` makes them one after the other in a copy of the package, runs the tests of
the queues against the copy until one is red, and prints which. It fails when a mutant survives.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mutant import FINISH, QUEUE_TESTS, Mutant
from mutants_of_batches import OF_BATCHES

ROOT = Path(__file__).parent.parent
#: Those that see Python's part as well: no script alone.
BEHIND_PYTHON = QUEUE_TESTS[3:]
HOSTILE = ("test_hostile_producer.py",)
RETRY = "queues/lua/_retry.lua"
REAP = "queues/lua/_reap.lua"
ODD = "queues/lua/_odd.lua"
RARE = "queues/lua/_rare.lua"
CLAIM = "queues/lua/_claim.lua"
ADD = "queues/lua/add_tasks.lua"
IN_LINE = "queues/lua/_add.lua"
PYTHON = "queues/redis_queue.py"
CLAIMS = "queues/redis_claims.py"
NONCES = "queues/nonces.py"
KEPT = "queues/kept_connection.py"

#: What runs beside each copy: the tests, with the copy and nothing but the copy imported. A random
#: history is not made smaller once it is red: that it is red is all we want to know.
RUN = """
import sys
import pytest

class Copy:
    def pytest_sessionstart(self):
        import hypothesis
        import imglab.queues
        assert imglab.queues.__file__.startswith(sys.argv[1]), imglab.queues.__file__
        hypothesis.settings.register_profile("mutants", phases=[hypothesis.Phase.generate])
        hypothesis.settings.load_profile("mutants")

sys.exit(pytest.main(sys.argv[2:], [Copy()]))
"""
OPTIONS = ("-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:nbval")


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    mutant: str
    #: The test that was red; empty for a mutant that survived.
    killed_by: str
    seconds: float


FENCE = "if claim and claim.claim == token then return claim end"

MUTANTS = (
    Mutant("no fence", "anybody may finish a task, held or not", FENCE, "return claim or {}"),
    Mutant(
        "fence without token",
        "whoever once held a task may finish it for its new holder",
        FENCE,
        "return claim",
    ),
    Mutant(
        "token without nonce",
        "claims are told apart by their attempt alone, and a release gives one back",
        "claim.claim == token",
        "claim.claim:match('^%d*') == token:match('^%d*')",
    ),
    Mutant(
        "two-step claim",
        "between two calls an id is in nobody's hands, and gone if the worker dies there",
        """            tasks, wait = self._claim("get_tasks",""",
        """            with speaking_to(self.redis):  # one call pops, the next puts back and claims
                if popped := self.redis.lmpop(3, *self.keys.lines, direction="RIGHT"):
                    self.redis.rpush(popped[0], *popped[1])
            tasks, wait = self._claim("get_tasks",""",
        CLAIMS,
        BEHIND_PYTHON,
    ),
    Mutant(
        "too many are kept",
        "after a lost reply a worker holds tasks that nobody was given, for a whole lease",
        "self.release(task)",
        "pass",
        CLAIMS,
        ("test_redis_queue.py",),
    ),
    Mutant(
        "too many are forgotten",
        "what could not be given back at once is held by nobody for a whole lease",
        "with self._owing(task.worker, nonce), suppress(LeaseLost):",
        "with suppress(LeaseLost):",
        CLAIMS,
        ("test_redis_queue.py",),
    ),
    Mutant(
        "a new nonce for each call",
        "a claim whose reply was lost holds its task for a whole lease, and nobody works on it",
        "return self.lost[worker].pop(), True",
        "return secrets.token_hex(6), True",
        NONCES,
        BEHIND_PYTHON,
    ),
    Mutant(
        "lost replies forgotten",
        "the same, forgotten by the script",
        "token:match('^%d+:(.*)$') == nonce",
        "false",
        CLAIM,
    ),
    Mutant(
        "lost replies to a completion forgotten",
        "the same, after complete_and_claim",
        "again == '1'",
        "false",
        "queues/lua/complete_and_claim.lua",
    ),
    Mutant(
        "suspects in company",
        "tasks that were in the same hands as poison are buried with it",
        "    if is_suspect then limit = 1 end\n",
        file=CLAIM,
    ),
    Mutant(
        "suspects dropped",
        "a task that broke a worker and would not be the first of several is nowhere",
        "      sure('RPUSH', line_of(task[2]), id)\n",
        file=CLAIM,
    ),
    Mutant(
        "events for ever",
        "the history has no end",
        "'MAXLEN', '~', KEEP_EVENTS",
        "'MAXLEN', '~', 1e9",
        RARE,
    ),
    Mutant(
        "the socket is not looked at",
        "the first call after a restart of Redis fails",
        "return not self._poll.poll(0)",
        "return True",
        KEPT,
        ("test_producers.py",),
    ),
    Mutant(
        "a dead connection is used",
        "the first call after a restart of Redis fails",
        "            if not connection.can_read(0):\n",
        "            if True:\n",
        KEPT,
        ("test_producers.py",),
    ),
    Mutant(
        "a fork shares the connection",
        "two processes read each other's replies",
        "connection is None or connection.pid != ThisProcess.pid",
        "connection is None",
        KEPT,
        ("test_redis_queue.py",),
    ),
    Mutant(
        "a reply is left on the line",
        "after an interrupt each command gets the reply of the one before",
        "            self._hang_up()\n            raise",
        "            raise",
        KEPT,
        ("test_redis_queue.py",),
    ),
    Mutant(
        "claim wakes nobody",
        "of many sleepers one wakes up, and the others sleep on beside the work",
        "  arm()\n  return claims",
        "  return claims",
        CLAIM,
    ),
    Mutant(
        "add wakes nobody",
        "a new task waits until a sleeper looks around by itself",
        "ring()\ntrim",
        "trim",
        "queues/lua/add_tasks.lua",
    ),
    Mutant(
        "no crash budget",
        "a task that kills its workers goes on killing them",
        "why, crashes, tonumber(MAX_CRASHES), random)",
        "why, crashes, math.huge, random)",
        REAP,
    ),
    Mutant(
        "crashes count as tries",
        "a dead worker uses up a try of its task",
        " - as_count(task[4])",
        "",
        "queues/lua/mark_failed.lua",
    ),
    Mutant(
        "failed but held",
        "a failed task stays in processing as well",
        "redis.call('HDEL', processing, id)\n",
        "",
        "queues/lua/mark_failed.lua",
    ),
    Mutant(
        "reaped but held",
        "a reaped task stays in processing as well",
        "      redis.call('HDEL', processing, id)\n",
        file=REAP,
    ),
    Mutant(
        "completed but held",
        "a completed task stays in processing as well",
        "  redis.call('HDEL', processing, id)\n  redis.call('HSET', result_key(id), 'result'",
        "  redis.call('HSET', result_key(id), 'result'",
        FINISH,
    ),
    Mutant(
        "ids twice",
        "adding an id that exists makes two of one task",
        "if redis.call('EXISTS', task_key(id)) == 1 then",
        "if false then",
        "queues/lua/add_tasks.lua",
    ),
    Mutant(
        "a bound for nobody",
        "a queue grows without end, whatever its bound",
        "  elseif is_full_with(in_line) then\n    is_full = true\n    break\n",
        "",
        ADD,
    ),
    Mutant(
        "a bound for one line",
        "each priority has the whole room for itself",
        "{unpack(KEYS, FIRST_LINE)}",
        "{KEYS[FIRST_LINE + 1]}",
        IN_LINE,
    ),
    Mutant(
        "a bound without the delayed",
        "what is for later is put in line over the bound",
        "  add_length('ZCARD', delayed)\n",
        "",
        IN_LINE,
    ),
    Mutant(
        "room for a batch as for one",
        "as soon as there is room for one task, all of a batch go in",
        "    note('added', id, 'priority', priority)\n    in_line = in_line + 1\n",
        "    note('added', id, 'priority', priority)\n",
        ADD,
    ),
    Mutant(
        "no room for what is in",
        "a task whose reply was lost, and that filled the queue, is refused",
        "if redis.call('EXISTS', task_key(id)) == 1 then\n    if",
        "if not is_full_with(in_line) and redis.call('EXISTS', task_key(id)) == 1 then\n    if",
        ADD,
    ),
    Mutant(
        "who waits for room wakes workers",
        "each look for room wakes a worker that finds nothing",
        "if looked_at == 0 then return {0, in_line} end\n",
        "",
        ADD,
    ),
    Mutant(
        "a bound of yesterday",
        "a producer is refused by a bound that somebody has changed",
        "        self._look_again = 0.0\n        self._agree()\n        if bound",
        "        if bound",
        PYTHON,
        ("test_bound.py",),
    ),
    Mutant(
        "a batch pushes again and again",
        "who waits for room sends all it has with each look",
        "            at_once = 1  #",
        "            at_once = CHUNK  #",
        PYTHON,
        ("test_bound.py",),
    ),
    Mutant(
        "who waits for room never rests",
        "a full queue is asked for room as often as Redis can answer",
        "            self._queue._until_event(self._mark, self._until)\n"
        "            time.sleep(self._pause())\n",
        "            pass\n",
        "queues/bound.py",
        ("test_bound.py",),
    ),
    Mutant(
        "trim without its hashes",
        "what falls off a bounded list leaves its task and result behind for ever",
        "    redis.call('DEL', task_key(old), result_key(old))\n",
        file=FINISH,
    ),
    Mutant(
        "results for ever",
        "results have no end, and memory has",
        "  redis.call('EXPIRE', result_key(id), TTL)\n",
        file=FINISH,
    ),
    Mutant(
        "release counts",
        "a worker that shuts down in good order uses up a try",
        "redis.pcall('HINCRBY', task_key(id), 'attempts', -1)",
        "",
        "queues/lua/release.lua",
    ),
    Mutant(
        "settings of whoever comes last",
        "each producer and worker overwrites the settings that count for everybody",
        "if stored ~= instead_of and instead_of ~= '*' then return stored end\n",
        "",
        "queues/lua/change_settings.lua",
    ),
    Mutant(
        "settings that nobody can change",
        "what was stored first stays for ever",
        " and instead_of ~= '*'",
        " or instead_of == '*'",
        "queues/lua/change_settings.lua",
    ),
    Mutant(
        "release to the tail",
        "a released task waits for all others again",
        "line_up('RPUSH'",
        "line_up('LPUSH'",
        "queues/lua/release.lua",
    ),
    Mutant(
        "low starves",
        "low priority waits while there is any other",
        "~= TURN - 1",
        "~= TURN",
        CLAIM,
    ),
    Mutant(
        "the middle starves",
        "while high and low are never empty, no other priority is served",
        "(turn + step) % others",
        "step % others",
        CLAIM,
    ),
    Mutant(
        "delays ignored",
        "a task for later, or for another try, is handed out at once",
        "    if tonumber(due) > now then return tonumber(due) end\n",
        file=CLAIM,
    ),
    Mutant(
        "late is lost",
        "work is thrown away whose lease ran out although nobody took over",
        FENCE,
        "if claim and claim.claim == token and claim.deadline > now then return claim end",
    ),
    Mutant(
        "no second completion",
        "a completion whose reply was lost looks like a lost lease",
        "    if is_repeated then return RECORDED_BEFORE end\n",
        file=FINISH,
    ),
    Mutant(
        "a stale completion claims",
        "a worker that is told of its lost lease holds a task that it never hears of",
        "  if reply == STALE then limit = 0 end",
        "",
        "queues/lua/complete_and_claim.lua",
    ),
    Mutant(
        "a late failure passes",
        "a worker that was given up may still report a failure",
        "retry_or_bury(id, nil, why",
        "retry_or_bury(id, redis.call('HGET', task_key(id), 'claim'), why",
        REAP,
    ),
    Mutant(
        "errors forgotten",
        "a task fails and nobody can say why",
        "  redis.call('HSET', task_key(id), 'errors', text)\n",
        file=RETRY,
    ),
    Mutant(
        "own tries ignored",
        "a task's own number of tries is not heard",
        "budget = as_count(task[2])",
        "budget = 0",
        "queues/lua/mark_failed.lua",
    ),
    Mutant(
        "cancel unheard",
        "the worker of a cancelled task is not told",
        "if is_cancelled(id) then return CANCEL_ASKED end",
        "",
        "queues/lua/renew.lua",
    ),
    Mutant(
        "cancelled but in line",
        "a cancelled task is handed out all the same",
        "sure('LREM', line, 0, id)",
        "1",
        "queues/lua/cancel.lua",
    ),
    Mutant(
        "cancelled but tried again",
        "a cancelled task whose try goes wrong, or whose worker dies, runs again",
        "  if is_cancelled(id) then return call_off(id, reason) end\n",
        file=RETRY,
    ),
    Mutant(
        "cancelled but given back",
        "a cancelled task whose worker leaves runs again",
        "if is_cancelled(id) then\n",
        "if false then\n",
        "queues/lua/release.lua",
    ),
    Mutant(
        "repaired and run again",
        "a cancelled task that somebody freed by hand is mended back into its line",
        "if place == 'pending' and is_cancelled(id) then",
        "if false then",
        "queues/lua/repair.lua",
    ),
    Mutant(
        "pause ignored", "a paused queue goes on", "if not is_paused then", "if true then", CLAIM
    ),
    Mutant(
        "requeued without a fresh start",
        "a failed task that is tried again keeps the tries it used up",
        ", 'attempts', 0)",
        ")",
        "queues/lua/requeue_failed.lua",
    ),
    Mutant(
        "the dead keep their tasks",
        "tasks of a dead worker wait for the end of their lease",
        "if deadline > now and not is_dead then",
        "if deadline > now then",
        REAP,
    ),
    Mutant(
        "a name is a process",
        "a dead worker takes the task of a live one of its name along",
        "local is_dead = worker == dead and tostring(claim.claim):find(mark, 1, true) ~= nil",
        "local is_dead = worker == dead",
        REAP,
    ),
    Mutant(
        "standing in for the whole queue",
        "whoever stands in for a worker keeps the claims of another process of its name alive",
        "claim.worker == worker and tostring(claim.claim):find(mark, 1, true)",
        "claim.worker == worker",
        "queues/lua/renew_all.lua",
    ),
    Mutant(
        "heartbeat without effect",
        "a task that takes longer than a lease is taken away",
        "claim.deadline = now + LEASE\n",
        "",
        "queues/lua/renew.lua",
    ),
    Mutant(
        "a fork shares what was lost",
        "a child asks for its parent's claim again, and both have one token",
        "if self.process != ThisProcess.pid:",
        "if False:",
        NONCES,
        ("test_redis_queue.py",),
    ),
    Mutant(
        "a lost reply makes a stranger",
        "an add that asks again is told that its own task is somebody else's",
        "if not is_ours(id) then",
        "if true then",
        "queues/lua/add_tasks.lua",
    ),
    Mutant(
        "everybody is ours",
        "an id that somebody else took is called our own",
        "redis.pcall('HGET', task_key(id), 'added_by') == nonce",
        "true",
        "queues/lua/add_tasks.lua",
    ),
    Mutant(
        "asleep behind oddities",
        "a worker sleeps while a task waits behind a hundred entries that are none",
        "if looked_at >= most then return claims, true end",
        "if looked_at >= most then return claims, false end",
        CLAIM,
    ),
    Mutant(
        "repaired in two places",
        "a task that stood in two lists stands in both, mended or not",
        "    take_out(id)\n    put(",
        "    put(",
        "queues/lua/repair.lua",
    ),
    Mutant(
        "finished work is done again",
        "a completed task that is in line as well is taken out of the wrong list",
        "  look('completed', redis.call('LPOS', completed, id))\n",
        "",
        "queues/lua/repair.lua",
    ),
    Mutant(
        "repaired unseen",
        "a replay shows a mended task where it was before",
        "  note('repaired', id, 'status', place)\n",
        "",
        "queues/lua/repair.lua",
    ),
    Mutant(
        "no heartbeat",
        "the same, by a worker that never asks",
        "unwanted = self._queue.renew(task)",
        "unwanted = False",
        "workers/heartbeat.py",
        ("test_worker.py",),
    ),
    Mutant(
        "to leave is to cancel",
        "what a worker gives back because it must leave is failed as cancelled",
        "raise NotOurs",
        "raise Cancelled",
        "workers/in_hand.py",
        ("test_worker.py",),
    ),
    Mutant(
        "a useless key stays",
        "a key that somebody took for another type stops every claim",
        "    redis.call('DEL', key)\n",
        tests=HOSTILE,
    ),
    Mutant(
        "no end to a full history",
        "a stream that takes no more events stops every step half-way",
        "    if redis.pcall('DEL', events) ~= 1 then return end\n",
        tests=HOSTILE,
    ),
    Mutant(
        "promoted from anywhere",
        "a task that is over runs again when a producer delays its id",
        "if status ~= 'delayed' then again = elsewhere(id, status) end",
        "",
        file=CLAIM,
    ),
    Mutant(
        "numbers of anybody",
        "a number such as inf in a record stops a claim after the id left its line",
        "if number and number > 0 and number <= MOST then",
        "if number then",
        tests=HOSTILE,
    ),
    Mutant(
        "crashes below nothing",
        "poison with a count of crashes below 0 kills workers without end",
        "if type(total) == 'number' and total > 0 then return total end",
        "if type(total) == 'number' then return total end",
        tests=HOSTILE,
    ),
    Mutant(
        "finished and put in line",
        "a completed task that somebody puts in line again is completed again",
        "if has_ended then return",
        "if false then return",
        ODD,
        HOSTILE,
    ),
    Mutant(
        "held and put in line",
        "a task in a worker's hands that somebody puts in line again runs twice",
        "if is_held then return",
        "if false then return",
        ODD,
        HOSTILE,
    ),
    Mutant(
        "record before place",
        "a task whose line is of another type keeps a record, and is in no line for ever",
        """    redis.call('LPUSH', line, id)
    store(id, ARGV[i + 1], priority, 'pending', max_attempts, nonce)
""",
        """    store(id, ARGV[i + 1], priority, 'pending', max_attempts, nonce)
    redis.call('LPUSH', line, id)
""",
        "queues/lua/add_tasks.lua",
        HOSTILE,
    ),
    *OF_BATCHES,
)


def mutated(mutant: Mutant, package: Path = ROOT / "imglab") -> str:
    """The text of the mutant's file; a ValueError when its place in the text is gone."""
    text = (package / mutant.file).read_text()
    if (count := text.count(mutant.old)) != 1:
        raise ValueError(f"{mutant.name}: its text is {count} times in {mutant.file}, not once.")
    return text.replace(mutant.old, mutant.new)


@contextmanager
def copy_with(mutant: Mutant | None) -> Iterator[Path]:
    """A folder to import the package from, as it is or as a mutant."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        package = Path(folder).resolve() / "imglab"
        shutil.copytree(ROOT / "imglab", package, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant:
            (package / mutant.file).write_text(mutated(mutant))
        yield package.parent


def first_red(folder: Path, tests: Sequence[str], *options: str) -> str:
    """The first red test against the package in a folder, with what it said; empty for none."""
    paths = [str(ROOT / "tests" / each) for each in tests]
    command = [sys.executable, "-P", "-c", RUN, str(folder), *OPTIONS, *options, *paths]
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "1000"}
    ran = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode == 0:
        return ""
    red = re.search(r"^FAILED tests/(.*)$", ran.stdout, re.MULTILINE)
    if red is None:  # not one red test, but no test at all
        raise RuntimeError(f"The tests did not run:\n{ran.stdout}{ran.stderr}")
    return red[1]


def judge(mutant: Mutant, tests: Sequence[str] = (), *options: str) -> Verdict:
    """Run the tests against one mutant; its own tests unless others are named."""
    began = time.monotonic()
    with copy_with(mutant) as folder:
        red = first_red(folder, tests or mutant.tests, *options)
    return Verdict(mutant.name, red, time.monotonic() - began)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="NAME", help="one mutant")
    parser.add_argument("--tests", metavar="FILE", nargs="+", default=(), help="these tests alone")
    parser.add_argument("--why", action="store_true", help="print what the red test said, too")
    chosen = parser.parse_args()
    mutants = [each for each in MUTANTS if chosen.only in (None, each.name)]
    if not mutants:
        parser.error(f"no such mutant; there are {', '.join(each.name for each in MUTANTS)}")
    with copy_with(None) as folder:
        tests = dict.fromkeys(test for each in mutants for test in chosen.tests or each.tests)
        if red := first_red(folder, list(tests)):
            print(f"Without any mutant {red}: mend that first.")
            return 1
    survivors = []
    print(f"{'mutant':32}{'seconds':>8}  killed by")
    for mutant in mutants:
        verdict = judge(mutant, chosen.tests)
        test, _, why = verdict.killed_by.partition(" - ")
        print(f"{mutant.name:32}{verdict.seconds:8.1f}  {test or 'nothing'}", flush=True)
        if chosen.why:
            print(f"{'':42}{why}", flush=True)
        survivors += [] if test else [mutant.name]
    print(f"survivors: {', '.join(survivors)}" if survivors else "none survives")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
