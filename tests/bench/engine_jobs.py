"""The work itself, as a function that processes of any kind import."""

from __future__ import annotations

import os

#: A worker has one core: what is in parallel are the workers.
os.environ.setdefault("VIPS_CONCURRENCY", "1")

SIGMA = 3


def with_pillow(job: tuple[str, str]) -> None:
    """Do what our workers do, by the same calls."""
    from imglab.imaging import FilterPipeline, open_image, save_image

    source, target = job
    save_image(FilterPipeline.parse(f"blur:radius={SIGMA}").apply(open_image(source)), target)


def with_vips(job: tuple[str, str]) -> None:
    """Do the same with libvips, which reads, blurs and writes in one stream."""
    import pyvips

    source, target = job
    image = pyvips.Image.new_from_file(source, access="sequential")
    image.gaussblur(SIGMA).jpegsave(target, Q=75)
