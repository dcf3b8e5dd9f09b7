"""Images as bytes of a format: as fine as their source was; what the format cannot hold is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, Any

from PIL import Image

from imglab.errors import ImageError
from imglab.imaging.kinds import OPAQUE
from imglab.imaging.normal import normalise, shown
from imglab.imaging.source import Source, bare, source_of
from imglab.language import tr

#: How the pixels of a JPEG may share their colours: one each, two or four together.
SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")


@dataclass(frozen=True)
class Quality:
    """How fine a JPEG or a WEBP is to be; where nothing is said, as fine as the source was.

    ImageError for a quality that is not from 1 to 100, and a subsampling that does not exist.
    """

    quality: int | None = None
    subsampling: str | None = None

    def __post_init__(self) -> None:
        number = self.quality
        if number is not None:
            is_whole = isinstance(number, int) and not isinstance(number, bool)
            if not is_whole or not 1 <= number <= 100:
                raise ImageError(
                    tr(
                        "quality must be a whole number from 1 to 100, not {number}",
                        number=shown(number),
                    )
                )
        if self.subsampling is not None and self.subsampling not in SUBSAMPLINGS:
            choices = ", ".join(SUBSAMPLINGS)
            raise ImageError(
                tr(
                    "subsampling must be one of {choices}, not {subsampling}",
                    choices=choices,
                    subsampling=shown(self.subsampling),
                )
            )

    def options(self, image: Image.Image, image_format: str) -> dict[str, Any]:
        """What Pillow is told when it writes this image."""
        source = source_of(image)
        if image_format == "JPEG":
            return self._of_jpeg(image.mode, source)
        if image_format != "WEBP":
            return {}
        if self.quality is not None:
            return {"quality": self.quality}
        return {"lossless": source.lossless}

    def _of_jpeg(self, mode: str, source: Source) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self.quality is not None:
            options["quality"] = self.quality
        elif source.tables:
            options["qtables"] = source.tables
            if mode == "L":  # it has no use for the table of the colours
                options["qtables"] = source.tables[:1]
        if mode == "L":
            return options
        if self.subsampling is not None:
            options["subsampling"] = self.subsampling
        elif source.tables and self.quality is None:
            options["subsampling"] = source.subsampling
        return options


AS_THE_SOURCE = Quality()


def fitted(image: Image.Image, image_format: str) -> Image.Image:
    """The image as a format can hold it: on white where there is no transparency."""
    image = normalise(image)
    if image_format in OPAQUE and image.mode.endswith("A"):
        white = Image.new(image.mode[:-1], image.size, "white")
        white.paste(image.convert(white.mode), mask=image.getchannel("A"))
        return white
    return image


def write_image(
    image: Image.Image, file: IO[bytes], image_format: str, quality: Quality = AS_THE_SOURCE
) -> None:
    """Write an image into an open file; transparency turns white where the format has none."""
    image = normalise(image)
    options = quality.options(image, image_format)
    # Bare: Pillow would write some of what an image remembers, which is not true of it any more.
    bare(fitted(image, image_format)).save(file, image_format, **options)


def losses(image: Image.Image, image_format: str) -> list[str]:
    """What a format cannot hold of an image, in words."""
    words = []
    if image_format in OPAQUE and image.mode.endswith("A"):
        lowest, _ = image.getchannel("A").getextrema()
        if lowest != 255:
            words.append(
                tr(
                    "what was transparent is white: {image_format} has no transparency",
                    image_format=image_format,
                )
            )
    if image_format == "GIF" and image.mode.startswith("RGB") and source_of(image).kind != "GIF":
        words.append(tr("its colours are 256 at most: GIF has no more"))
    return words
