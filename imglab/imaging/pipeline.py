"""Several filters as one: applied in turn, and turned into data and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from PIL import Image

from imglab.errors import FilterError
from imglab.imaging.base_filter import BaseFilter, FilterFactory, Spec
from imglab.imaging.normal import normalise, shown
from imglab.language import tr


@dataclass(frozen=True, init=False, repr=False)
class FilterPipeline:
    """Filters that are applied one after the other; a pipeline never changes once made.

    Takes filters, and whatever `FilterFactory.create` takes. FilterError for anything else.
    """

    filters: tuple[BaseFilter, ...]

    def __init__(self, filters: Iterable[BaseFilter | Spec] = ()) -> None:
        # A text or a dict can be looped over as well, and would fail at its first letter.
        if isinstance(filters, str | Mapping) or not isinstance(filters, Iterable):
            raise FilterError(
                tr("A pipeline needs a list of filters, not {filters}", filters=shown(filters))
            )
        made = (f if isinstance(f, BaseFilter) else FilterFactory.create(f) for f in filters)
        object.__setattr__(self, "filters", tuple(made))

    @classmethod
    def from_spec(cls, spec: Iterable[Spec]) -> FilterPipeline:
        """Make the pipeline that `spec()` described. FilterError for a spec of something else.

        The same as `FilterPipeline(spec)`; the course calls it by this name.
        """
        return cls(spec)

    @classmethod
    def parse(cls, text: str) -> FilterPipeline:
        """Make the pipeline of a text such as `blur:radius=3,edges`; no text, no filters."""
        if not isinstance(text, str):
            raise FilterError(
                tr("A pipeline is written blur:radius=3,edges, not {words}", words=shown(text))
            )
        return cls(text.split(",") if text.strip() else ())

    def apply(self, image: Image.Image) -> Image.Image:
        """Apply every filter in turn; an empty pipeline gives the image back normalised."""
        image = normalise(image)
        for each in self.filters:
            image = each.apply(image)
        return image

    def spec(self) -> list[dict[str, object]]:
        """The pipeline as data that JSON can hold; `from_spec` reads it."""
        return [each.spec() for each in self.filters]

    def __add__(self, other: FilterPipeline) -> FilterPipeline:
        return FilterPipeline([*self, *other])

    def __iter__(self) -> Iterator[BaseFilter]:
        return iter(self.filters)

    def __len__(self) -> int:
        return len(self.filters)

    def __repr__(self) -> str:
        return f"FilterPipeline({list(self)!r})"

    def __str__(self) -> str:
        return ",".join(map(str, self))
