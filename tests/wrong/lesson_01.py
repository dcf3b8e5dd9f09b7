"""Typical wrong answers to lesson 01: the solution with one thing wrong."""

from imglab.exercises.lesson_01 import PATH, PIXELS

BODY = PIXELS[PIXELS.index("        small") :]


def instead(body):
    return {PATH: PIXELS.replace(BODY, body)}


def without(line):
    assert line in PIXELS
    return {PATH: PIXELS.replace(line, "")}


SMALL = """        return image.reduce(self.size)
"""
SMOOTH = """        small = image.reduce(self.size)
        large = ImageOps.scale(small, self.size)
        return large.crop((0, 0, *image.size))
"""
MIXED = """        width, height = (-(-side // self.size) for side in image.size)
        small = image.resize((width, height))
        large = ImageOps.scale(small, self.size, Image.Resampling.NEAREST)
        return large.crop((0, 0, *image.size))
"""
DRIFTING = """        return image.reduce(self.size).resize(image.size, Image.Resampling.NEAREST)
"""
TOO_LARGE = """        small = image.reduce(self.size)
        return ImageOps.scale(small, self.size, Image.Resampling.NEAREST)
"""
CUT = """        width, height = (side // self.size * self.size for side in image.size)
        image = image.crop((0, 0, width, height))
        return image.reduce(self.size).resize(image.size, Image.Resampling.NEAREST)
"""
DRAWN = """        for y in range(0, image.height, self.size):
            for x in range(0, image.width, self.size):
                image.paste(image.getpixel((x, y)), (x, y, x + self.size, y + self.size))
        return image
"""
NOTHING_DONE = """        return image.copy()
"""
NO_RETURN = """        image.reduce(self.size)
"""
THREE_NUMBERS = """        image = image.copy()
        for y in range(0, image.height, self.size):
            for x in range(0, image.width, self.size):
                red, green, blue = image.getpixel((x, y))
                box = (x, y, min(image.width, x + self.size), min(image.height, y + self.size))
                image.paste((red, green, blue), box)
        return image
"""

WRONG = {
    "01-exercise-pixels": [
        (instead(SMALL), "That is the small picture"),
        (instead(SMOOTH), "Here neighbours are mixed"),
        (instead(MIXED), "Here neighbours are mixed"),
        (instead(DRIFTING), "The squares drift"),
        (instead(TOO_LARGE), "The last squares are cut"),
        (instead(CUT), "The last squares are cut"),
        (instead(BODY.replace("self.size", "8")), "whatever it is"),
        (instead(DRAWN), "Somebody may still need it"),
        (instead(NOTHING_DONE), "Each square has one colour"),
        (instead(NO_RETURN), "has to give one back"),
        (instead(THREE_NUMBERS), "one number for each pixel"),
        (without("@FilterFactory.register\n"), "makes what was registered with it"),
        (without("@dataclass(frozen=True)\n"), "Two lines stand above the class"),
        (without("from PIL import Image, ImageOps\n"), "is not known where your answer runs"),
        ({PATH: PIXELS.replace("PixelsFilter", "PixelFilter")}, "The class gives the name"),
        ({PATH: PIXELS.replace("high=64", "high=100")}, "with these limits"),
        (without("from dataclasses import dataclass\n"), "is not known where your answer runs"),
    ]
}


def by_resizing(line):
    """The solution with its three lines of `change` in another way."""
    head = PIXELS[: PIXELS.index("        small")]
    return {PATH: head + line}


BOX = """        width, height = image.size
        size = self.size
        result = image.copy()
        for top in range(0, height, size):
            for left in range(0, width, size):
                box = (left, top, min(left + size, width), min(top + size, height))
                colour = image.crop(box).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
                result.paste(colour, box)
        return result
"""
RESIZE = """        small = image.reduce(self.size)
        width, height = small.size
        large = small.resize((width * self.size, height * self.size), Image.Resampling.NEAREST)
        return large.crop((0, 0, image.width, image.height))
"""
TRANSFORM = """        small = image.reduce(self.size)
        n = self.size
        return small.transform(image.size, Image.Transform.AFFINE, (1 / n, 0, 0, 0, 1 / n, 0))
"""
RIGHT = {"01-exercise-pixels": [by_resizing(each) for each in (BOX, RESIZE, TRANSFORM)]}
