"""Image filters and the ways to combine them; knows nothing of queues."""

from imglab.imaging.base_filter import BaseFilter, FilterFactory, number
from imglab.imaging.batch import BatchProcessor, BatchReport
from imglab.imaging.files import open_image, save_image
from imglab.imaging.filters import (
    BlurFilter,
    BrightnessFilter,
    EdgesFilter,
    GrayscaleFilter,
    InvertFilter,
    MedianFilter,
    SharpenFilter,
)
from imglab.imaging.frames import Film, film_of
from imglab.imaging.kinds import check_fits, format_of
from imglab.imaging.normal import normalise
from imglab.imaging.pipeline import FilterPipeline
from imglab.imaging.writing import Quality, write_image

__all__ = [
    "BaseFilter",
    "BatchProcessor",
    "BatchReport",
    "BlurFilter",
    "BrightnessFilter",
    "EdgesFilter",
    "Film",
    "FilterFactory",
    "FilterPipeline",
    "GrayscaleFilter",
    "InvertFilter",
    "MedianFilter",
    "Quality",
    "SharpenFilter",
    "check_fits",
    "film_of",
    "format_of",
    "normalise",
    "number",
    "open_image",
    "save_image",
    "write_image",
]
