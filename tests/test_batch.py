"""S3: many photographs at once in every mode, bad ones and dying processes among them."""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imglab.errors import FilterError, ImageError, ImagingError
from imglab.imaging import (
    BaseFilter,
    BatchProcessor,
    BatchReport,
    BlurFilter,
    FilterPipeline,
    InvertFilter,
    open_image,
)

ROOT = Path(__file__).parent.parent
INVERT = FilterPipeline([InvertFilter()])
MODES = [("sequential", 1), ("threads", 2), ("processes", 2)]

in_every_mode = pytest.mark.parametrize(("mode", "workers"), MODES)


@pytest.fixture
def photos(tmp_path):
    """Five small photographs of one grey each, in a folder of their own."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for grey in (10, 20, 30, 40, 50):
        Image.new("RGB", (40, 30), (grey, grey, grey)).save(folder / f"grey{grey}.png")
    return folder


@pytest.fixture
def own_filters(tmp_path, monkeypatch):
    """A module with filters of a student's own, where a new process finds it."""
    (tmp_path / "own_filters.py").write_text(
        textwrap.dedent("""
            import os
            from imglab.imaging import InvertFilter

            class OwnFilter(InvertFilter):
                pass

            class DyingFilter(InvertFilter):
                def change(self, image):
                    if image.getpixel((0, 0)) == (30, 30, 30):
                        os._exit(3)
                    return super().change(image)
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    import own_filters

    yield own_filters
    del sys.modules["own_filters"]


def greys(paths):
    return [int(np.asarray(open_image(path))[0, 0, 0]) for path in paths]


@in_every_mode
def test_s3_a_folder_of_photographs_is_filtered_into_another(photos, tmp_path, mode, workers):
    report = BatchProcessor(INVERT, workers, mode).process(photos, tmp_path / "new" / "out")
    assert [path.name for path in report.done] == [path.name for path in sorted(photos.iterdir())]
    assert greys(report.done) == [245, 235, 225, 215, 205]
    assert report.failures == {}
    assert report.seconds > 0
    assert greys(sorted(photos.iterdir())) == [10, 20, 30, 40, 50]


@in_every_mode
def test_s3_one_bad_photograph_never_stops_the_rest(photos, tmp_path, mode, workers):
    (photos / "grey20.png").write_bytes(b"")
    (photos / "grey40.png").write_text("Dear all")
    paths = [*sorted(photos.iterdir(), reverse=True), photos / "missing.png"]
    report = BatchProcessor(INVERT, workers, mode).process(paths, tmp_path / "out")
    assert [path.name for path in report.done] == ["grey50.png", "grey30.png", "grey10.png"]
    assert [path.name for path in report.failures] == ["grey40.png", "grey20.png", "missing.png"]
    assert [reason.split(": ")[1].split(" (")[0] for reason in report.failures.values()] == [
        "it is not an image",
        "it is empty or cut short",
        "No such file or directory",
    ]


def test_a_filter_may_raise_whatever_it_likes(photos, tmp_path):
    class WildFilter(BaseFilter):
        def change(self, image):
            if image.getpixel((0, 0)) == (30, 30, 30):
                raise ZeroDivisionError("by zero")
            return image

    report = BatchProcessor(FilterPipeline([WildFilter()])).process(photos, tmp_path / "out")
    assert len(report.done) == 4
    assert report.failures == {
        photos / "grey30.png": f"Cannot filter {photos}/grey30.png: ZeroDivisionError('by zero')"
    }


def test_a_report_reads_like_a_sentence_and_a_list():
    report = BatchReport(
        (Path("out/a.jpg"),), {Path("b.jpg"): "Cannot open b.jpg: it is empty"}, 1.5
    )
    assert str(report) == "1 of 2 images done in 1.50 s\n  Cannot open b.jpg: it is empty"


def test_a_folder_gives_its_photographs_and_leaves_the_rest_out(photos, tmp_path):
    (photos / "LICENSES.md").write_text("free")
    (photos / "GREY99.PNG").write_bytes((photos / "grey10.png").read_bytes())
    report = BatchProcessor(INVERT).process(str(photos), str(tmp_path / "out"))
    assert len(report.done) == 6
    assert report.failures == {}


def test_an_empty_folder_is_done_at_once(tmp_path):
    (tmp_path / "empty").mkdir()
    report = BatchProcessor(INVERT).process(tmp_path / "empty", tmp_path / "out")
    assert (report.done, report.failures) == ((), {})


def test_what_is_no_folder_is_said_so(photos, tmp_path):
    for source in (tmp_path / "none", photos / "grey10.png"):
        with pytest.raises(ImageError, match=f"{source} is not a folder"):
            BatchProcessor(INVERT).process(source, tmp_path / "out")


def test_two_photographs_of_the_same_name_both_keep_their_results(photos, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for name, grey in (("grey10.png", 60), ("Grey10.png", 70), ("grey10-2.png", 80)):
        Image.new("RGB", (4, 4), (grey, grey, grey)).save(other / name)
    paths = [
        photos / "grey10.png",
        *(other / n for n in ("grey10.png", "Grey10.png", "grey10-2.png")),
    ]
    report = BatchProcessor(INVERT).process(paths, tmp_path / "out")
    names = [path.name for path in report.done]
    assert names == ["grey10.png", "grey10-2.png", "Grey10-3.png", "grey10-2-2.png"]
    assert greys(report.done) == [245, 195, 185, 175]


def test_a_photograph_that_is_listed_twice_is_filtered_once(photos, tmp_path):
    path = photos / "grey10.png"
    assert len(BatchProcessor(INVERT).process([path, str(path)], tmp_path / "out").done) == 1


def test_results_never_overwrite_the_photographs(photos, tmp_path):
    roundabout = tmp_path / "photos" / ".." / "photos"
    with pytest.raises(ImageError, match="their results need another folder"):
        BatchProcessor(INVERT).process(photos, roundabout)
    assert greys(sorted(photos.iterdir())) == [10, 20, 30, 40, 50]


@in_every_mode
def test_a_list_of_filters_is_a_pipeline_too(photos, tmp_path, mode, workers):
    batch = BatchProcessor([InvertFilter(), "grayscale", {"name": "invert"}], workers, mode)
    assert batch.pipeline == FilterPipeline([InvertFilter(), "grayscale", "invert"])
    assert len(batch.process(photos, tmp_path / "out").done) == 5


@pytest.mark.parametrize("pipeline", ["blur", None, BlurFilter(), [3]])
def test_what_is_no_list_of_filters_is_an_error_for_people(pipeline):
    with pytest.raises(FilterError):
        BatchProcessor(pipeline)


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        (None, "out"),
        (5, "out"),
        (b"photos", "out"),
        ([None], "out"),
        ([Image.new("L", (1, 1))], "out"),
        ([], None),
    ],
)
def test_what_is_no_path_is_an_error_for_people(source, folder):
    with pytest.raises(ImageError, match="is no path: photographs come as a folder or a list of"):
        BatchProcessor(INVERT).process(source, folder)


@pytest.mark.parametrize(
    ("workers", "mode"),
    [
        (2, "sequential"),
        (0, "threads"),
        (2, "magic"),
        ("3", "threads"),
        (None, "processes"),
        (1.5, "threads"),
        (True, "threads"),
        (2, None),
        (2, ["threads"]),
    ],
)
def test_a_mode_that_cannot_be_had_is_refused(workers, mode):
    with pytest.raises(ImagingError, match=r"choose sequential \(1 worker\), threads or processes"):
        BatchProcessor(INVERT, workers, mode)


def test_s3_processes_run_a_filter_of_ones_own_that_lives_in_a_module(
    photos, tmp_path, own_filters
):
    pipeline = FilterPipeline([own_filters.OwnFilter(), BlurFilter()])
    report = BatchProcessor(pipeline, 1, "processes").process(photos, tmp_path / "out")
    assert greys(report.done) == [245, 235, 225, 215, 205]


def test_processes_refuse_a_filter_that_they_could_not_import(monkeypatch):
    class CellFilter(InvertFilter):
        pass

    with pytest.raises(FilterError, match="cell: for processes, the class must be in a module"):
        BatchProcessor(FilterPipeline([CellFilter()]), 2, "processes")
    monkeypatch.setattr(CellFilter, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "CellFilter", CellFilter, raising=False)
    with pytest.raises(FilterError, match="cell: for processes"):
        BatchProcessor(FilterPipeline([CellFilter()]), 2, "processes")
    assert BatchProcessor(FilterPipeline([CellFilter()]), 2, "threads").workers == 2


def test_a_dying_process_is_reported_and_not_raised(photos, tmp_path, own_filters):
    pipeline = FilterPipeline([own_filters.DyingFilter()])
    report = BatchProcessor(pipeline, 1, "processes").process(photos, tmp_path / "out")
    assert next(path.name for path in report.failures) == "grey30.png"
    assert len(report.done) + len(report.failures) == 5
    assert all(
        reason.startswith(f"Cannot filter {path}: a process died")
        for path, reason in report.failures.items()
    )
    assert greys(report.done) == [245, 235, 225, 215, 205][: len(report.done)]


def test_a_pool_that_breaks_before_all_is_submitted_is_reported(photos, tmp_path, monkeypatch):
    from concurrent.futures import Future, process

    class BreakingPool:
        submitted = 0

        def submit(self, work, job):
            self.submitted += 1
            if self.submitted > 2:
                raise process.BrokenProcessPool("died")
            future = Future()
            future.set_result(work(job))
            return future

        def shutdown(self, *, cancel_futures):
            assert cancel_futures

    monkeypatch.setattr(BatchProcessor, "_pool", lambda self: BreakingPool())
    report = BatchProcessor(INVERT, 2, "processes").process(photos, tmp_path / "out")
    assert greys(report.done) == [245, 235]
    assert [path.name for path in report.failures] == ["grey30.png", "grey40.png", "grey50.png"]


def run_python(program, *arguments):
    """What a new interpreter prints that has no script, as the kernel of a notebook has none."""
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout


def test_s3_processes_work_from_an_interpreter_that_has_no_script(photos, tmp_path):
    program = """
        import sys
        from imglab.imaging import BatchProcessor, FilterPipeline
        batch = BatchProcessor(FilterPipeline(["invert"]), 2, "processes")
        print(len(batch.process(sys.argv[1], sys.argv[2]).done))
    """
    assert run_python(program, photos, tmp_path / "out") == "5\n"


def test_a_script_without_a_guard_is_told_that_it_needs_one(photos, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from imglab.imaging import BatchProcessor, FilterPipeline\n"
        "batch = BatchProcessor(FilterPipeline(['invert']), 1, 'processes')\n"
        f"print(batch.process({str(photos)!r}, {str(tmp_path / 'out')!r}))\n"
    )
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.startswith("0 of 5 images done")
    assert done.stdout.count("a script needs `if __name__ == '__main__':`") == 5


def test_importing_the_package_loads_nothing_that_is_seldom_wanted():
    program = """
        import sys
        import imglab.imaging
        for name in ("rich", "multiprocessing", "numpy", "redis", "IPython", "imglab.queues"):
            print(name, name in sys.modules)
    """
    assert "True" not in run_python(program)


def test_a_progress_bar_is_drawn_when_asked_for_and_only_then(photos, tmp_path, capsys):
    BatchProcessor(INVERT).process(photos, tmp_path / "out")
    assert capsys.readouterr().out == ""
    BatchProcessor(INVERT).process(photos, tmp_path / "out", progress=True)
    assert "100%" in capsys.readouterr().out


def test_what_is_left_out_of_a_folder_is_said_with_its_reason(photos, tmp_path):
    picture = (photos / "grey10.png").read_bytes()
    (photos / "._grey10.png").write_bytes(b"\0\x05\x16\x07" + bytes(80))
    (photos / "holiday.jpg").mkdir()
    (photos / "new.heic").write_bytes(picture)
    (photos / "old.jfif").write_bytes(picture)
    (photos / "grey.pgm").write_bytes(b"P5 2 1 255\n" + bytes(2))
    report = BatchProcessor(INVERT).process(photos, tmp_path / "out")
    assert report.failures == {}
    assert {"old.jfif", "grey.pgm"} <= {path.name for path in report.done}
    assert {path.name: reason.split(" .")[0] for path, reason in report.skipped.items()} == {
        "._grey10.png": "what macOS notes about another file",
        "holiday.jpg": "a folder",
        "new.heic": "its name ends in none of",
    }
    assert "holiday.jpg was left out: a folder" in str(report)


def test_what_a_result_does_not_show_is_in_the_report(photos, tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    (photos / "two.jpg").write_bytes(b"")
    frames[0].save(photos / "two.jpg", "GIF", save_all=True, append_images=frames[1:])
    report = BatchProcessor(INVERT).process(photos, tmp_path / "out")
    assert report.notes == {photos / "two.jpg": ("1 of 2 frames: JPEG holds one",)}
    assert "1 of 2 frames: JPEG holds one" in str(report)


def test_a_number_is_added_to_the_longest_name_too(photos, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    name = "é" * 125 + ".png"
    for folder in (photos, other):
        Image.new("RGB", (4, 4)).save(folder / name)
    report = BatchProcessor(INVERT).process([photos / name, other / name], tmp_path / "out")
    assert len({path.name for path in report.done}) == 2
