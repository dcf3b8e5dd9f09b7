"""Filters in a row, and the way from names to filters and back: data travels, never code."""

import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import Field, dataclass, fields
from typing import Any, ClassVar, TypeVar

from PIL import Image

from imglab.errors import FilterError
from imglab.imaging.filters import BaseFilter, normalise, shown

Spec = str | Mapping[str, Any]
FilterClass = TypeVar("FilterClass", bound=type[BaseFilter])


class FilterFactory:
    """Makes filters from data: from the classes registered here, and from nothing else."""

    _classes: ClassVar[dict[str, type[BaseFilter]]] = {}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The registered names, in alphabetical order."""
        return tuple(sorted(cls._classes))

    @classmethod
    def create(cls, spec: Spec, /, **parameters: Any) -> BaseFilter:
        """The filter for `"blur"`, `"blur:radius=3"` or `{"name": "blur", "radius": 3}`.

        Parameters given by keyword win. FilterError for whatever describes no filter.
        """
        name, given = _read(spec)
        given |= parameters
        if name not in cls._classes:
            near = difflib.get_close_matches(name, cls.names(), n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise FilterError(f"No filter {shown(name)}.{hint} Known: {', '.join(cls.names())}.")
        known = [parameter.name for parameter in fields(cls._classes[name])]
        for key in given:
            if key not in known:
                has = f"has only {', '.join(known)}" if known else "takes no parameters"
                raise FilterError(f"{name}: no parameter {shown(key)}; the filter {has}")
        return cls._classes[name](**given)

    @classmethod
    def register(cls, filter_class: FilterClass) -> FilterClass:
        """Makes a class known by its name; a decorator, to stand above `@dataclass`.

        The same class again replaces itself, as when a notebook cell runs twice. FilterError for
        what is not a complete filter, and for a name that another class has.
        """
        if problem := _problem(filter_class):
            raise FilterError(f"{shown(filter_class)} cannot be registered: {problem}")
        other = cls._classes.get(filter_class.name, filter_class)
        if str(other) != str(filter_class):  # module and qualified name
            raise FilterError(f"The name {filter_class.name} is taken by {shown(other)}")
        cls._classes[filter_class.name] = filter_class
        return filter_class


def _problem(candidate: Any) -> str | None:
    """What keeps this from being a filter, in words for the person who wrote it."""
    if not (isinstance(candidate, type) and issubclass(candidate, BaseFilter)):
        return "it is not a subclass of BaseFilter"
    if inspect.isabstract(candidate):
        return "it needs a method change(self, image)"
    if not str(candidate.name).isidentifier():
        return f"{shown(candidate.name)} is no name"
    # A field still lying about: without @dataclass it never became a parameter.
    if any(isinstance(value, Field) for value in vars(candidate).values()):
        return "write @dataclass(frozen=True) between @FilterFactory.register and the class"
    if any("low" not in parameter.metadata for parameter in fields(candidate)):
        return "each parameter needs limits, such as bits: int = number(3, low=1, high=8)"
    return None


def _read(spec: Any) -> tuple[str, dict[str, Any]]:
    """The name and the parameters in a stranger's spec, neither of them checked yet."""
    if isinstance(spec, str):
        name, *parts = spec.split(":")
        return name.strip(), dict(map(_read_parameter, parts))
    if isinstance(spec, Mapping) and isinstance(spec.get("name"), str):
        given = dict(spec)
        return given.pop("name"), given
    forms = '"blur", "blur:radius=3" or {"name": "blur", "radius": 3}'
    raise FilterError(f"A filter is written {forms}, not {shown(spec)}")


def _read_parameter(text: str) -> tuple[str, float]:
    key, _, value = text.partition("=")
    with suppress(ValueError):
        return key.strip(), float(value)
    raise FilterError(f"A parameter is written radius=3, not {shown(text)}")


@dataclass(frozen=True, init=False, repr=False)
class FilterPipeline:
    """Filters that are applied one after the other; a pipeline never changes once made.

    Takes filters, and whatever `FilterFactory.create` takes. FilterError for anything else.
    """

    filters: tuple[BaseFilter, ...]

    def __init__(self, filters: Iterable[BaseFilter | Spec] = ()) -> None:
        # A text or a dict can be looped over as well, and would fail at its first letter.
        if isinstance(filters, str | Mapping) or not isinstance(filters, Iterable):
            raise FilterError(f"A pipeline needs a list of filters, not {shown(filters)}")
        made = (f if isinstance(f, BaseFilter) else FilterFactory.create(f) for f in filters)
        object.__setattr__(self, "filters", tuple(made))

    @classmethod
    def from_spec(cls, spec: Iterable[Spec]) -> "FilterPipeline":
        """The pipeline that `spec()` described. FilterError for a spec that describes none."""
        return cls(spec)

    @classmethod
    def parse(cls, text: str) -> "FilterPipeline":
        """The pipeline for a text such as `blur:radius=3,edges`; no text, no filters."""
        if not isinstance(text, str):
            raise FilterError(f"A pipeline is written blur:radius=3,edges, not {shown(text)}")
        return cls(text.split(",") if text.strip() else ())

    def apply(self, image: Image.Image) -> Image.Image:
        """The image after every filter in turn; an empty pipeline gives it back normalised."""
        image = normalise(image)
        for each in self.filters:
            image = each.apply(image)
        return image

    def spec(self) -> list[dict[str, object]]:
        """The pipeline as data that JSON can hold; `from_spec` reads it."""
        return [each.spec() for each in self.filters]

    def __add__(self, other: "FilterPipeline") -> "FilterPipeline":
        return FilterPipeline([*self, *other])

    def __iter__(self) -> Iterator[BaseFilter]:
        return iter(self.filters)

    def __len__(self) -> int:
        return len(self.filters)

    def __repr__(self) -> str:
        return f"FilterPipeline({list(self)!r})"

    def __str__(self) -> str:
        return ",".join(map(str, self))


# So early, no student's filter exists yet: these are the built-in ones.
for _filter_class in BaseFilter.__subclasses__():
    FilterFactory.register(_filter_class)
