"""S2: the filters, one by one, on every kind of picture, against arithmetic in numpy."""

import threading
import tracemalloc
from dataclasses import FrozenInstanceError, dataclass

import numpy as np
import pytest
from helpers.clock import until
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageFilter

from imglab.errors import FilterError, ImageError
from imglab.imaging import (
    BaseFilter,
    BlurFilter,
    BrightnessFilter,
    EdgesFilter,
    GrayscaleFilter,
    InvertFilter,
    MedianFilter,
    SharpenFilter,
    filters,
    normalise,
    number,
)
from imglab.imaging.tiles import tiles

FILTERS = [
    GrayscaleFilter(),
    BlurFilter(3),
    BrightnessFilter(1.7),
    EdgesFilter(),
    SharpenFilter(),
    MedianFilter(5),
    InvertFilter(),
]
RANDOM = np.random.default_rng(7)
RGB = RANDOM.integers(0, 256, (23, 31, 3), dtype=np.uint8)
GREY16 = np.arange(65536, dtype=np.uint16).reshape(256, 256)

by_name = pytest.mark.parametrize("each", FILTERS, ids=lambda each: each.name)


def pictures():
    """One small picture of each kind that Pillow's readers and users come up with."""
    colour = Image.fromarray(RGB)
    alpha = Image.fromarray(RANDOM.integers(0, 256, (23, 31), dtype=np.uint8))
    made = {mode: colour.convert(mode) for mode in ("1", "L", "RGB", "CMYK", "YCbCr", "HSV", "F")}
    made |= {mode: colour.convert(mode) for mode in ("I", "RGBX", "LAB", "P")}
    for mode in ("LA", "RGBA"):
        made[mode] = colour.convert(mode)
        made[mode].putalpha(alpha)
    made["La"], made["RGBa"] = made["LA"].convert("La"), made["RGBA"].convert("RGBa")
    made["PA"] = colour.convert("PA")
    made["PA"].putalpha(alpha)
    made["I;16"] = Image.fromarray(GREY16[:23, :31])
    made["I;16B"] = Image.frombytes("I;16B", (31, 23), GREY16[:23, :31].astype(">u2").tobytes())
    made["P, one key colour"] = with_transparency(made["P"], 3)
    made["P, alpha for each colour"] = with_transparency(made["P"], bytes(range(256)))
    made["L, one key colour"] = with_transparency(made["L"], 77)
    made["RGB, one key colour"] = with_transparency(colour, tuple(RGB[2, 5].tolist()))
    made["1, one key colour"] = with_transparency(made["1"], 255)
    made["I;16, one key colour"] = with_transparency(made["I;16"], 300)
    return made


def with_transparency(image, key):
    image = image.copy()
    image.info["transparency"] = key
    return image


def state(image):
    return image.mode, image.size, image.tobytes(), dict(image.info), image.getpalette()


PICTURES = pictures()
by_mode = pytest.mark.parametrize("mode", PICTURES)


@by_name
@by_mode
def test_s2_every_filter_takes_every_kind_of_picture_and_leaves_it_alone(each, mode):
    image = PICTURES[mode].copy()
    before = state(image)
    result = each.apply(image)
    assert state(image) == before
    assert result is not image
    assert result.size == image.size
    bands = {"grayscale": "L"}.get(each.name, normalise(image).mode.rstrip("A"))
    assert result.mode.rstrip("A") == bands
    assert result.mode in ("L", "LA", "RGB", "RGBA")


@by_name
@pytest.mark.parametrize(
    "mode", [mode for mode in PICTURES if normalise(PICTURES[mode]).mode[-1] == "A"]
)
def test_the_alpha_band_passes_through_unchanged(each, mode):
    alpha = normalise(PICTURES[mode]).getchannel("A")
    assert each.apply(PICTURES[mode]).getchannel("A").tobytes() == alpha.tobytes()


def test_a_key_colour_in_sixteen_bits_is_dropped_rather_than_made_to_hide_its_neighbours():
    image = normalise(PICTURES["I;16, one key colour"])
    assert image.mode == "L"
    assert "transparency" not in image.info


@pytest.mark.parametrize(
    ("mode", "key", "expected"),
    [
        ("P, one key colour", 3, lambda index: np.where(index == 3, 0, 255)),
        ("P, alpha for each colour", bytes(range(256)), lambda index: index),
        ("L, one key colour", 77, lambda value: np.where(value == 77, 0, 255)),
    ],
)
def test_transparency_written_any_other_way_becomes_an_alpha_band(mode, key, expected):
    source = PICTURES[mode]
    assert source.info["transparency"] == key
    alpha = np.asarray(normalise(source).getchannel("A"))
    assert np.array_equal(alpha, expected(np.asarray(source)))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_picture_that_is_normal_already_is_not_copied(mode):
    assert normalise(PICTURES[mode]) is PICTURES[mode]


@by_mode
def test_normalising_twice_changes_nothing_more(mode):
    once = normalise(PICTURES[mode])
    assert normalise(once) is once


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
def test_sixteen_bits_are_scaled_to_eight_and_not_cut_off(mode):
    kind = {"I;16": "<u2", "I;16B": ">u2", "I": "<i4"}[mode]
    image = Image.frombytes(mode, (256, 256), GREY16.astype(kind).tobytes())
    assert np.array_equal(np.asarray(normalise(image)), np.rint(GREY16 / 257))


def test_floating_point_greys_count_from_0_to_255():
    image = Image.fromarray(np.array([[-9, 0, 77, 255, 999]], dtype=np.float32))
    assert list(normalise(image).tobytes()) == [0, 0, 77, 255, 255]


def test_floating_point_greys_that_are_shares_count_from_0_to_1():
    image = Image.fromarray(np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16))
    assert list(normalise(image).tobytes()) == list(range(256))


UPRIGHT = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: np.rot90,
}


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_photograph_taken_with_a_turned_camera_is_set_upright_once(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(RGB).save(tmp_path / f"turned{suffix}", exif=exif)
    with Image.open(tmp_path / f"turned{suffix}") as image:
        once = normalise(image)
        assert np.array_equal(np.asarray(once), UPRIGHT[orientation](RGB))
        assert np.array_equal(np.asarray(normalise(once)), UPRIGHT[orientation](RGB))
        inverted = InvertFilter().apply(image)
    assert np.array_equal(np.asarray(inverted), 255 - UPRIGHT[orientation](RGB))


@pytest.mark.parametrize("value", ["cat.jpg", None, 3])
def test_a_path_in_place_of_an_image_is_refused_with_the_way_to_open_it(value):
    with pytest.raises(ImageError, match="open_image"):
        BlurFilter().apply(value)


def pixels(each, array=RGB):
    return np.asarray(each.apply(Image.fromarray(array)))


def windows(array, size):
    return np.lib.stride_tricks.sliding_window_view(array.astype(int), (size, size), axis=(0, 1))


def test_s2_grayscale_weighs_the_colours_as_the_eye_does():
    red, green, blue = RGB.astype(int).transpose(2, 0, 1)
    exact = 0.299 * red + 0.587 * green + 0.114 * blue
    assert np.abs(pixels(GrayscaleFilter()) - exact).max() <= 0.51


@given(factor=st.floats(0, 100))
def test_s2_brightness_is_a_product_cut_off_at_white(factor):
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = np.minimum(np.rint(every * factor), 255)
    assert np.array_equal(pixels(BrightnessFilter(factor), every), expected)


def test_s2_edges_are_the_difference_to_the_eight_neighbours():
    inner = windows(RGB, 3)
    expected = np.clip(9 * inner[..., 1, 1] - inner.sum(axis=(-1, -2)), 0, 255)
    assert np.array_equal(pixels(EdgesFilter())[1:-1, 1:-1], expected)


def test_beyond_the_rim_the_outermost_pixels_go_on_when_edges_are_sought():
    inner = windows(np.pad(RGB, ((1, 1), (1, 1), (0, 0)), mode="edge"), 3)
    expected = np.clip(9 * inner[..., 1, 1] - inner.sum(axis=(-1, -2)), 0, 255)
    assert np.array_equal(pixels(EdgesFilter()), expected)


@pytest.mark.parametrize("size", [(9, 9), (1, 1), (1, 7), (2, 2)])
def test_a_picture_of_one_colour_has_no_edges(size):
    assert EdgesFilter().apply(Image.new("L", size, 255)).getextrema() == (0, 0)


def test_sharpening_adds_an_eighth_of_the_difference_to_each_neighbour():
    inner = windows(RGB, 3)
    exact = inner[..., 1, 1] + (9 * inner[..., 1, 1] - inner.sum(axis=(-1, -2))) / 8
    assert np.abs(pixels(SharpenFilter())[1:-1, 1:-1] - np.clip(exact, 0, 255)).max() <= 0.51


@pytest.mark.parametrize("size", [1, 3, 5])
def test_median_is_the_median_of_the_square(size):
    rim = size // 2
    inner = pixels(MedianFilter(size))[rim : 23 - rim, rim : 31 - rim]
    assert np.array_equal(inner, np.median(windows(RGB, size), axis=(-1, -2)))


@pytest.mark.parametrize("step", [1, 500, 5000])
@pytest.mark.parametrize("size", [3, 15])
def test_a_median_in_parts_is_the_median_of_the_whole(monkeypatch, step, size):
    monkeypatch.setattr("imglab.imaging.filters.MEDIAN_STEP", step)
    whole = Image.fromarray(RGB).filter(ImageFilter.MedianFilter(size))
    assert np.array_equal(pixels(MedianFilter(size)), np.asarray(whole))


def test_a_median_lets_other_threads_run_in_between(monkeypatch):
    """Another thread notes how many parts are done: of a median in one piece it sees none."""
    monkeypatch.setattr(filters, "MEDIAN_STEP", 300_000)
    image = Image.effect_noise((200, 100), 80)
    begun_parts = 0
    seen = set()
    done = threading.Event()

    def counted(size, pixels):
        nonlocal begun_parts
        for each, box in enumerate(tiles(size, pixels)):
            begun_parts = each
            yield box

    def look():
        while not done.is_set():
            seen.add(begun_parts)

    def is_seen_in_between():
        MedianFilter(15).apply(image)
        return len(seen) > 3

    monkeypatch.setattr(filters, "tiles", counted)
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        until(is_seen_in_between)
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("step", [1, 7, 1 << 16])
def test_invert_in_parts_is_the_negative_of_the_whole(monkeypatch, step):
    monkeypatch.setattr("imglab.imaging.filters.INVERT_STEP", step)
    assert np.array_equal(pixels(InvertFilter()), 255 - RGB)


def test_invert_needs_less_memory_than_its_input():
    image = Image.new("RGB", (1000, 1000), "navy")
    tracemalloc.start()
    try:
        InvertFilter().apply(image)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000


@pytest.mark.parametrize("each", [BlurFilter(3), SharpenFilter(), MedianFilter(5), EdgesFilter()])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_hidden_colour_does_not_flow_into_what_is_seen(each, mode):
    results = []
    for hidden in (0, 255):
        image = Image.new(mode, (40, 40), (hidden,) * (len(mode) - 1) + (0,))
        image.paste((128,) * (len(mode) - 1) + (255,), (10, 10, 30, 30))
        seen = np.asarray(each.apply(image))[10:30, 10:30, 0]
        results.append(seen)
    expected = 128
    if each.name == "edges":
        expected = 0
    for seen in results:
        assert np.abs(seen.astype(int) - expected).max() <= 2  # of 8 bits, some are lost by alpha


def test_a_blur_weighs_each_neighbour_by_its_alpha():
    image = Image.new("RGBA", (41, 41), (0, 0, 255, 255))
    image.paste((255, 0, 0, 51), (0, 0, 20, 41))
    red, _, blue, _ = BlurFilter(4).apply(image).getpixel((20, 20))
    assert red < 0.3 * blue


@pytest.mark.parametrize("alpha", [40, 255])
@pytest.mark.parametrize("each", [SharpenFilter(), MedianFilter(5), EdgesFilter(), BlurFilter(0)])
def test_an_even_alpha_changes_no_colour(each, alpha):
    opaque = Image.fromarray(RGB)
    glass = opaque.copy()
    glass.putalpha(alpha)
    assert each.apply(glass).convert("RGB").tobytes() == each.apply(opaque).tobytes()


def test_invert_is_the_negative():
    assert np.array_equal(pixels(InvertFilter()), 255 - RGB)


def test_s2_blur_spreads_a_bright_spot_as_a_gaussian_does():
    spot = np.zeros((41, 41), dtype=np.uint8)
    spot[20, 20] = 255
    distance = np.arange(41) - 20
    gauss = np.exp(-(distance**2) / (2 * 2.0**2))
    expected = 255 * np.outer(gauss, gauss) / gauss.sum() ** 2
    assert np.abs(pixels(BlurFilter(2), spot) - expected).max() <= 1.5


def test_blur_without_a_radius_changes_nothing():
    assert np.array_equal(pixels(BlurFilter(0)), RGB)


@by_name
@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 7)])
def test_a_picture_of_hardly_any_pixels_is_filtered_as_well(each, size):
    assert each.apply(Image.new("RGB", size)).size == size


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: BlurFilter(-1), "blur: radius must be a number from 0 to 100, not -1"),
        (lambda: BlurFilter(True), "blur: radius must be a number from 0 to 100, not True"),
        (lambda: BlurFilter("3"), "blur: radius must be a number from 0 to 100, not '3'"),
        (lambda: BlurFilter(10**5000), "blur: radius must be a number .*, not a huge int"),
        (lambda: BrightnessFilter(None), "brightness: factor must be a number .*, not None"),
        (lambda: MedianFilter(4), "median: size must be an odd whole number from 1 to 15, not 4"),
        (lambda: MedianFilter(3.5), "median: size must be an odd whole number .*, not 3.5"),
    ],
)
def test_s2_a_parameter_is_checked_when_the_filter_is_made(make, sentence):
    with pytest.raises(FilterError, match=f"^{sentence}$"):
        make()


@given(value=st.floats() | st.integers())
def test_a_radius_is_accepted_exactly_when_it_lies_within_its_limits(value):
    if 0 <= value <= 100:
        assert BlurFilter(value).radius == value
    else:
        with pytest.raises(FilterError):
            BlurFilter(value)


def test_a_parameter_takes_its_own_type_so_that_equal_filters_are_equal():
    assert repr(BlurFilter(3)) == "BlurFilter(radius=3.0)"
    assert BlurFilter(3) == BlurFilter(3.0)
    assert hash(BlurFilter(3)) == hash(BlurFilter(3.0))
    assert repr(MedianFilter(3.0)) == "MedianFilter(size=3)"


def test_filters_of_two_kinds_are_never_equal():
    assert EdgesFilter() != SharpenFilter()


@by_name
def test_a_filter_cannot_be_changed_once_made(each):
    with pytest.raises(FrozenInstanceError):
        each.radius = 5


def test_a_spec_is_the_name_and_the_parameters():
    assert BlurFilter(3).spec() == {"name": "blur", "radius": 3.0}
    assert EdgesFilter().spec() == {"name": "edges"}


@dataclass(frozen=True)
class TonesFilter(BaseFilter):
    name = "poster"
    bits: int = number(3, low=1, high=8)

    def change(self, image):
        return image.point(lambda value: value & ~(0xFF >> self.bits))


class OddFilter(BaseFilter):
    def __init__(self, change):
        object.__setattr__(self, "change_by", change)

    def change(self, image):
        return self.change_by(image)


def test_a_filter_of_ones_own_is_one_class_with_one_method():
    assert np.array_equal(pixels(TonesFilter(2)), RGB & 0b1100_0000)
    assert TonesFilter().spec() == {"name": "poster", "bits": 3}
    with pytest.raises(FilterError, match="poster: bits must be a whole number from 1 to 8, not 9"):
        TonesFilter(9)


def test_a_filter_of_ones_own_never_sees_the_alpha_band():
    seen = []
    each = OddFilter(lambda image: seen.append(image.mode) or image.convert("1"))
    assert each.apply(PICTURES["LA"]).mode == "LA"
    assert each.apply(PICTURES["RGBA"]).mode == "LA"
    assert seen == ["L", "RGB"]


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_filter_that_gives_back_its_input_gives_the_caller_a_copy(mode):
    result = OddFilter(lambda image: image).apply(PICTURES[mode])
    assert result is not PICTURES[mode]
    assert result.tobytes() == PICTURES[mode].tobytes()


@pytest.mark.parametrize("wrong", [lambda image: None, lambda image: image.resize((2, 2))])
def test_a_filter_that_forgets_its_result_or_the_size_is_told_so(wrong):
    with pytest.raises(FilterError, match=r"odd: change\(\) must return an image of the same size"):
        OddFilter(wrong).apply(PICTURES["RGB"])
