"""The gallery: photographs in a notebook that keep it small, and words that say what they show."""

from __future__ import annotations

import base64
from io import BytesIO

import nbformat
import pytest
from helpers.project import ROOT
from nbclient import NotebookClient
from PIL import Image

from imglab.errors import ImageError
from imglab.imaging import BlurFilter, open_image, save_image
from imglab.views.gallery import HEIGHT, MOST_TILES, before_after, contact_sheet, difference

CAT = ROOT / "images" / "sample.jpg"
PHOTOS = sorted((ROOT / "images").glob("*.jpg"))

pytestmark = pytest.mark.photographs()


@pytest.fixture
def project(project):
    """The project, with the cat among its photographs."""
    save_image(open_image(CAT), project / "images" / "cat.png")
    (project / "output" / "lesson").mkdir()
    return project


def colour(red: int, green: int, blue: int, *alpha: int, size=(40, 30)) -> Image.Image:
    mode = "RGBA" if alpha else "RGB"
    return Image.new(mode, size, (red, green, blue, *alpha))


def bundle(picture) -> tuple[str, bytes, str]:
    """How a notebook shows a picture: the kind of the image, its bytes, and its words."""
    data, metadata = picture._repr_mimebundle_()
    (kind,) = metadata
    assert set(data) == {kind, "text/plain"}
    assert metadata[kind]["alt"] == data["text/plain"]
    return kind, data[kind], data["text/plain"]


def test_before_and_after_stand_side_by_side_equally_high():
    left, right = colour(255, 0, 0, size=(400, 300)), colour(0, 0, 255, size=(90, 180))
    sheet = before_after(left, right, "A red one, and a blue one").image
    assert sheet.height == HEIGHT
    assert sheet.width == HEIGHT * 4 // 3 + 6 + HEIGHT // 2
    red, gap, blue = HEIGHT * 4 // 3 - 1, HEIGHT * 4 // 3 + 3, sheet.width - 1
    for y in (0, HEIGHT - 1):
        colours = [sheet.getpixel((x, y)) for x in (0, red, gap, blue)]
        assert colours == [(255, 0, 0)] * 2 + [(255, 255, 255), (0, 0, 255)]


def test_a_path_starts_from_the_project_as_in_a_task(project):
    picture = open_image(project / "images" / "cat.png")
    by_path = before_after("images/cat.png", project / "images" / "cat.png", "The cat, twice")
    assert by_path.image.tobytes() == before_after(picture, picture, "").image.tobytes()
    assert by_path.words == "The cat, twice"


def test_what_is_transparent_is_white_on_a_dark_page_too():
    clear, grey = colour(0, 0, 0, 0), Image.new("L", (40, 30), 7)
    for sheet in (before_after(clear, grey, "").image, contact_sheet({"clear": clear}).image):
        assert sheet.mode == "RGB"
        assert sheet.getpixel((20, 20)) == (255, 255, 255)


def test_a_contact_sheet_has_each_picture_in_its_place_and_each_name_in_words():
    colours = {"red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255)}
    picture = contact_sheet({name: colour(*each) for name, each in colours.items()}, columns=2)
    sheet = picture.image
    middles = [(sheet.width // 4, 50), (sheet.width * 3 // 4, 50)]
    middles.append((sheet.width // 4, 50 + sheet.height // 2))
    assert [sheet.getpixel(each) for each in middles] == list(colours.values())
    assert picture.words == "Pictures: red, green, blue"


def test_a_name_is_drawn_below_its_picture_within_its_own_cell():
    """Each letter of a name, be it as long as it likes, and one that not every font has."""
    white = colour(255, 255, 255)
    plain, named, long = (
        contact_sheet({name: white, " ": white}).image for name in ("", "niño", "m" * 200)
    )
    half = plain.width // 2
    below = (0, 115, half, plain.height)
    assert plain.crop(below).getcolors() == [(half * (plain.height - 115), (255, 255, 255))]
    assert min(named.convert("L").crop(below).tobytes()) < 60
    assert min(long.convert("L").crop(below).tobytes()) < 60
    for sheet in (named, long):
        beyond = (half, 0, plain.width, plain.height)
        assert sheet.crop(beyond).tobytes() == plain.crop(beyond).tobytes()
    letters = [contact_sheet({each: white}).image.tobytes() for each in "ñéü"]
    assert len(set(letters)) == 3, "not boxes in place of letters"


def test_without_being_told_it_shows_the_results(project):
    for name in ("output/b.png", "output/lesson/a.jpg", "images/other.png"):
        save_image(colour(9, 9, 9), project / name)
    (project / "output" / "notes.txt").write_text("no picture")
    assert contact_sheet().words == "Pictures: b.png, a.jpg"
    assert contact_sheet("images").words == "Pictures: cat.png, other.png"
    assert contact_sheet(project / "output/lesson").words == "Pictures: a.jpg"


def test_a_folder_without_pictures_is_said(project):
    assert contact_sheet("output", alt="My results").words == "My results: none"


def test_what_cannot_be_opened_is_a_crossed_box_and_the_words_say_why(project):
    (project / "output" / "broken.jpg").write_bytes(b"")
    (project / "output" / "text.png").write_text("no picture")
    cut = Image.open(BytesIO(CAT.read_bytes()[:9000]))
    first, *reasons = contact_sheet(
        {
            "broken": "output/broken.jpg",
            "text": project / "output" / "text.png",
            "missing": "output/missing.png",
            "cut": cut,
            "none": None,
        }
    ).words.splitlines()
    assert first == "Pictures: broken, text, missing, cut, none"
    kinds = "BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP"
    assert reasons[:3] == [
        "Cannot open output/broken.jpg: it is empty or cut short",
        f"Cannot open output/text.png: it is not an image ({kinds})",
        "Cannot open output/missing.png: No such file or directory",
    ]
    assert "truncated" in reasons[3]
    assert "An image is needed, not None" in reasons[4]
    sheet = contact_sheet(["output/broken.jpg"]).image.convert("L")
    greys = {value for _, value in sheet.crop((0, 0, sheet.width, 110)).getcolors(256)}
    assert 0xB0 in greys, "a cross in grey"


def test_a_lesson_stays_small_whatever_it_shows():
    """300 KB in all, and a notebook keeps four letters for three bytes."""
    stars = ROOT / "images" / "hubble.jpg"
    many = contact_sheet([stars] * (MOST_TILES + 10))
    assert many.words.endswith("hubble.jpg\n… and 10 more")
    for picture, most in [
        (many, 250_000),
        (contact_sheet(PHOTOS), 60_000),
        (before_after(stars, stars, ""), 90_000),
        (difference(CAT, BlurFilter(5).apply(open_image(CAT))), 60_000),
    ]:
        _, data, _ = bundle(picture)
        assert len(base64.b64encode(data)) < most


def test_equal_pictures_are_said_to_be_identical():
    picture = difference(CAT, open_image(CAT))
    assert picture.words == "The two pictures: identical, all 135,300 pixels."
    assert picture.image.getextrema() == (0, 0)


def test_one_pixel_that_differs_by_one_can_be_seen_in_a_large_picture():
    large = Image.new("RGB", (3000, 2000), (100, 100, 100))
    other = large.copy()
    other.putpixel((1500, 1000), (100, 101, 100))
    picture = difference(large, other)
    assert picture.words == (
        "The two pictures: 1 of 6,000,000 pixels differ, the largest difference is 1 of 255."
    )
    seen = picture.image
    assert seen.width <= 360
    assert seen.getpixel((seen.width // 2, seen.height // 2)) >= 96
    assert sum(value > 0 for value in seen.tobytes()) >= 9
    assert seen.getpixel((0, 0)) == 0


def test_a_larger_difference_is_brighter():
    one, two = Image.new("L", (9, 3)), Image.new("L", (9, 3))
    two.paste(5, (3, 0, 6, 3))
    two.paste(200, (6, 0, 9, 3))
    picture = difference(one, two)
    assert "18 of 27 pixels differ, the largest difference is 200 of 255" in picture.words
    small, large = (picture.image.getpixel((picture.image.width * n // 6, 50)) for n in (3, 5))
    assert 96 < small < large == 255


def test_transparency_is_a_difference_too():
    words = difference(colour(5, 5, 5, 255), colour(5, 5, 5, 254)).words
    assert "1,200 of 1,200 pixels differ, the largest difference is 1 of 255" in words
    assert "identical" in difference(colour(5, 5, 5, 255), Image.new("L", (40, 30), 5)).words


def test_pictures_of_different_sizes_are_not_compared():
    with pytest.raises(ImageError) as error:
        difference(colour(0, 0, 0), colour(0, 0, 0, size=(30, 40)))
    assert str(error.value) == (
        "Only pictures of one size can be compared: "
        "the first has 40 × 30 pixels, the second 30 × 40."
    )


def test_a_missing_picture_is_named_as_the_lesson_names_it(project):
    with pytest.raises(ImageError, match=r"^Cannot open output/x\.png: No such file"):
        before_after("images/cat.png", "output/x.png", "")


def test_a_notebook_shows_one_picture_with_its_words(project):
    """As the last value of a cell and by `display`; a real kernel, with its own encoding."""
    cells = [
        "from imglab.views import before_after, contact_sheet, difference",
        "before_after('images/cat.png', 'images/cat.png', 'The cat, twice')",
        "display(contact_sheet('images'))\nprint('and on it goes')",
        "difference('images/cat.png', 'images/cat.png')",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=60, kernel_name="python3").execute()
    for cell, kind, words in zip(
        book.cells[1:],
        ("image/jpeg", "image/jpeg", "image/png"),
        ("The cat, twice", "Pictures: cat.png", "The two pictures: identical"),
        strict=True,
    ):
        (shown,) = [each for each in cell.outputs if each.output_type != "stream"]
        assert set(shown.data) == {kind, "text/plain"}
        assert shown.data["text/plain"].startswith(words)
        assert shown.metadata[kind]["alt"] == shown.data["text/plain"]
        with Image.open(BytesIO(base64.b64decode(shown.data[kind]))) as image:
            assert image.width > 100
