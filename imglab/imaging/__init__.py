"""Image filters and the ways to combine them; knows nothing of queues."""

from imglab.imaging.base_filter import BaseFilter, FilterFactory, normalise, number
from imglab.imaging.batch import BatchProcessor, BatchReport
from imglab.imaging.files import format_of, open_image, save_image, write_image
from imglab.imaging.filters import (
    BlurFilter,
    BrightnessFilter,
    EdgesFilter,
    GrayscaleFilter,
    InvertFilter,
    MedianFilter,
    SharpenFilter,
)
from imglab.imaging.pipeline import FilterPipeline

__all__ = [
    "BaseFilter",
    "BatchProcessor",
    "BatchReport",
    "BlurFilter",
    "BrightnessFilter",
    "EdgesFilter",
    "FilterFactory",
    "FilterPipeline",
    "GrayscaleFilter",
    "InvertFilter",
    "MedianFilter",
    "SharpenFilter",
    "format_of",
    "normalise",
    "number",
    "open_image",
    "save_image",
    "write_image",
]
