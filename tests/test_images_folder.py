"""The photographs that come with the project: sound, listed, and free to use."""

import re
from pathlib import Path

import pytest

from imglab.imaging import open_image

IMAGES = Path(__file__).parent.parent / "images"
PHOTOS = sorted(path for path in IMAGES.iterdir() if path.suffix != ".md")


def listed():
    """The rows of the table in LICENSES.md: file name → the other columns."""
    lines = (IMAGES / "LICENSES.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    return {name: columns for name, *columns in rows[2:]}


def test_the_folder_holds_the_photographs_that_are_listed_and_no_others():
    assert [path.name for path in PHOTOS] == sorted(listed())
    assert len(PHOTOS) == 6


def test_the_lessons_find_their_sample():
    assert open_image(IMAGES / "sample.jpg").mode == "RGB"


def test_one_photograph_is_grey():
    assert [path.name for path in PHOTOS if open_image(path).mode == "L"] == ["camera.jpg"]


@pytest.mark.parametrize("path", PHOTOS, ids=lambda path: path.name)
def test_a_photograph_opens_and_is_listed_with_its_own_pixels_and_bytes(path):
    shows, author, source, licence, pixels, size = listed()[path.name]
    image = open_image(path)
    assert pixels == f"{image.width} × {image.height}"
    assert int(size.replace(",", "")) == path.stat().st_size
    assert len(shows) > 30, "too short to stand in for the picture"
    assert author
    assert re.search("scikit-image|NASA|Hubble|SpaceX", source)
    assert licence in ("CC0 1.0", "public domain")


def test_the_photographs_together_are_small_enough_for_a_repository():
    assert 500_000 < sum(path.stat().st_size for path in PHOTOS) < 900_000


@pytest.mark.parametrize("path", PHOTOS, ids=lambda path: path.name)
def test_a_photograph_carries_no_metadata(path):
    data = path.read_bytes()
    for marker in (b"Exif", b"ICC_PROFILE", b"http://ns.adobe.com", b"Photoshop"):
        assert marker not in data
