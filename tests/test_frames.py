"""Several pictures in one file: a filter runs over all of them, or somebody is told."""

from __future__ import annotations

import pytest
from PIL import Image

from imglab.imaging import BatchProcessor, FilterPipeline, Quality, film_of, open_image
from imglab.storage import Folders
from imglab.workers.photograph import filter_photograph

COLOURS = ["red", "lime", "blue"]
FRAMES = [Image.new("RGB", (8, 8), colour) for colour in COLOURS]
CYAN, MAGENTA, YELLOW = (0, 255, 255), (255, 0, 255), (255, 255, 0)


@pytest.fixture
def project(tmp_path):
    for suffix in ("gif", "png", "webp", "tif"):
        options = {}
        if suffix != "tif":
            options = {"duration": [100, 200, 300], "loop": 0}
        if suffix == "webp":
            options["lossless"] = True
        FRAMES[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=FRAMES[1:], **options)
    return tmp_path


def run(folder, source, target, **payload):
    payload = {"image_path": source, "output_path": target, "filters": ["invert"], **payload}
    return filter_photograph(payload, (), Folders(folder, (folder,), folder))


def colours(path):
    found = []
    with Image.open(path) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append(image.convert("RGB").getpixel((4, 4)))
    return found


@pytest.mark.parametrize("target", ["gif", "png", "webp", "tif"])
@pytest.mark.parametrize("source", ["gif", "png", "webp", "tif"])
def test_a_filter_runs_over_all_frames_where_the_target_holds_them(project, source, target):
    result = run(project, f"a.{source}", f"o.{target}", quality=100)
    close = [
        max(abs(a - b) for a, b in zip(got, wanted, strict=True)) <= 8
        for got, wanted in zip(
            colours(project / f"o.{target}"), [CYAN, MAGENTA, YELLOW], strict=True
        )
    ]
    assert all(close)
    assert not [note for note in result.get("notes", []) if "frames" in note]


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_an_animation_keeps_its_pace(project, kind):
    run(project, f"a.{kind}", f"o.{kind}")
    durations = []
    with Image.open(project / f"o.{kind}") as image:
        for number in range(3):
            image.seek(number)
            image.load()
            durations.append(image.info["duration"])
        assert image.info["loop"] == 0
    assert durations == [100, 200, 300]


@pytest.mark.parametrize("source", ["gif", "png", "webp", "tif"])
@pytest.mark.parametrize("kind", ["JPEG", "BMP"])
def test_where_only_one_fits_the_result_says_so(project, source, kind):
    result = run(project, f"a.{source}", f"o.{kind.lower()}")
    assert f"1 of 3 frames: {kind} holds one" in result["notes"]
    report = BatchProcessor(FilterPipeline(["invert"])).process(
        [project / f"a.{source}"], project / "out"
    )
    assert report.done[0].suffix == f".{source}"
    assert len(colours(report.done[0])) == 3


def test_a_frame_that_is_broken_ends_the_film_and_is_said(project):
    path = project / "a.tif"
    content = bytearray(path.read_bytes())
    with Image.open(path) as image:
        image.seek(2)
        (place,) = image.tag_v2[273]
    path.write_bytes(content[:place])
    film = film_of(path, open_image(path), "TIFF")
    assert 1 <= len(film.images) < 3
    assert "several frames: the next one is broken" in film.note


def test_more_pixels_than_one_picture_may_have_are_not_read(project, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 8 * 8 * 2)
    result = run(project, "a.gif", "o.gif")
    assert colours(project / "o.gif") == [CYAN]
    assert "1 of several frames" in result["notes"][0]


def test_pages_of_several_sizes_stay_pages_and_make_no_animation(tmp_path):
    pages = [Image.new("RGB", (8, 8), "red"), Image.new("L", (5, 9), 77)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    run(tmp_path, "a.tif", "o.tif")
    with Image.open(tmp_path / "o.tif") as image:
        image.seek(1)
        assert (image.size, image.mode) == ((5, 9), "L")
    result = run(tmp_path, "a.tif", "o.gif")
    assert any("another size" in note for note in result["notes"])


def test_a_photograph_is_a_film_of_one_picture():
    image = FRAMES[0].copy()
    film = film_of("nowhere.gif", image, "GIF")
    assert film.images == (image,)
    assert film.notes("PNG") == []
    assert Quality() == Quality(None, None)
