"""S3: filters in a row, and filters from the specs that strangers send."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from imglab.errors import FilterError
from imglab.imaging import (
    BaseFilter,
    BlurFilter,
    BrightnessFilter,
    EdgesFilter,
    FilterFactory,
    FilterPipeline,
    GrayscaleFilter,
    InvertFilter,
    MedianFilter,
    SharpenFilter,
    number,
)

NAMES = ("blur", "brightness", "edges", "grayscale", "invert", "median", "sharpen")


@pytest.fixture(autouse=True, scope="module")
def only_the_filters_of_the_course():
    """Other tests of this process may have registered others, such as the troublemakers."""
    known = {name: FilterFactory._classes[name] for name in NAMES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FilterFactory, "_classes", known)
        yield


CAT = Image.fromarray(np.random.default_rng(3).integers(0, 256, (20, 30, 3), dtype=np.uint8))

any_filter = st.one_of(
    st.builds(BlurFilter, st.floats(0, 100)),
    st.builds(BrightnessFilter, st.floats(0, 100)),
    st.builds(MedianFilter, st.sampled_from(range(1, 16, 2))),
    st.sampled_from([EdgesFilter(), GrayscaleFilter(), InvertFilter(), SharpenFilter()]),
)
pipelines = st.builds(FilterPipeline, st.lists(any_filter, max_size=6))

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
keys = st.sampled_from(["name", "radius", "factor", "size", "__class__", "self", "image"]) | scalars
garbage = st.recursive(
    scalars | st.just(BlurFilter),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def factory(monkeypatch):
    """The factory with a register that forgets what a test adds."""
    monkeypatch.setattr(FilterFactory, "_classes", dict(FilterFactory._classes))
    return FilterFactory


def test_s3_the_course_composes_FilterPipeline_of_BlurFilter():  # noqa: N802 - as it is spelled
    pipeline = FilterPipeline([BlurFilter()])
    assert pipeline.apply(CAT).tobytes() == BlurFilter().apply(CAT).tobytes()


def test_s3_the_filters_work_one_after_the_other():
    by_hand = EdgesFilter().apply(GrayscaleFilter().apply(CAT))
    assert FilterPipeline([GrayscaleFilter(), EdgesFilter()]).apply(CAT) == by_hand
    assert FilterPipeline([EdgesFilter(), GrayscaleFilter()]).apply(CAT) != by_hand


def test_filters_names_texts_and_dicts_make_the_same_pipeline():
    pipeline = FilterPipeline([BlurFilter(3), EdgesFilter()])
    assert FilterPipeline(["blur:radius=3", "edges"]) == pipeline
    assert FilterPipeline([{"name": "blur", "radius": 3}, EdgesFilter()]) == pipeline
    assert FilterPipeline.parse(" blur : radius = 3 , edges ") == pipeline


def test_a_pipeline_says_how_to_make_it_again():
    pipeline = FilterPipeline(["blur:radius=3", "edges"])
    assert repr(pipeline) == "FilterPipeline([BlurFilter(radius=3.0), EdgesFilter()])"
    assert str(pipeline) == "blur:radius=3,edges"
    assert pipeline.spec() == [{"name": "blur", "radius": 3.0}, {"name": "edges"}]


def test_an_empty_pipeline_gives_the_image_back_normalised():
    empty = FilterPipeline()
    assert empty.apply(CAT) is CAT
    assert empty.apply(CAT.convert("CMYK")).mode == "RGB"
    assert (len(empty), str(empty), empty.spec()) == (0, "", [])
    assert FilterPipeline.parse("") == empty


def test_a_pipeline_is_a_value():
    first, second = FilterPipeline(["blur"]), FilterPipeline(["edges"])
    both = first + second
    assert list(both) == [BlurFilter(), EdgesFilter()]
    assert (len(first), len(both)) == (1, 2)
    assert hash(FilterPipeline(["blur"])) == hash(first)
    assert first != second
    with pytest.raises(AttributeError):
        first.filters = ()


@given(pipelines)
def test_a_spec_survives_a_journey_as_json(pipeline):
    assert FilterPipeline.from_spec(json.loads(json.dumps(pipeline.spec()))) == pipeline


@given(pipelines)
def test_the_text_of_a_pipeline_parses_back_to_it(pipeline):
    assert FilterPipeline.parse(str(pipeline)) == pipeline


@given(pipelines, pipelines)
def test_adding_pipelines_joins_their_texts(first, second):
    joined = ",".join(text for text in (str(first), str(second)) if text)
    assert str(first + second) == joined


@given(garbage)
@example({"name": "blur", "radius": float("nan")})
@example({"name": "blur", "radius": 10**5000})
@example({"name": "blur", "radius": [[]]})
@example({"name": "blur", "name ": 1})
@example({"name": "blur", 3: 4})
@example({"name": "blur", None: 4, ("a",): 5})
@example({"name": ["blur"]})
@example({"radius": 3})
@example("blur:")
@example("blur:radius")
@example("blur:radius=")
@example("blur:radius=1e999")
@example("blur:radius=" + "9" * 5000)
@example("__import__('os').getcwd()")
@example("\ud800")
def test_s3_whatever_a_stranger_sends_is_a_filter_or_a_filter_error(spec):
    for make in (FilterFactory.create, FilterPipeline, FilterPipeline.parse):
        try:
            made = make(spec)
        except FilterError as error:
            assert len(str(error)) < 300
        else:
            assert isinstance(made, BaseFilter | FilterPipeline)


def test_a_spec_nested_too_deeply_to_print_is_refused():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(FilterError, match="not a huge list"):
        FilterPipeline(deep)


@pytest.mark.parametrize("wrong", ["blur", {"name": "blur"}, BlurFilter(), None, 5])
def test_a_pipeline_is_made_from_a_list_and_says_so(wrong):
    with pytest.raises(FilterError, match="A pipeline needs a list of filters, not"):
        FilterPipeline(wrong)


@pytest.mark.parametrize("wrong", [BlurFilter, 3, None, ["blur"], b"blur"])
def test_an_element_that_is_no_filter_is_refused(wrong):
    with pytest.raises(FilterError, match="A filter is written"):
        FilterPipeline([wrong])


@pytest.mark.parametrize("text", ["blur,,edges", ",", "blur,"])
def test_a_text_with_nothing_between_its_commas_is_refused(text):
    with pytest.raises(FilterError, match="No filter ''"):
        FilterPipeline.parse(text)


def test_s3_the_factory_knows_the_filters_of_the_course():
    assert FilterFactory.names() == NAMES
    assert [FilterFactory.create(name).name for name in NAMES] == list(NAMES)


def test_s3_the_factory_makes_a_filter_from_a_name_a_text_or_a_dict():
    wanted = BlurFilter(radius=3)
    assert FilterFactory.create("blur", radius=3) == wanted
    assert FilterFactory.create("blur:radius=3") == wanted
    assert FilterFactory.create({"name": "blur", "radius": 3}) == wanted
    assert FilterFactory.create("blur:radius=9", radius=3) == wanted


def test_the_factory_leaves_the_spec_as_it_was():
    spec = {"name": "blur", "radius": 3}
    FilterFactory.create(spec, radius=4)
    assert spec == {"name": "blur", "radius": 3}


def test_an_unknown_filter_is_answered_with_the_nearest_and_all_the_names():
    with pytest.raises(FilterError) as caught:
        FilterFactory.create("grayscal")
    assert str(caught.value) == (
        "No filter 'grayscal'. Did you mean grayscale? Known: " + ", ".join(NAMES) + "."
    )


def test_an_unknown_parameter_is_answered_with_those_that_exist():
    with pytest.raises(FilterError, match=r"^blur: no parameter 'sigma'; .* has only radius$"):
        FilterFactory.create("blur", sigma=3)
    with pytest.raises(FilterError, match=r"^edges: no parameter 'x'; .* takes no parameters$"):
        FilterFactory.create("edges:x=1")


def test_several_parameters_are_written_one_after_the_other(factory):
    @factory.register
    @dataclass(frozen=True)
    class MixFilter(BaseFilter):
        a: int = number(1, low=0, high=9)
        b: float = number(0.5, low=0, high=1)

        def change(self, image):
            return image

    pipeline = FilterPipeline.parse("mix:a=2:b=0.25,edges")
    assert list(pipeline) == [MixFilter(2, 0.25), EdgesFilter()]
    assert str(pipeline) == "mix:a=2:b=0.25,edges"


def make_class(class_name, /, **members):
    members = {"change": lambda self, image: image} | members
    return dataclass(frozen=True)(
        type(class_name, (BaseFilter,), {"__module__": __name__} | members)
    )


def test_a_filter_is_known_by_the_decorator_alone_the_built_in_ones_too(factory):
    before = factory.names()
    make_class("SepiaFilter")
    assert factory.names() == before
    for each in before:
        assert factory.register(type(factory.create(each))).name == each


def test_a_registered_class_can_be_made_by_name(factory):
    sepia = factory.register(make_class("SepiaFilter"))
    assert isinstance(factory.create("sepia"), sepia)
    assert "sepia" in factory.names()


def test_the_same_class_again_replaces_itself_as_in_a_cell_run_twice(factory):
    factory.register(make_class("SepiaFilter"))
    second = factory.register(make_class("SepiaFilter"))
    assert type(factory.create("sepia")) is second


def test_a_name_that_another_class_has_is_refused(factory):
    with pytest.raises(FilterError, match=r"blur is taken by .*filters\.BlurFilter"):
        factory.register(make_class("BlurFilter"))
    assert isinstance(factory.create("blur"), BlurFilter)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: 3, "not a subclass of BaseFilter"),
        (BlurFilter, "not a subclass of BaseFilter"),
        (lambda: dict, "not a subclass of BaseFilter"),
        (lambda: type("IdleFilter", (BaseFilter,), {}), "needs a method change"),
        (lambda: make_class("Filter"), "'' is no name"),
        (lambda: make_class("AFilter", name="a:b"), "'a:b' is no name"),
        (lambda: make_class("AFilter", name=3), "3 is no name"),
        (lambda: make_class("AFilter", x=1, __annotations__={"x": int}), "needs limits"),
        (
            lambda: type(
                "AFilter",
                (BaseFilter,),
                {"change": id, "x": number(1, low=0, high=2), "__annotations__": {"x": int}},
            ),
            r"write @dataclass\(frozen=True\)",
        ),
    ],
)
def test_a_class_that_is_no_complete_filter_is_refused_with_what_it_lacks(factory, make, sentence):
    with pytest.raises(FilterError, match=f"cannot be registered: .*{sentence}"):
        factory.register(make())
    assert factory.names() == NAMES
