"""A sheet of small pictures, with their names below: what photographers call a contact sheet."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont, ImageOps

#: Pixels between two pictures.
GAP = 6
#: Pixels of a small picture, across and down.
TILE = (148, 111)
#: Pixels of its cell, which has room for its name below.
CELL = (154, 136)
#: Pixels from the corner of a cell to the middle of its name.
NAME_MIDDLE = (74, 121)


class Sheet:
    """A white sheet with cells for small pictures, numbered row by row from 0."""

    def __init__(
        self, columns: int, rows: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
    ) -> None:
        self.image = Image.new("RGB", (columns * CELL[0], rows * CELL[1]), "white")
        self._columns = columns
        self._draw = ImageDraw.Draw(self.image)
        self._font = font

    def paste(self, number: int, picture: Image.Image) -> None:
        """Put a picture, RGBA, into a cell."""
        tile = ImageOps.pad(picture, TILE)
        self.image.paste(tile, self._at(number), mask=tile)

    def cross_out(self, number: int) -> None:
        """Show that the picture of a cell cannot be opened."""
        left, top = self._at(number)
        right = left + TILE[0]
        bottom = top + TILE[1]
        self._draw.rectangle((left, top, right, bottom), outline="#b0b0b0", width=2)
        self._draw.line((left, top, right, bottom), "#b0b0b0", width=2)
        self._draw.line((left, bottom, right, top), "#b0b0b0", width=2)

    def write_name(self, number: int, name: str) -> None:
        """Write a name below a cell's picture."""
        place = self._at(number, NAME_MIDDLE)
        self._draw.text(place, name, "black", self._font, anchor="mm")

    def _at(self, number: int, offset: tuple[int, int] = (0, 0)) -> tuple[int, int]:
        """Pixels from the sheet's corner to a cell's, and so far into the cell."""
        row, column = divmod(number, self._columns)
        left = column * CELL[0] + GAP // 2 + offset[0]
        top = row * CELL[1] + GAP // 2 + offset[1]
        return left, top
