"""Addresses in tasks: read in one way only, below what the worker's owner named, or refused."""

from __future__ import annotations

import pytest
from helpers.stores import SECRET
from hypothesis import example, given
from hypothesis import strategies as st

from imglab.errors import ImageError, ImglabError
from imglab.storage import storage_for
from imglab.storage.prefixes import Prefixes
from imglab.storage.urls import harmless, is_url, parse, parse_folder


@pytest.mark.parametrize(
    "text",
    [
        "s3://b/a.jpg",
        "gs://my-bucket/año 2026/fotografía.jpg",
        "https://example.org:8443/a/b+c,d.jpg",
        "sftp://ann@host/a.jpg",
    ],
)
def test_an_address_has_one_spelling(text):
    assert parse(text).text == text
    assert is_url(text)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [("s3://b", "s3://b/"), ("s3://b/", "s3://b/"), ("s3://b/x/y/", "s3://b/x/y/")],
)
def test_a_folder_is_spelled_with_one_slash_at_its_end(text, spelled):
    assert parse_folder(text).folder_text == spelled


@pytest.mark.parametrize("path", ["images/a.jpg", "a/b://c.jpg", "redis:x.jpg", 7, None, "://a"])
def test_a_path_is_no_address(path):
    assert not is_url(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("s3://b/../c.jpg", "'..'"),
        ("s3://b/./c.jpg", "'.'"),
        ("s3://b//c.jpg", "''"),
        ("s3://b/a/%2e%2e/c.jpg", "percent"),
        ("s3://b/a%2fc.jpg", "percent"),
        ("s3://b/a\\..\\c.jpg", "backslash"),
        ("s3://b/c.jpg?versionId=1", "query"),
        ("s3://b/c.jpg#1", "fragment"),
        ("s3://b/a/", "folder"),
        ("s3://b", "folder"),
        ("s3:///c.jpg", "odd letters"),
        ("s3://b b/c.jpg", "odd letters"),
        ("http://ann@host/c.jpg", "user or a password"),
        ("sftp://a$b@host/c.jpg", "odd letters"),
        ("S3://b/c.jpg", "write s3:// in small letters"),
        ("sFtp://host/c.jpg", "write sftp:// in small letters"),
        ("sftp://host:99999/c.jpg", "its port is none: the highest is 65535"),
        ("http://host:0/c.jpg", "its port is none"),
        ("s3://b/a\u202egpj.exe", "no address"),
        ("s3://b/a\nb.jpg", "no address"),
        ("s3://b/" + "x" * 1100 + ".jpg", "1,024 bytes"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(text, words):
    with pytest.raises(ImageError, match=words):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        f"s3://ann:{SECRET}@b/c.jpg",
        f"sftp://ann:{SECRET}@host/c.jpg",
        f"sftp://ann:{SECRET}/x@host/c.jpg",
        f"https://host/c.jpg?sig={SECRET}",
        f"https://host?{SECRET}",
        f"https://host/c.jpg#{SECRET}",
        f"https://{SECRET}@host/c.jpg",
        f"https://ann:{SECRET}?w@host/c.jpg",
        f"https://ann:{SECRET}#w@host/c.jpg",
        f"https://ann:x?{SECRET}@host/c.jpg",
    ],
)
def test_a_secret_in_an_address_is_refused_and_not_repeated(text):
    for ask in (parse, parse_folder, storage_for().open, storage_for().check_writable):
        with pytest.raises(ImageError) as caught:
            ask(text)
        assert SECRET not in str(caught.value)
    assert SECRET not in harmless(text)


#: What user and password are made of, and nothing else in an address is; and what may be among it.
LETTERS = "UVWXYZ"
MARKS = "?#/@:\\%&= ."


@given(
    scheme=st.sampled_from(["", "https://", "s3://", "sftp://", "S3://", "write:s3://"]),
    user=st.text(LETTERS, max_size=3),
    password=st.text(LETTERS + MARKS, max_size=12),
    path=st.text("abc/.?#=", max_size=8),
)
@example("https://", "U", "X?Y", "a")
@example("https://", "U", "X#Y", "a")
@example("https://", "U", "X@Y?Z", "a")
def test_no_part_of_a_password_is_ever_shown(scheme, user, password, path):
    shown = harmless(f"{scheme}{user}:{password}@host/{path}")
    rest = shown.replace("S3://", "")
    assert not set(LETTERS) & set(rest), shown


def test_a_password_in_what_is_no_prefix_is_not_repeated_either():
    for word in (f"write:s3://ann:{SECRET}@b/", f"ann:{SECRET}@b", f"s3:/ann:{SECRET}@b/"):
        with pytest.raises(ImglabError, match="is no prefix such as") as caught:
            Prefixes.parse([word])
        assert SECRET not in str(caught.value)


def test_a_prefix_ends_where_a_name_ends():
    allowed = Prefixes.parse(["s3://b/photos", "read:s3://b/old/"])
    for text in ("s3://b/photos/a.jpg", "s3://b/photos/x/y.jpg"):
        allowed.check_readable(parse(text))
        allowed.check_writable(parse(text))
    allowed.check_readable(parse("s3://b/old/a.jpg"))
    with pytest.raises(ImageError, match="may write"):
        allowed.check_writable(parse("s3://b/old/a.jpg"))
    for text in (
        "s3://b/photos-private/a.jpg",
        "s3://b/photosx.jpg",
        "s3://b2/photos/a.jpg",
        "gs://b/photos/a.jpg",
        "s3://b:9/photos/a.jpg",
        "s3://b/Photos/a.jpg",
    ):
        with pytest.raises(ImageError, match="outside the prefixes"):
            allowed.check_readable(parse(text))


def test_by_default_no_address_is_touched_and_the_sentence_says_what_to_type(monkeypatch):
    monkeypatch.delenv("IMGLAB_PREFIXES", raising=False)
    storage = storage_for()
    with pytest.raises(ImageError) as caught:
        storage.open("s3://b/photos/a.jpg")
    assert str(caught.value) == (
        "'s3://b/photos/a.jpg' is outside the prefixes this worker may read (none). "
        "Start it with: imglab worker --prefix read:s3://b/photos/"
    )
    with pytest.raises(ImageError, match=r"may write \(none\).*--prefix s3://b/photos/$"):
        storage.check_writable("s3://b/photos/a.jpg")


def test_the_environment_names_prefixes_and_an_option_stands_in_for_it(monkeypatch):
    monkeypatch.setenv("IMGLAB_PREFIXES", "s3://one/ read:s3://two/x")
    assert len(Prefixes.of(None).readable) == 2
    assert len(Prefixes.of(None).writable) == 1
    assert Prefixes.of(()).readable == ()


@pytest.mark.parametrize("word", ["photos/", "write:s3://b/", "s3://b/../c", "", "s3://u:p@b/"])
def test_what_is_no_prefix_is_said_when_a_worker_is_made(word):
    with pytest.raises(ImglabError):
        storage_for(prefixes=(word,))


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_is_taken_stays_below_its_prefix(host, path):
    try:
        url = parse(f"s3://{host}/photos/{path}")
    except ImageError:
        return
    assert url.parts[0] == "photos" or not url.is_in(parse_folder("s3://b/photos"))
    assert not {"", ".", ".."} & set(url.parts)
    assert "%" not in url.text
    assert parse(url.text) == url
