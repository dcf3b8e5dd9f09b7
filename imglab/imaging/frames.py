"""Files that hold several pictures: the frames of an animation, the pages of a TIFF."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from PIL import Image

from imglab.imaging.files import begin, failure
from imglab.imaging.kinds import ANIMATED, SEVERAL
from imglab.imaging.normal import normalise
from imglab.imaging.quiet import quiet_pillow
from imglab.imaging.source import bare, pass_on, source_of
from imglab.imaging.writing import Quality, fitted, losses, write_image
from imglab.language import tr

#: The most frames that are looked for in a file.
MAX_FRAMES = 5_000


@dataclass(frozen=True)
class Film:
    """The pictures of one file, in their order; of a photograph that is one.

    For each a duration in milliseconds, where there is one; and how often an animation is shown, 0
    for ever, None if the file does not say. `note` says what was left out.
    """

    images: tuple[Image.Image, ...]
    durations: tuple[float, ...] = ()
    loop: int | None = None
    note: str = ""

    @property
    def first(self) -> Image.Image:
        """The only picture of a photograph."""
        return self.images[0]

    def each(self, change: Callable[[Image.Image], Image.Image]) -> Film:
        """Change every picture, and return them as another film."""
        return replace(self, images=tuple(map(change, self.images)))

    def write(self, file: IO[bytes], image_format: str, quality: Quality) -> None:
        """Write all pictures into an open file."""
        if len(self.images) == 1:
            write_image(self.first, file, image_format, quality)
            return
        first, *others = self._alike(image_format)
        options: dict[str, Any] = {"save_all": True, "append_images": others}
        if image_format in ANIMATED and self.durations:
            options["duration"] = list(self.durations)
        if image_format in ANIMATED and self.loop is not None:
            options["loop"] = self.loop
        if image_format == "GIF":
            options["disposal"] = 2  # without it, what is transparent shows the frame before
        first.save(file, image_format, **options, **quality.options(self.first, image_format))

    def _alike(self, image_format: str) -> list[Image.Image]:
        """The pictures in one mode, which an animation needs; the pages of a TIFF may differ."""
        images = [bare(fitted(image, image_format)) for image in self.images]
        modes = {image.mode for image in images}
        if image_format not in ANIMATED or len(modes) == 1:
            return images
        mode = "RGB"
        if any(each.endswith("A") for each in modes):
            mode = "RGBA"
        return [image.convert(mode) for image in images]

    def notes(self, image_format: str) -> list[str]:
        """What somebody should know who looks at the result: colours, transparency, frames."""
        words = [source_of(self.first).colours, *losses(self.first, image_format), self.note]
        return [each for each in words if each]


def film_of(
    source: str | os.PathLike[str] | IO[bytes], first: Image.Image, image_format: str
) -> Film:
    """Read what follows the first picture of a file, as far as a format can hold it.

    A frame that cannot be read ends the film: the note says so. ResourceExhausted when memory ran
    out.
    """
    if not source_of(first).several:
        return Film((first,))
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            return film_of(file, first, image_format)
    try:
        with quiet_pillow():
            if image_format in SEVERAL:
                return _read(source, first, image_format)
            return Film(
                (first,),
                note=tr(
                    "1 of {frames} frames: {image_format} holds one",
                    frames=_count(source),
                    image_format=image_format,
                ),
            )
    except MemoryError as error:
        raise failure(getattr(source, "name", tr("the file")), error, None) from error


def _count(file: IO[bytes]) -> str:
    """How many pictures there are, in words."""
    try:
        image = begin(file)
        if image.format != "TIFF":
            return str(getattr(image, "n_frames", 1))
        number = 1
        while number < MAX_FRAMES and _seek(image, number):
            number += 1
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - what follows the first picture may be anything
        return tr("several")
    return str(number)


def _seek(image: Image.Image, number: int) -> bool:
    """Go to a picture of a file; False if there is none."""
    try:
        image.seek(number)
    except EOFError:
        return False
    return True


class _TooLarge(Exception):
    """There are more frames, or more pixels in all of them, than a reader takes."""


class _OtherSize(Exception):
    """The next page is of another size, which no animation can hold."""


def _read(file: IO[bytes], first: Image.Image, image_format: str) -> Film:
    """All frames, if a format can hold them; else the first ones, or the first, and a note."""
    image = begin(file)
    image.load()
    images = [first]
    durations = [image.info.get("duration", 0)]
    note = ""
    try:
        for frame in _others(image, first, image_format):
            images.append(frame)
            durations.append(image.info.get("duration", 0))
    except _TooLarge:
        limits = tr(
            "{pixels:,} pixels or {frames:,} frames",
            pixels=Image.MAX_IMAGE_PIXELS,
            frames=MAX_FRAMES,
        )
        return Film(
            (first,),
            note=tr("1 of several frames: in all there are more than {limits}", limits=limits),
        )
    except _OtherSize:
        note = tr("{count} of several pages: the next one is of another size", count=len(images))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - what follows the first picture may be anything
        note = tr(
            "{count} of several frames: the next one is broken or cut short", count=len(images)
        )
    if not any(durations):
        durations = []
    return Film(tuple(images), tuple(durations), image.info.get("loop"), note)


def _others(image: Image.Image, first: Image.Image, image_format: str) -> Iterator[Image.Image]:
    """The frames after the first, as long as they may be read."""
    number = 1
    pixels = first.width * first.height
    limit = Image.MAX_IMAGE_PIXELS
    while _seek(image, number):
        if image_format in ANIMATED and image.size != first.size:
            raise _OtherSize
        number += 1
        pixels += image.width * image.height
        if number > MAX_FRAMES or (limit and pixels > limit):
            raise _TooLarge
        yield _normal(image, first)


def _normal(image: Image.Image, first: Image.Image) -> Image.Image:
    """The frame that a reader stands at, as an image of its own that remembers its file."""
    # A copy: the reader puts the next frame into the same memory.
    normal = normalise(image.copy())
    frame = bare(normal)
    pass_on(first, frame)
    return frame
