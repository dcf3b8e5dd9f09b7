"""How fine a file is: as its source was, unless somebody says otherwise; and no metadata."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import ExifTags, Image, JpegImagePlugin, TiffImagePlugin

from imglab.errors import ImageError
from imglab.imaging import FilterPipeline, GrayscaleFilter, open_image, save_image
from imglab.storage import Folders
from imglab.workers.photograph import filter_photograph


@pytest.fixture
def striped(tmp_path):
    """Thin dark lines on red: at 75, with colours shared by four, they do not stay the same."""
    image = Image.new("RGB", (64, 64), (255, 0, 0))
    for column in range(0, 64, 4):
        image.paste((0, 0, 0), (column, 0, column + 1, 64))
    image.save(tmp_path / "fine.jpg", quality=97, subsampling=0)
    return tmp_path / "fine.jpg"


def about(path):
    with Image.open(path) as image:
        return image.quantization, JpegImagePlugin.get_sampling(image)


def test_a_jpeg_is_written_as_fine_as_it_was_read(striped, tmp_path):
    save_image(FilterPipeline([]).apply(open_image(striped)), tmp_path / "out.jpg")
    assert about(tmp_path / "out.jpg") == about(striped)
    before, after = (np.asarray(open_image(path)) for path in (striped, tmp_path / "out.jpg"))
    assert np.abs(before.astype(int) - after).max() < 5


def test_a_filter_and_a_format_on_the_way_do_not_change_that(striped, tmp_path):
    grey = GrayscaleFilter().apply(open_image(striped))
    save_image(grey, tmp_path / "grey.jpg")
    tables, _ = about(striped)
    assert about(tmp_path / "grey.jpg")[0][0] == tables[0]
    save_image(open_image(striped), tmp_path / "out.png")
    save_image(open_image(tmp_path / "out.png"), tmp_path / "out.jpg")
    assert about(tmp_path / "out.jpg") == about(plain(tmp_path))


def plain(folder, **options):
    Image.new("RGB", (64, 64)).save(folder / "plain.jpg", **options)
    return folder / "plain.jpg"


def test_who_says_how_fine_gets_it_so(striped, tmp_path):
    save_image(open_image(striped), tmp_path / "out.jpg", quality=40, subsampling="4:2:2")
    assert about(tmp_path / "out.jpg") == about(plain(tmp_path, quality=40, subsampling="4:2:2"))
    folders = Folders(tmp_path, (tmp_path,), tmp_path)
    payload = {"image_path": "fine.jpg", "output_path": "task.jpg", "quality": 40}
    filter_photograph(payload, (), folders)
    assert about(tmp_path / "task.jpg") == about(plain(tmp_path, quality=40))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"quality": 0}, "quality must be a whole number from 1 to 100, not 0"),
        ({"quality": True}, "not True"),
        ({"quality": "90"}, "not '90'"),
        ({"subsampling": "4:4:1"}, "subsampling must be one of 4:4:4, 4:2:2, 4:2:0, not '4:4:1'"),
        ({"subsampling": ["4:4:4"]}, "subsampling must be one of"),
    ],
)
def test_what_is_no_quality_is_refused_before_the_work(striped, tmp_path, wanted, words):
    folders = Folders(tmp_path, (tmp_path,), tmp_path)
    payload = {"image_path": "fine.jpg", "output_path": "task.jpg", **wanted}
    with pytest.raises(ImageError, match=words):
        filter_photograph(payload, ["nonsense"][:0], folders)
    with pytest.raises(ImageError, match=words):
        save_image(open_image(striped), tmp_path / "out.jpg", **wanted)
    assert not (tmp_path / "task.jpg").exists()


def test_a_webp_that_had_lost_nothing_loses_nothing(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (30, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.webp", lossless=True)
    save_image(open_image(tmp_path / "a.webp"), tmp_path / "b.webp")
    assert np.array_equal(np.asarray(open_image(tmp_path / "b.webp")), pixels)


@pytest.mark.parametrize(
    ("suffix", "side"), [(".webp", 16_384), (".gif", 65_536), (".jpg", 65_501)]
)
def test_a_picture_too_large_for_its_format_is_refused_before_the_work(tmp_path, suffix, side):
    Image.new("L", (side, 1)).save(tmp_path / "long.png")
    folders = Folders(tmp_path, (tmp_path,), tmp_path)
    steps = []
    payload = {"image_path": "long.png", "output_path": f"long{suffix}"}
    with pytest.raises(ImageError, match=r"holds at most .* pixels each way"):
        filter_photograph(payload, ["invert"], folders, lambda: steps.append("a filter"))
    assert steps == []


def test_what_turns_white_and_what_loses_colours_is_said(tmp_path):
    Image.new("RGBA", (8, 8), (1, 2, 3, 99)).save(tmp_path / "a.png")
    folders = Folders(tmp_path, (tmp_path,), tmp_path)
    notes = {}
    for suffix in ("jpg", "gif", "png"):
        payload = {"image_path": "a.png", "output_path": f"b.{suffix}"}
        notes[suffix] = filter_photograph(payload, (), folders).get("notes", [])
    assert notes["jpg"] == ["what was transparent is white: JPEG has no transparency"]
    assert notes["gif"] == ["its colours are 256 at most: GIF has no more"]
    assert notes["png"] == []


def test_a_tiff_does_not_hand_its_metadata_on(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, kind, value in ((700, 1, b"<x exif:GPSLatitude='48'/>"), (33723, 7, b"home address")):
        tags.tagtype[tag] = kind
        tags[tag] = value
    Image.new("RGB", (8, 8)).save(tmp_path / "in.tif", tiffinfo=tags)
    for pages in ({}, {"save_all": True, "append_images": [Image.new("RGB", (8, 8), "red")]}):
        Image.new("RGB", (8, 8)).save(tmp_path / "in.tif", tiffinfo=tags, **pages)
        folders = Folders(tmp_path, (tmp_path,), tmp_path)
        filter_photograph({"image_path": "in.tif", "output_path": "out.tif"}, (), folders)
        assert b"GPSLatitude" in (tmp_path / "in.tif").read_bytes()
        written = (tmp_path / "out.tif").read_bytes()
        assert b"GPSLatitude" not in written
        assert b"home address" not in written


def tiff_with_a_whole_resolution() -> bytes:
    """A grey TIFF of two by two pixels whose XResolution is a SHORT; the format has a ratio."""
    short = 3
    long = 4
    pixels_at = 200
    entries = (
        *((256, short, 2), (257, short, 2), (258, short, 8), (259, short, 1), (262, short, 1)),
        *((273, long, pixels_at), (277, short, 1), (278, short, 2), (279, long, 4)),
        (282, short, 16),
    )
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return (head + body + bytes(4)).ljust(pixels_at, b"\0") + bytes(4)


@pytest.mark.parametrize("opened_by", [Image.open, open_image])
def test_c09_a_crippled_tag_of_a_tiff_does_not_keep_it_from_being_saved_as_one(tmp_path, opened_by):
    image = opened_by(io.BytesIO(tiff_with_a_whole_resolution()))
    saved = save_image(image, tmp_path / "out.tif")
    assert open_image(saved).size == (2, 2)


def test_an_opened_image_has_no_exif(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = "(c) Ana"
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=exif, comment=b"by Ana")
    image = open_image(tmp_path / "a.jpg")
    assert dict(image.getexif()) == {}
    assert b"Ana" not in save_image(image, tmp_path / "b.jpg").read_bytes()


def test_a_name_near_the_longest_gives_a_result_all_the_same(tmp_path):
    name = "é" * 125 + ".jpg"
    Image.new("RGB", (8, 8)).save(tmp_path / name)
    (tmp_path / "output").mkdir()
    folders = Folders(tmp_path, (tmp_path,), tmp_path / "output")
    result = filter_photograph({"image_path": name}, (), folders)
    assert (tmp_path / result["output_path"]).is_file()
