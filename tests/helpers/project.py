"""A project for a test: a folder with images/ and output/, as the repository has them."""

from __future__ import annotations

import shutil
from pathlib import Path

from PIL import Image

#: The repository.
ROOT = Path(__file__).parent.parent.parent
#: The names of its photographs.
PHOTOGRAPHS = tuple(sorted(path.name for path in (ROOT / "images").glob("*.jpg")))
#: Width and height of the small photograph, in pixels.
SMALL = (90, 60)


def make_project(root: Path, *photographs: str) -> Path:
    """Make a project with these of the repository's photographs, and give its folder back."""
    for name in ("images", "output"):
        (root / name).mkdir(parents=True)
    for name in photographs:
        shutil.copy(ROOT / "images" / name, root / "images")
    return root


def add_small_photograph(root: Path) -> None:
    """Add images/sample.png, which takes next to no time to filter."""
    with Image.open(ROOT / "images" / "sample.jpg") as photo:
        photo.resize(SMALL).save(root / "images" / "sample.png")
