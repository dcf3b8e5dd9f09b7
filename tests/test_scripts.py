"""What the files of the Lua scripts say of themselves, and Python of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
from helpers.lua import fill

from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.queues import scripts as module
from imglab.queues.keys import Keys
from imglab.queues.scripts import FOLDER
from imglab.queues.vocabulary import PRIORITIES, Event

NAMES = (FOLDER / "_names.lua").read_text()
SCRIPTS = {path.stem: path.read_text() for path in sorted(FOLDER.glob("[!_]*.lua"))}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_header_names_exactly_the_arguments_that_its_script_takes(name):
    header = "\n".join(re.findall(r"^--.*", SCRIPTS[name], re.MULTILINE))
    named = re.findall(r"ARGV\[(\d+)\] +(\w+)", header)
    assert [word for _, word in named] == list(module.script(name).arguments)
    first = 1 + module.COMMON_ARGUMENTS
    assert [int(number) for number, _ in named] == list(range(first, first + len(named)))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_header_says_where_the_rest_of_the_arguments_begins(name):
    said = re.findall(r"^-- ARGV\[(\d+)\.\.\]", SCRIPTS[name], re.MULTILINE)
    looped_over = re.findall(r"for i = (\d+), #ARGV\b", SCRIPTS[name])
    behind_the_named = 1 + module.COMMON_ARGUMENTS + len(module.script(name).arguments)
    assert said == looped_over
    assert said in ([], [str(behind_the_named)])


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_names_itself_says_what_it_returns_and_is_a_method(name):
    text = SCRIPTS[name]
    assert text.startswith(f"-- {name}: ")
    assert re.search(r"^-- Returns .+", text, re.MULTILINE)
    assert "KEYS[" not in text  # they have names
    assert callable(getattr(RedisTaskQueue, name))


def test_the_scripts_and_the_calls_for_them_are_the_same():
    room = FOLDER.parent
    files = ("queue", "batches", "claims", "reader", "settings", "walk")
    text = "".join((room / f"redis_{name}.py").read_text() for name in files)
    called = re.findall(r'(?:_run|_claim)\(\s*"(\w+)"', text)
    assert sorted(called) == sorted(SCRIPTS) == module.names()


def test_a_script_called_without_one_of_its_arguments_is_an_error_in_python(queue):
    with pytest.raises(KeyError, match="token"):
        queue._run("release", id="t1")


def test_python_sends_the_keys_in_the_order_the_scripts_declare():
    table = re.findall(r"^-- KEYS\[([\d.]+)\] +(\S+) +[A-Z]+ ", NAMES, re.MULTILINE)
    keys = Keys("", "q")
    assert [name for _, name in table] == [
        *(key.removeprefix("q:") for key in keys.all[: -len(PRIORITIES)]),
        "pending",
    ]
    assert [number for number, _ in table] == [*map(str, range(1, 12)), "12.."]
    names = re.search(r"local ([^=]+?) =\s+unpack\(KEYS, 1, 11\)", NAMES)[1]
    assert re.split(r",\s+", names) == [name for _, name in table[:11]]
    assert keys.all[11:] == ("q:pending:high", "q:pending", "q:pending:low")


def test_the_keys_have_the_types_that_their_table_says(queue):
    fill(queue)
    table = re.findall(r"^-- KEYS\[[\d.]+\] +(\S+) +([A-Z]+) ", NAMES, re.MULTILINE)
    types = [type_.lower() for _, type_ in table[:-1]] + ["list"] * len(PRIORITIES)
    assert [queue.redis.type(key) for key in queue.keys.all] == types


def test_every_event_that_a_script_writes_is_in_the_vocabulary_and_no_other_is():
    text = "".join(path.read_text() for path in FOLDER.glob("*.lua"))
    written = set(re.findall(r"note\('(\w+)'", text))
    written |= set(re.findall(r"line_up\('[LR]PUSH', id, '(\w+)'\)", text))
    assert written == set(Event)


def test_the_scripts_know_every_setting_of_the_queue_by_its_name():
    words = re.search(r"^-- ARGV\[2\](.+\n.+)", NAMES, re.MULTILINE)[1]
    named = [
        word for word in re.findall(r"\w+", words) if word not in ("settings", "words", "ms", "s")
    ]
    taken = re.search(r"local ([^=]+) =\s+ARGV\[2\]", NAMES)[1].lower().split(", ")
    workers_own = {"time_limit"}
    assert named == taken
    assert set(named) == {each.name for each in fields(QueueSettings)} - workers_own


def test_the_scripts_get_every_setting_in_its_place(queue):
    whole = QueueSettings(
        lease=1,
        backoff=2,
        backoff_cap=3,
        max_attempts=4,
        max_crashes=5,
        keep=6,
        keep_events=7,
        ttl=8,
        max_pending=9,
    )
    queue._use(whole)
    assert queue._head[-1] == "1000 2000 3000 4 5 6 7 8 9"
    queue._use(replace(whole, max_pending=None))
    assert queue._head[-1] == "1000 2000 3000 4 5 6 7 8 0"


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_server_takes_every_script_under_the_name_python_calls_it_by(queue, name):
    script = module.script(name)
    assert queue.redis.script_load(script.text) == script.sha


def test_an_installed_package_finds_its_scripts_beside_its_code(tmp_path):
    shutil.copytree(Path(module.__file__).parents[1], tmp_path / "site" / "imglab")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "from imglab.queues import scripts as module\n"
        f"print(module.__file__, *(module.script(name).sha for name in {list(SCRIPTS)}))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    assert said[0].startswith(str(tmp_path))
    assert said[1:] == [module.script(name).sha for name in SCRIPTS]
