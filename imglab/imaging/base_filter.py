"""What a filter is, and how filters are known by name; the built-in ones are in `filters`.

A filter of one's own is a class with one method, in a module that workers can import:

    @FilterFactory.register
    @dataclass(frozen=True)
    class PosterFilter(BaseFilter):  # its name is "poster"
        bits: int = number(3, low=1, high=8)

        def change(self, image: Image.Image) -> Image.Image:
            return ImageOps.posterize(image, self.bits)
"""

from __future__ import annotations

import difflib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any, ClassVar, TypeVar

from PIL import Image

from imglab.errors import FilterError
from imglab.imaging.alpha import without_hidden
from imglab.imaging.normal import normalise, shown
from imglab.imaging.source import pass_on
from imglab.language import tr

Spec = str | Mapping[str, Any]
FilterClass = TypeVar("FilterClass", bound="type[BaseFilter]")
Number = TypeVar("Number", int, float)


def number(default: Number, *, low: float, high: float, odd: bool = False) -> Number:
    """A filter's parameter with its limits; a whole number if the default is one."""
    parameter: Number = field(default=default, metadata={"low": low, "high": high, "odd": odd})
    return parameter


def _checked(owner: str, parameter: Field[Any], value: Any) -> Any:
    """The value in the parameter's own type, so that BlurFilter(3) equals BlurFilter(3.0)."""
    low, high, odd = (parameter.metadata[key] for key in ("low", "high", "odd"))
    kind: type = type(parameter.default)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_whole = kind is int or odd
    # The range comes first: it ends NaN and infinity, and what is left has a remainder.
    fits = is_number and low <= value <= high
    if fits and is_whole:
        fits = value % 1 == 0
    if fits and odd:
        fits = value % 2 == 1
    if fits:
        return kind(value)
    limits = tr("a number from {low:g} to {high:g}", low=low, high=high)
    if odd:
        limits = tr("an odd whole number from {low:g} to {high:g}", low=low, high=high)
    elif is_whole:
        limits = tr("a whole number from {low:g} to {high:g}", low=low, high=high)
    raise FilterError(
        tr(
            "{owner}: {parameter} must be {limits}, not {value}",
            owner=owner,
            parameter=parameter.name,
            limits=limits,
            value=shown(value),
        )
    )


@dataclass(frozen=True)
class BaseFilter(ABC):
    """One change to an image: a subclass gives the parameters, if any, and `change`.

    FilterError for a parameter of the wrong type or out of range.
    """

    #: What specs and Redis call it; BlurFilter is "blur" without having to say so.
    name: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if "name" not in vars(cls):
            cls.name = cls.__name__.removesuffix("Filter").lower()

    def __post_init__(self) -> None:
        for parameter in fields(self):
            value = _checked(self.name, parameter, getattr(self, parameter.name))
            object.__setattr__(self, parameter.name, value)  # frozen from here on

    @abstractmethod
    def change(self, image: Image.Image) -> Image.Image:
        """Filter the colours of an L or RGB image, and return a new image of the same size.

        Copy the image before drawing on it: it may be the caller's own.
        """

    def reach(self) -> int:
        """How many pixels away a filter looks; 0 says that it changes each pixel by itself.

        A filter that looks further never meets the colours that lie hidden under alpha 0.
        """
        return 0

    def change_seen(self, colours: Image.Image, alpha: Image.Image) -> Image.Image:
        """Filter the colours of a picture that has an alpha band, which is only looked at."""
        reach = self.reach()
        if reach:
            colours = without_hidden(colours, alpha, reach)
        return self.change(colours)

    def apply(self, image: Image.Image) -> Image.Image:
        """Filter an image, and return a new one of the same size; `image` stays as it was.

        Filters work on the colours; the alpha band passes through unchanged.
        """
        image = normalise(image)
        has_alpha = image.mode.endswith("A")
        if has_alpha:
            colours = image.convert(image.mode.removesuffix("A"))
            result = self.change_seen(colours, image.getchannel("A"))
        else:
            result = self.change(image)
        if not isinstance(result, Image.Image) or result.size != image.size:
            raise FilterError(
                tr(
                    "{name}: change() must return an image of the same size, not {result}",
                    name=self.name,
                    result=shown(result),
                )
            )
        if result is image:
            result = result.copy()
        result = normalise(result)
        if has_alpha:
            result.putalpha(image.getchannel("A"))
        pass_on(image, result)
        return result

    def spec(self) -> dict[str, object]:
        """The filter as data, such as `{"name": "blur", "radius": 3.0}`."""
        return {"name": self.name, **asdict(self)}

    def __str__(self) -> str:
        parts = (f":{key}={value!r}".removesuffix(".0") for key, value in asdict(self).items())
        return self.name + "".join(parts)


class FilterFactory:
    """Filters from data: from the classes registered here, and from nothing else."""

    _classes: ClassVar[dict[str, type[BaseFilter]]] = {}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The registered names, in alphabetical order."""
        return tuple(sorted(cls._classes))

    @classmethod
    def create(cls, spec: Spec, /, **parameters: Any) -> BaseFilter:
        """Make the filter of `"blur"`, `"blur:radius=3"` or `{"name": "blur", "radius": 3}`.

        Parameters given by keyword win. FilterError for whatever describes no filter.
        """
        name, given = _read(spec)
        given |= parameters
        if name not in cls._classes:
            raise FilterError(cls._no_filter(name))
        known = [parameter.name for parameter in fields(cls._classes[name])]
        for key in given:
            if key not in known:
                raise FilterError(_no_parameter(name, key, known))
        return cls._classes[name](**given)

    @classmethod
    def _no_filter(cls, name: str) -> str:
        near = difflib.get_close_matches(name, cls.names(), n=1)
        hint = tr(" Did you mean {name}?", name=near[0]) if near else ""
        return tr(
            "No filter {name}.{hint} Known: {names}.",
            name=shown(name),
            hint=hint,
            names=", ".join(cls.names()),
        )

    @classmethod
    def register(cls, filter_class: FilterClass) -> FilterClass:
        """Make a class known by its name; a decorator, to stand above `@dataclass`.

        The same class again replaces itself, as when a notebook cell runs twice; a class of a
        module replaces one of a notebook. FilterError for what is not a complete filter, and for a
        name that another class has.
        """
        if problem := _problem(filter_class):
            raise FilterError(
                tr(
                    "{filter_class} cannot be registered: {problem}",
                    filter_class=shown(filter_class),
                    problem=problem,
                )
            )
        other = cls._classes.get(filter_class.name, filter_class)
        is_of_notebook = other.__module__ == "__main__"
        if str(other) != str(filter_class) and not is_of_notebook:  # module and qualified name
            raise FilterError(
                tr(
                    "The name {name} is taken by {other}",
                    name=filter_class.name,
                    other=shown(other),
                )
            )
        cls._classes[filter_class.name] = filter_class
        return filter_class


def _no_parameter(name: str, key: str, known: list[str]) -> str:
    if not known:
        return tr(
            "{name}: no parameter {key}; the filter takes no parameters", name=name, key=shown(key)
        )
    return tr(
        "{name}: no parameter {key}; the filter has only {names}",
        name=name,
        key=shown(key),
        names=", ".join(known),
    )


def _problem(candidate: Any) -> str | None:
    """What keeps this from being a filter, in words for the person who wrote it."""
    if not (isinstance(candidate, type) and issubclass(candidate, BaseFilter)):
        return tr("it is not a subclass of BaseFilter")
    if inspect.isabstract(candidate):
        return tr("it needs a method change(self, image)")
    if not str(candidate.name).isidentifier():
        return tr("{name} is no name", name=shown(candidate.name))
    # A field still lying about: without @dataclass it never became a parameter.
    if any(isinstance(value, Field) for value in vars(candidate).values()):
        return tr("write @dataclass(frozen=True) between @FilterFactory.register and the class")
    if any("low" not in parameter.metadata for parameter in fields(candidate)):
        return tr("each parameter needs limits, such as bits: int = number(3, low=1, high=8)")
    return None


def _read(spec: Any) -> tuple[str, dict[str, Any]]:
    """The name and the parameters in a stranger's spec, neither of them checked yet."""
    if isinstance(spec, str):
        name, *parts = spec.split(":")
        return name.strip(), dict(map(_read_parameter, parts))
    if isinstance(spec, Mapping) and isinstance(spec.get("name"), str):
        given = dict(spec)
        return given.pop("name"), given
    forms = tr('"blur", "blur:radius=3" or {"name": "blur", "radius": 3}')
    raise FilterError(tr("A filter is written {forms}, not {spec}", forms=forms, spec=shown(spec)))


def _read_parameter(text: str) -> tuple[str, float]:
    key, _, value = text.partition("=")
    with suppress(ValueError):
        return key.strip(), float(value)
    raise FilterError(tr("A parameter is written radius=3, not {words}", words=shown(text)))
