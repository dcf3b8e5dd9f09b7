"""Files that anybody may have made: opened with care, and written whole or not at all."""

import io
import os
import stat
import struct
import time
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from imglab.errors import ImageError, ResourceExhausted
from imglab.imaging import open_image, quiet, save_image
from imglab.imaging.quiet import quiet_pillow

CAT = Path(__file__).parent.parent / "images" / "sample.jpg"
PIXELS = np.random.default_rng(5).integers(0, 256, (12, 16, 3), dtype=np.uint8)
SMALL = Image.fromarray(PIXELS)


def encoded(kind, image=SMALL, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(width, height, data=b"", bits=8, colour=2):
    """A PNG that declares these numbers, whatever its data hold."""

    def chunk(kind, content):
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


def test_a_photograph_is_opened_loaded_and_normalised():
    image = open_image(CAT)
    assert (image.mode, image.size) == ("RGB", (451, 300))
    with Image.open(CAT) as plain:
        assert image.tobytes() == plain.tobytes()


@pytest.mark.parametrize("kind", ["BMP", "PNG", "PPM", "TIFF"])
def test_every_lossless_format_gives_the_pixels_that_were_stored(tmp_path, kind):
    path = tmp_path / f"small.{kind.lower()}"
    path.write_bytes(encoded(kind))
    assert np.array_equal(np.asarray(open_image(path)), PIXELS)
    assert np.array_equal(np.asarray(open_image(str(path))), PIXELS)


def test_a_photograph_is_turned_upright_and_loses_its_metadata(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "somebody"
    path = tmp_path / "turned.png"
    SMALL.save(path, exif=exif, icc_profile=b"a profile")
    image = open_image(path)
    assert np.array_equal(np.asarray(image), np.rot90(PIXELS, -1))
    save_image(image, tmp_path / "again.png")
    for trace in (b"somebody", b"iCCP"):
        assert trace in path.read_bytes()
        assert trace not in (tmp_path / "again.png").read_bytes()
    assert np.array_equal(np.asarray(open_image(tmp_path / "again.png")), np.rot90(PIXELS, -1))


def test_the_first_picture_of_an_animation_is_taken(tmp_path):
    path = tmp_path / "two.gif"
    first, second = Image.new("RGB", (4, 4), "red"), Image.new("RGB", (4, 4), "blue")
    first.save(path, save_all=True, append_images=[second])
    assert open_image(path).getpixel((0, 0)) == (255, 0, 0)


def test_a_file_that_the_caller_opened_is_read_and_left_open():
    with CAT.open("rb") as file:
        assert open_image(file).tobytes() == open_image(CAT).tobytes()
        assert not file.closed


def test_a_file_that_the_caller_opened_is_named_too(tmp_path):
    (tmp_path / "letter.jpg").write_text("Dear all")
    with (
        (tmp_path / "letter.jpg").open("rb") as file,
        pytest.raises(ImageError, match=r"^Cannot open .*letter\.jpg: it is not an image"),
    ):
        open_image(file)


BROKEN = {
    "empty.jpg": (b"", "empty"),
    "text.jpg": (b"This is a letter, not a photograph.", "not an image"),
    "header.png": (b"\x89PNG\r\n\x1a\n" + bytes(40), "broken|not an image"),
    "truncated.jpg": (CAT.read_bytes()[:9000], "broken or cut short"),
    "beginning.jpg": (CAT.read_bytes()[:40], "broken|not an image"),
    "truncated.png": (encoded("PNG")[:-60], "broken or cut short"),
    "truncated.gif": (encoded("GIF")[:-200], "broken or cut short|cut short"),
    "truncated.bmp": (encoded("BMP")[:-60], "broken or cut short"),
    "truncated.tif": (encoded("TIFF")[:200], "broken or cut short|not an image"),
    "no_pixels.png": (png(5, 5), "broken or cut short"),
    "half_bomb.png": (png(10_000, 10_000), "more than 89,478,485 pixels"),
    "bomb.png": (png(60_000, 60_000), "more than 89,478,485 pixels"),
    "program.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_an_image_error_of_one_sentence_that_names_it(tmp_path, name):
    content, reason = BROKEN[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(
        ImageError, match=rf"^Cannot open {path}: it (is|has) .*({reason})"
    ) as caught:
        open_image(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(ImageError, match=reason):
        open_image(io.BytesIO(content))


def test_the_limit_on_pixels_holds_where_pillow_would_only_warn(tmp_path):
    (tmp_path / "half_bomb.png").write_bytes(png(10_000, 10_000))
    with (
        pytest.warns(Image.DecompressionBombWarning),
        pytest.raises(ImageError, match="more than 89,478,485 pixels"),
    ):
        open_image(tmp_path / "half_bomb.png")


def test_an_image_of_exactly_as_many_pixels_as_allowed_is_opened(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12 * 16)
    assert open_image(io.BytesIO(encoded("PNG"))).size == (16, 12)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12 * 16 - 1)
    with pytest.raises(ImageError, match="more than 191 pixels"):
        open_image(io.BytesIO(encoded("PNG")))


def test_what_is_not_there_is_a_folder_or_has_no_possible_name_is_said_so(tmp_path):
    with pytest.raises(ImageError, match=r"none\.jpg: No such file"):
        open_image(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match=f"{tmp_path}: Is a directory"):
        open_image(tmp_path)
    with pytest.raises(ImageError, match="Cannot open"):
        open_image("a\0b.jpg")
    with pytest.raises(ImageError, match="File name too long"):
        open_image("x" * 5000)


def test_a_file_that_may_not_be_read_is_said_so(monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ImageError, match=r"sample\.jpg: Permission denied"):
        open_image(CAT)


@pytest.mark.parametrize("content", [encoded("PNG"), encoded("PNG")[:-60], encoded("GIF"), b"no"])
def test_the_file_is_closed_whatever_it_held(tmp_path, monkeypatch, content):
    opened, really_open = [], Path.open
    (tmp_path / "file.png").write_bytes(content)

    def spy(path, mode):
        opened.append(really_open(path, mode))
        return opened[-1]

    monkeypatch.setattr(Path, "open", spy)
    try:
        image = open_image(tmp_path / "file.png")
    except ImageError:
        assert content not in (encoded("PNG"), encoded("GIF"))
    else:
        assert image.copy().size == (16, 12)
    assert [file.closed for file in opened] == [True]


SOUND = [encoded(kind) for kind in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM")]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    content=st.sampled_from(SOUND),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=8),
    length=st.integers(1, 2000),
)
def test_hostile_bytes_give_an_image_or_an_image_error_and_nothing_else(content, changes, length):
    hostile = bytearray(content)
    for position, value in changes:
        hostile[position % len(hostile)] = value
    try:
        image = open_image(io.BytesIO(bytes(hostile[:length])))
    except ImageError as error:
        assert str(error).startswith("Cannot open the file: it ")
    else:
        assert image.mode in ("L", "LA", "RGB", "RGBA")


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".bmp", ".tif", ".tiff", ".ppm"])
def test_what_is_saved_can_be_opened_again_with_the_same_pixels(tmp_path, suffix):
    path = tmp_path / "new" / "folder" / f"small{suffix}"
    assert save_image(SMALL, path) == path
    assert np.array_equal(np.asarray(open_image(path)), PIXELS)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp", ".gif"])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK", "I;16", "P"])
def test_every_format_takes_every_picture(tmp_path, suffix, mode):
    image = Image.new("I;16", (16, 12), 999) if mode == "I;16" else SMALL.convert(mode)
    assert open_image(save_image(image, tmp_path / f"small{suffix}")).size == (16, 12)


@pytest.mark.parametrize("suffix", [".jpg", ".bmp", ".ppm"])
@pytest.mark.parametrize(("alpha", "grey"), [(0, 255), (128, 155), (255, 55)])
def test_transparency_turns_white_where_the_format_has_none(tmp_path, suffix, alpha, grey):
    for image in (
        Image.new("RGBA", (8, 8), (55, 55, 55, alpha)),
        Image.new("LA", (8, 8), (55, alpha)),
    ):
        saved = np.asarray(open_image(save_image(image, tmp_path / f"flat{suffix}")))
        assert np.abs(saved.astype(int) - grey).max() <= 1


def test_transparency_is_kept_where_the_format_has_it(tmp_path):
    image = SMALL.copy()
    image.putalpha(99)
    saved = open_image(save_image(image, tmp_path / "glass.png"))
    assert saved.tobytes() == image.tobytes()


@pytest.mark.parametrize("name", ["cat", "cat.exe", "cat.eps", ".jpg", "cat.jpg.txt"])
def test_a_suffix_that_no_format_has_is_refused_with_those_that_do(tmp_path, name):
    with pytest.raises(ImageError, match=r"its name must end in \.jpg, .*\.png"):
        save_image(SMALL, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_nobody_ever_sees_half_a_file(tmp_path, monkeypatch):
    path, seen = tmp_path / "cat.png", []
    path.write_bytes(b"the old file")
    really_replace = os.replace

    def look_and_replace(temporary, target, **folders):
        seen.append((path.read_bytes(), temporary.parent, temporary.read_bytes()))
        return really_replace(temporary, target, **folders)

    monkeypatch.setattr(os, "replace", look_and_replace)
    save_image(SMALL, path)
    assert seen == [(b"the old file", tmp_path, path.read_bytes())]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (
            OSError(28, "No space left on device"),
            ResourceExhausted,
            "no space is left on the disk",
        ),
        (MemoryError(), ResourceExhausted, "out of memory"),
        (ValueError("no such colour"), ImageError, "no such colour"),
        (struct.error("too large"), ImageError, "too large"),
    ],
)
def test_a_failure_leaves_the_old_file_and_no_temporary_one(
    tmp_path, monkeypatch, error, kind, sentence
):
    path = tmp_path / "cat.png"
    path.write_bytes(b"the old file")

    def write_half(_, file, *__):
        file.write(b"half")
        raise error

    monkeypatch.setattr(Image.Image, "save", write_half)
    with pytest.raises(kind, match=rf"^Cannot write {path}: {sentence}$"):
        save_image(SMALL, path)
    assert path.read_bytes() == b"the old file"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_where_nothing_can_be_written_is_said_so(tmp_path):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.png").mkdir()
    for path in (tmp_path / "file" / "cat.png", tmp_path / "folder.png", tmp_path / "a\0b.png"):
        with pytest.raises(ImageError, match="Cannot write"):
            save_image(SMALL, path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


def test_an_image_without_pixels_cannot_be_written(tmp_path):
    with pytest.raises(ImageError, match="Cannot write"):
        save_image(Image.new("L", (0, 5)), tmp_path / "none.jpg")
    assert list(tmp_path.iterdir()) == []


def test_a_saved_file_may_be_read_by_whom_the_umask_allows(tmp_path):
    old = os.umask(0o027)
    try:
        path = save_image(SMALL, tmp_path / "cat.png")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def ftyp(brand):
    return struct.pack(">I", 24) + b"ftyp" + brand + bytes(4) + b"mif1" + brand + bytes(99)


def tiff(bits, sample_format, photometric, pixels):
    """A TIFF of 2 × 2 pixels in three samples, with these numbers of bits."""
    entries = [
        (256, 3, 1, 2), (257, 3, 1, 2), (258, 3, 3, 146), (259, 3, 1, 1), (262, 3, 1, photometric),
        (273, 4, 1, 158), (277, 3, 1, 3), (278, 3, 1, 2), (279, 4, 1, len(pixels)),
        (284, 3, 1, 1), (339, 3, 3, 152),
    ]  # fmt: skip
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + packed + bytes(4)
    return head + struct.pack("<6H", *[bits] * 3, *[sample_format] * 3) + pixels


def bmp_with_bit_fields():
    info = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 32, 3, 16, 0, 0, 0, 0)
    masks = struct.pack("<III", 0xFF00, 0xFF0000, 0xFF000000)
    head = b"BM" + struct.pack("<IHHI", 82, 0, 0, 66)
    return head + info + masks + b"\0\x10\x20\x30" * 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (encoded("AVIF"), "it is AVIF, which is not read here"),
        (ftyp(b"heic"), "it is HEIC, which is not read here: save it as JPEG or PNG"),
        (ftyp(b"heix"), "it is HEIC"),
        (ftyp(b"mif1"), "it is HEIC"),
        (encoded("JPEG2000"), "it is JPEG 2000"),
        (b"8BPS\0\1" + bytes(99), "it is Photoshop's PSD"),
        (tiff(32, 3, 2, bytes(48)), "it is a TIFF of a layout that is not read"),
        (tiff(16, 1, 8, bytes(24)), "it is a TIFF of a layout that is not read"),
        (bmp_with_bit_fields(), "it is of a layout that is not read"),
        (encoded("JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"), "layout"),
    ],
)
def test_a_sound_picture_that_is_not_read_is_called_by_its_name(content, words):
    with pytest.raises(ImageError, match=words):
        open_image(io.BytesIO(content))


@pytest.mark.parametrize("wrong", [b"cat.png", encoded("PNG"), PIXELS, None, 7])
def test_what_is_neither_a_path_nor_an_open_file_is_told_so(wrong):
    with pytest.raises(ImageError, match=r"^Cannot open .*: a path or an open file is needed$"):
        open_image(wrong)


def test_an_open_file_is_read_from_its_beginning_and_an_entry_of_a_folder_is_a_path(tmp_path):
    file = io.BytesIO()
    SMALL.save(file, "PNG")
    assert open_image(file).size == (16, 12)
    (tmp_path / "a.png").write_bytes(file.getvalue())
    with os.scandir(tmp_path) as entries:
        assert open_image(next(entries)).size == (16, 12)


@pytest.mark.parametrize(
    "error", [MemoryError(), OSError("out of memory when reading image file"), OSError(24, "many")]
)
def test_what_ran_out_is_named_and_the_photograph_is_not_blamed(monkeypatch, error):
    def run_out(*_, **__):
        raise error

    monkeypatch.setattr(Image.Image, "getexif", run_out)
    with pytest.raises(
        ResourceExhausted, match=r"sample\.jpg: (out of memory|.* open files)"
    ) as caught:
        open_image(CAT)
    assert not isinstance(caught.value, ImageError)


def odd_exif():
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 9) + bytes(20)
    content = encoded("JPEG")
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + content[2:]


def test_a_filter_that_somebody_else_sets_meanwhile_stays_and_ours_goes():
    with warnings.catch_warnings():
        # Equal to ours, but theirs; and one more while we read.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        before = list(warnings.filters)
        with quiet_pillow():
            warnings.filterwarnings("error", category=DeprecationWarning, module="theirs")
            theirs = warnings.filters[0]
            with quiet_pillow():
                pass
        assert list(warnings.filters) == [theirs, *before]
    assert quiet._set == []


def test_two_who_read_at_once_leave_no_filter_whoever_ends_first():
    with warnings.catch_warnings():
        before = list(warnings.filters)
        first, second = quiet_pillow(), quiet_pillow()
        first.__enter__()
        warnings.simplefilter("always", BytesWarning)
        theirs = warnings.filters[0]
        second.__enter__()
        first.__exit__(None, None, None)
        second.__exit__(None, None, None)
        assert list(warnings.filters) == [theirs, *before]


def test_nobody_is_warned_of_odd_metadata_and_the_filters_of_warnings_are_as_before():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        with ThreadPoolExecutor(4) as threads:
            contents = [io.BytesIO(odd_exif()) for _ in range(40)]
            assert {image.size for image in threads.map(open_image, contents)} == {(16, 12)}
        assert list(warnings.filters) == before
    assert seen == []


def segments(marker, content, times):
    part = b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content
    plain = encoded("JPEG")
    return plain[:2] + part * times + plain[2:]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (segments(0xE1, b"Exif\0\0" + bytes(60_000), 2000), "more segments of metadata"),
        (segments(0xED, b"Photoshop 3.0\0" + b"8BIM\xff" * 9000, 500), "more segments of metadata"),
        (encoded("JPEG")[:2] + b"\xff" * 30_000_000, "more parts than any photograph"),
        (encoded("GIF")[:-1] + (b"!\xfe" + b"\xffx" * 128 + b"\0") * 50_000, "longer comments"),
        (b"P6 " + b"#" * 30_000_000 + b"\n9 9 255\n" + bytes(243), "more parts"),
    ],
)
def test_a_file_that_would_cost_minutes_is_refused_in_seconds(content, words):
    began = time.monotonic()
    with pytest.raises(ImageError, match=words):
        open_image(io.BytesIO(content))
    assert time.monotonic() - began < 20


def test_one_long_row_takes_no_longer_than_many_short_ones():
    took = {}
    for width, height in ((4000, 5000), (20_000_000, 1)):
        content = io.BytesIO(b"P5 %d %d 255\n" % (width, height) + bytes(20_000_000))
        began = time.process_time()
        assert open_image(content).size == (width, height)
        took[width] = time.process_time() - began
    assert took[20_000_000] < 10 * took[4000] + 0.5


def test_a_photograph_may_have_metadata_in_many_segments():
    xmp = b"http://ns.adobe.com/xmp/extension/\0" + bytes(60_000)
    assert open_image(io.BytesIO(segments(0xE1, xmp, 400))).size == (16, 12)
    assert open_image(io.BytesIO(segments(0xE1, b"Exif\0\0II*\0", 3))).size == (16, 12)
