"""Image filters and the ways to combine them; knows nothing of queues."""

from imglab.imaging.batch import BatchProcessor, BatchReport
from imglab.imaging.files import open_image, save_image
from imglab.imaging.filters import (
    BaseFilter,
    BlurFilter,
    BrightnessFilter,
    EdgesFilter,
    GrayscaleFilter,
    InvertFilter,
    MedianFilter,
    SharpenFilter,
    normalise,
    number,
)
from imglab.imaging.pipeline import FilterFactory, FilterPipeline

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
    "normalise",
    "number",
    "open_image",
    "save_image",
]
