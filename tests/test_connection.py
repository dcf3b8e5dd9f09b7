"""A client that a queue is given, and the one that it makes of it."""

from __future__ import annotations

import traceback

import pytest
import redis
from helpers.clock import until

from imglab.errors import QueueError
from imglab.queues import RedisTaskQueue
from imglab.queues.connection import connect

PASSWORD = "s3cr&t/pw"


@pytest.fixture
def guarded(own_server) -> str:
    """The address of a Redis that asks for a password."""
    with connect(url=own_server.url) as admin:
        admin.config_set("requirepass", PASSWORD)
    return f"redis://:s3cr%26t%2Fpw@127.0.0.1:{own_server.port}"


class OwnConnection(redis.Connection):
    """Of a kind that another process could not make."""


def test_what_is_given_for_a_client_is_not_repeated(guarded):
    pool = redis.ConnectionPool(connection_class=OwnConnection, password=PASSWORD)
    for given, kind in (
        (guarded, "a str"),
        (redis.Redis(connection_pool=pool), "a Redis that connects by OwnConnection"),
    ):
        with pytest.raises(QueueError, match=f"not {kind}.") as caught:
            RedisTaskQueue(connection=given)
        said = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
        assert "s3cr" not in said


def test_a_queue_made_from_a_client_shows_no_password_and_gives_its_connections_back(guarded):
    with redis.Redis.from_url(guarded) as client, RedisTaskQueue(connection=client) as queue:
        assert "s3cr" not in repr(queue.redis)
        ours = queue.redis.client_id()
    with connect(url=guarded) as admin:
        until(lambda: ours not in [int(each["id"]) for each in admin.client_list()])


@pytest.mark.parametrize(
    "url",
    [
        "redis://:s3cr%26t%2Fpw@127.0.0.1:1",
        "redis+cluster://:s3cr%26t%2Fpw@127.0.0.1:1,127.0.0.1:2",
        "redis+sentinel://:s3cr%26t%2Fpw@127.0.0.1:1/one?sentinel_password=s3cr%26t%2Fpw",
    ],
)
def test_no_kind_of_client_shows_a_password(url):
    with connect(url=url) as client:
        assert "s3cr" not in repr(client) + repr(client.connection_pool)
