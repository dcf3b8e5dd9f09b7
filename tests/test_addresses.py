"""Addresses of several servers: what they say, and what is said of one that is none."""

from __future__ import annotations

import pytest

from imglab.errors import QueueUnavailable
from imglab.queues import RedisTaskQueue
from imglab.queues.addresses import CLUSTER, SENTINEL, in_database, read

#: As it stands in an address, and as it is.
ENCODED = "s%2Fecret%40"
HIDDEN = ("s%2Fecret", "s/ecret")


def test_sentinels_are_read_with_their_service_and_a_password_of_their_own():
    address = read(
        f"redis+sentinel://bob:{ENCODED}@one:1,two:2/photos?db=3&sentinel_password=other"
    )
    assert address.kind == SENTINEL
    assert address.hosts == (("one", 1), ("two", 2))
    assert address.service == "photos"
    assert address.sentinel_password == "other"
    assert address.first == f"redis://bob:{ENCODED}@one:1?db=3"


def test_a_database_may_stand_behind_the_service():
    assert read("redis+sentinel://one/photos/3").first == "redis://one:26379/3"


def test_nodes_of_a_cluster_are_read_over_tls_and_in_numbers():
    address = read("rediss+cluster://:p@[::1]:7000,two?ssl_cert_reqs=none")
    assert address.kind == CLUSTER
    assert address.hosts == (("::1", 7000), ("two", 6379))
    assert address.first == "rediss://:p@[::1]:7000?ssl_cert_reqs=none"


def test_one_server_stays_as_it_was_written():
    url = "rediss://:p@host:1/2?ssl_cert_reqs=none"
    address = read(url)
    assert address.first == url
    assert (address.kind, address.hosts) == ("", ())


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"redis+sentinel://:{ENCODED}@one:1,two:2", "which service of the sentinels"),
        (f"redis+sentinel://:{ENCODED}@one:1,two:2/", "which service of the sentinels"),
        (f"redis+sentinel://:{ENCODED}@one:1,two:many/photos", "The port in this address is none"),
        ("redis+sentinel://:s/ecret@one:1/photos", "The port in this address is none"),
        (f"redis+sentinel://:{ENCODED}@one/photos/first", "A database is a number"),
        (f"redis+sentinel://:{ENCODED}@one/photos?sentinel=x", "has no option 'sentinel'"),
        (f"redis+sentinel://:{ENCODED}@one/photos?ssl_cert_reqs=none", "is for TLS"),
        (f"redis+cluster://:{ENCODED}@one/3", "A cluster has one database"),
        (f"redis+cluster://:{ENCODED}@one?db=3", "A cluster has one database"),
        (f"redis+cluster://:{ENCODED}@one?sentinel_password=x", "has no option 'sentinel_p"),
        (f"redis+raft://:{ENCODED}@one", "This is not the address of a Redis"),
        (f"http+cluster://:{ENCODED}@one", "This is not the address of a Redis"),
    ],
)
def test_what_is_no_address_is_refused_in_a_sentence_that_does_not_repeat_it(url, words):
    with pytest.raises(QueueUnavailable, match=words) as caught:
        RedisTaskQueue(url=url)
    assert not any(each in str(caught.value) for each in HIDDEN)


def test_what_was_read_does_not_show_its_passwords():
    shown = repr(read(f"redis+sentinel://:{ENCODED}@one/photos?sentinel_password=other"))
    assert not any(each in shown for each in (*HIDDEN, "other"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis+sentinel://:p@one,two/photos?db=1", "redis+sentinel://:p@one,two/photos/4"),
        ("redis+sentinel://one/photos/1?sentinel_password=x",
         "redis+sentinel://one/photos/4?sentinel_password=x"),
        ("redis+cluster://one,two", "redis+cluster://one,two/4"),
    ],
)  # fmt: skip
def test_another_database_is_another_address_of_the_same_servers(url, expected):
    assert in_database(url, 4) == expected
