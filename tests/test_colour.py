"""Colour profiles: what a picture shows stays the same, though its numbers may change."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms
from profiles import ADOBE, WIDE

from imglab.imaging import GrayscaleFilter, normalise, open_image, save_image
from imglab.imaging.source import source_of

SRGB = ImageCms.createProfile("sRGB")
SRGB_BYTES = ImageCms.ImageCmsProfile(SRGB).tobytes()
SEEN = (220, 60, 60)


def tagged(profile, mode="RGB", colour=SEEN):
    """A picture that shows `colour`, with its numbers for this profile."""
    shown = Image.new("RGB", (8, 8), colour)
    there = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    image = ImageCms.profileToProfile(shown, SRGB, there, outputMode="RGB").convert(mode)
    image.info["icc_profile"] = profile
    return image


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("name", WIDE)
def test_a_wide_colour_space_is_converted_to_srgb(tmp_path, name, suffix):
    path = tmp_path / f"wide{suffix}"
    tagged(WIDE[name]).save(path, icc_profile=WIDE[name])
    image = open_image(path)
    assert np.abs(np.array(image.getpixel((4, 4))) - SEEN).max() <= 3
    assert source_of(image).colours == f"its colours were converted from {name} to sRGB"
    saved = save_image(image, tmp_path / f"result{suffix}")
    with Image.open(saved) as written:
        assert "icc_profile" not in written.info
    assert np.abs(np.array(open_image(saved).getpixel((4, 4))) - SEEN).max() <= 4


def test_what_is_srgb_already_keeps_each_number_and_the_original_stays():
    pixels = np.random.default_rng(1).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    image.info["icc_profile"] = SRGB_BYTES
    result = normalise(image)
    assert np.array_equal(np.asarray(result), pixels)
    assert "are sRGB, as its profile" in source_of(result).colours
    assert image.info == {"icc_profile": SRGB_BYTES}
    result.putpixel((0, 0), (1, 2, 3))
    assert np.array_equal(np.asarray(image), pixels)


def test_transparency_survives_a_conversion():
    image = tagged(ADOBE)
    image.putalpha(99)
    result = normalise(image)
    assert result.mode == "RGBA"
    assert result.getpixel((0, 0))[3] == 99
    assert np.abs(np.array(result.getpixel((0, 0))[:3]) - SEEN).max() <= 2


def test_greys_stay_greys():
    image = tagged(ADOBE, "L", (128, 128, 128))
    result = normalise(image)
    assert result.mode == "L"
    assert abs(result.getpixel((0, 0)) - 128) <= 2
    assert GrayscaleFilter().apply(tagged(ADOBE)).mode == "L"


@pytest.mark.parametrize("profile", [b"a profile", ADOBE[:200], b"\0" * 500, ADOBE[:130]])
def test_a_broken_profile_is_left_out_and_the_numbers_stay(profile):
    image = Image.new("RGB", (4, 4), SEEN)
    image.info["icc_profile"] = profile
    result = normalise(image)
    assert result.getpixel((0, 0)) == SEEN
    assert "broken" in source_of(result).colours
    assert "icc_profile" not in result.info


def test_a_profile_for_other_pixels_is_left_out():
    image = Image.new("CMYK", (4, 4), (0, 255, 255, 0))
    image.info["icc_profile"] = ADOBE
    result = normalise(image)
    assert result.getpixel((0, 0)) == (255, 0, 0)
    assert "Adobe RGB is not for CMYK" in source_of(result).colours


def test_a_profile_name_is_one_line_of_text():
    image = Image.new("RGB", (4, 4), SEEN)
    evil = ADOBE.replace(b"Adobe RGB", b"A\x1b[2J\nRGB")
    image.info["icc_profile"] = evil
    assert source_of(normalise(image)).colours.isprintable()


def test_a_filter_passes_on_what_an_image_remembers():
    assert "Adobe RGB" in source_of(GrayscaleFilter().apply(tagged(ADOBE))).colours
