"""Replies as redis-cli prints them: against literal text, and against the real one where it is."""

import os
import re
import shutil
import socketserver
import subprocess
import threading
from contextlib import closing

import pytest
from helpers.server import free_port

from imglab.console.redis_cli import format_reply, monitor, run
from imglab.console.resp import ErrorReply, Status
from imglab.errors import QueueError, QueueUnavailable
from imglab.queues.connection import connect
from imglab.server import lifecycle as server

REDIS_CLI = shutil.which("redis-cli")


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    home = tmp_path_factory.mktemp("rediscli")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("IMGLAB_REDIS_URL", raising=False)
        patch.setattr(server, "PORT", free_port())
        yield server.ensure(home)
        server.stop(home)


@pytest.fixture
def port(own):
    return own.port


@pytest.fixture
def client(port):
    with connect("127.0.0.1", port) as client:
        yield client
        client.flushdb()


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (None, "(nil)"),
        (Status("OK"), "OK"),
        (ErrorReply("WRONGTYPE Operation"), "(error) WRONGTYPE Operation"),
        (3, "(integer) 3"),
        (-1, "(integer) -1"),
        (2.5, "(double) 2.5"),
        (3.0, "(double) 3"),
        (b"a", '"a"'),
        ("OK", '"OK"'),
        (b"", '""'),
        (b'say "hi" \\ \n\r\t\a\b\x00\x7f', r'"say \"hi\" \\ \n\r\t\a\b\x00\x7f"'),
        ("café", r'"caf\xc3\xa9"'),
        ([], "(empty array)"),
        ([b"a", 1, None], '1) "a"\n2) (integer) 1\n3) (nil)'),
        (
            [1, [b"a", [b"b", []], ErrorReply("ERR no")], Status("OK")],
            "1) (integer) 1\n"
            '2) 1) "a"\n'
            '   2) 1) "b"\n'
            "      2) (empty array)\n"
            "   3) (error) ERR no\n"
            "3) OK",
        ),
        (
            [[b"x", b"y"], *range(2, 11)],
            ' 1) 1) "x"\n    2) "y"\n'
            + "".join(f" {n}) (integer) {n}\n" for n in range(2, 10))
            + "10) (integer) 10",
        ),
    ],
)
def test_s12_a_reply_is_printed_as_by_redis_cli(reply, text):
    assert format_reply(reply) == text


LINES = """
PING
PING hello
SET text café
GET text
GET nobody
APPEND text "\\
INCR counter
INCRBYFLOAT float 1.5
RPUSH letters a b c
RPUSH many 1 2 3 4 5 6 7 8 9 10 11
LRANGE letters 0 -1
LRANGE many 0 -1
LRANGE nothing 0 -1
HSET hash field value other 2
HGETALL hash
HGETALL nothing
ZADD scores 1.5 a 2 b
ZRANGE scores 0 -1 WITHSCORES
ZSCORE scores a
SADD set one
SMEMBERS set
XADD stream 1-1 kind claimed worker w-1
XADD stream 1-2 kind completed worker w-1
XRANGE stream - +
XREAD COUNT 1 STREAMS stream 0
EVAL return{1,{2,{3,'x'},{}},false,{ok='FINE'},{err='ERR_mine'},3.7} 0
EVAL return{err='MINE_no_such_thing'} 0
TYPE letters
LPUSH hash x
HGET letters x
NONSENSE a b
GET
SCAN 0 COUNT 100
DBSIZE
CONFIG GET appendonly
OBJECT ENCODING counter
BLPOP nothing 0.1
TTL text
EXISTS text nobody
INFO keyspace
MEMORY DOCTOR
RPOPLPUSH letters hash
""".strip().splitlines()


@pytest.mark.skipif(not REDIS_CLI, reason="no redis-cli")
def test_s12_every_kind_of_reply_looks_as_from_the_real_redis_cli(client, own):
    def real(line):
        command = [REDIS_CLI, "--no-raw", "-p", str(own.port), *line.split(" ")]
        environment = {**os.environ, "LC_ALL": "C", "REDISCLI_AUTH": password}
        done = subprocess.run(command, capture_output=True, check=False, env=environment)
        return done.stdout.decode().replace("\r\n", "\n").rstrip("\n")

    password = own.password_file.read_text().strip()
    theirs = [real(line) for line in LINES]
    client.flushdb()
    ours = [run(client, line.split(" ")) for line in LINES]
    assert dict(zip(LINES, ours, strict=True)) == dict(zip(LINES, theirs, strict=True))


def test_s12_the_course_s_lines_show_what_is_in_the_queue(client):
    client.lpush("image_processing:pending", "t1", "t2")
    client.hset("image_processing:processing", "t0", '{"worker": "w-1"}')
    client.hset("task:t0", mapping={"status": "processing", "attempts": "1"})
    lines = {
        "LRANGE image_processing:pending 0 -1": '1) "t2"\n2) "t1"',
        "HGETALL image_processing:processing": '1) "t0"\n2) "{\\"worker\\": \\"w-1\\"}"',
        "LRANGE image_processing:completed 0 -1": "(empty array)",
        "HGETALL task:t0": '1) "status"\n2) "processing"\n3) "attempts"\n4) "1"',
        "HGETALL result:t0": "(empty array)",
        "FLUSHDB": "OK",
        "KEYS *": "(empty array)",
    }
    keys = run(client, ["KEYS", "*"])
    assert sorted(line[3:] for line in keys.splitlines()) == [
        '"image_processing:pending"',
        '"image_processing:processing"',
        '"task:t0"',
    ]
    assert {line: run(client, line.split()) for line in lines} == lines


def test_s12_moving_from_a_list_to_a_hash_answers_wrongtype_as_text(client):
    client.lpush("image_processing:pending", "t1")
    client.hset("image_processing:processing", "t0", "w-1")
    answer = run(client, ["RPOPLPUSH", "image_processing:pending", "image_processing:processing"])
    assert answer.startswith("(error) WRONGTYPE")


def test_s12_monitor_shows_every_command_from_the_call_on(client):
    lines = monitor(client)
    client.lpush("k", 'a "quoted" v')
    line = next(line for line in lines if "LPUSH" in line)
    form = r'\d{10}\.\d{6} \[0 127\.0\.0\.1:\d+\] "LPUSH" "k" "a \\"quoted\\" v"'
    assert re.fullmatch(form, line)


def test_s12_nothing_stays_connected(client):
    before = client.info()["connected_clients"]
    lines = monitor(client)
    run(client, ["PING"])
    del lines
    assert client.info()["connected_clients"] == before


def test_s12_a_blocking_command_may_take_longer_than_the_client_s_patience(port):
    client = connect(url=f"redis://127.0.0.1:{port}?socket_timeout=0.2")
    with closing(client):
        client.connection_pool.connection_kwargs["socket_timeout"] = 0.2
        assert run(client, ["BLPOP", "nothing", "0.6"]) == "(nil)"
        assert run(client, ["XREAD", "BLOCK", "600", "STREAMS", "nothing", "0"]) == "(nil)"


def test_s12_monitor_refused_is_an_error(client):
    client.execute_command("ACL", "SETUSER", "guest", "on", "nopass", "+@all", "-monitor")
    port = client.connection_pool.connection_kwargs["port"]
    with (
        connect(url=f"redis://guest:any@127.0.0.1:{port}") as guest,
        pytest.raises(QueueError, match="NOPERM"),
    ):
        monitor(guest)


class Stranger(socketserver.BaseRequestHandler):
    """Greets as a Redis does, then answers as told and hangs up."""

    def handle(self):
        while b"LRANGE" not in (asked := self.request.recv(4096)):
            self.request.sendall(b"+OK\r\n" * asked.count(b"*"))
        self.request.sendall(self.server.answer)


@pytest.mark.parametrize("answer", [b"", b"<html>\r\n", b"*2\r\n$3\r\nabc\r\n"])
def test_s12_a_connection_that_breaks_off_is_a_clear_error(answer):
    with socketserver.TCPServer(("127.0.0.1", 0), Stranger) as stranger:
        stranger.answer = answer
        thread = threading.Thread(target=stranger.handle_request)
        thread.start()
        with (
            connect("127.0.0.1", stranger.server_address[1]) as client,
            pytest.raises(QueueUnavailable, match="broke off"),
        ):
            run(client, ["LRANGE", "k", "0", "-1"])
        thread.join()
