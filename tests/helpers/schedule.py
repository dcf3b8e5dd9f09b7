"""Which tests run side by side, which one after the other, and which `make quick` leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

#: Files in order: these drive a browser, so they run one after the other.
IN_A_BROWSER = ("test_browser_lessons", "test_browser_control", "test_browser", "test_frontends")
#: These watch the clock, or keep both cores busy: one after the other as well, once the lessons
#: have been begun.
BY_THE_CLOCK = ("test_control", "test_pains", "test_standby", "test_chaos", "test_bench")
ALONE = (*IN_A_BROWSER, *BY_THE_CLOCK)
#: Files that want port 6379, or look who has it: one after the other, too.
WANT_6379 = (
    "test_server",
    "test_own_password",
    "test_keeper",
    "test_redis_cli",
    "test_shared_host",
)
#: Tests that run a whole lesson: each may run beside whatever else runs.
LESSONS = (
    "test_solved_lesson_prints_again_what_is_stored",
    "test_student_lesson_runs_unsolved_from_top_to_bottom",
    "test_solved_spanish_lesson_prints_again_what_is_stored",
    "test_spanish_student_lesson_runs_unsolved_from_top_to_bottom",
)
#: Other files with many processes, servers that die, or long searches; the longest first.
SLOW_FILES = (
    "test_celery",
    "test_dask",
    "test_exercises",
    "test_pool",
    "test_hosts",
    "test_cli",
    "test_own_password",
    "test_renewal",
    "test_metrics",
    "test_examinations",
    "test_stateful",
    "test_not_now",
    "test_class",
    "test_colab",
    "test_cluster",
    "test_sentinel",
    "test_odd_commands",
    "test_engine_way",
    "test_engines",
    "test_failover",
    "test_fault_room",
    "test_hostile_images",
    "test_keeper",
    "test_lab",
    "test_language",
    "test_producers",
    "test_rim",
    "test_shared_room",
    "test_seats",
    "test_setup",
    "test_bucket_page",
    "test_stores",
    "test_store_failures",
    "test_store_batches",
    "test_carried",
    "test_shared_host",
    "test_server",
    "test_spanish_judges",
    "test_torture",
    "test_spanish_classroom",
    "test_wheel",
)
#: And single tests that start other programs, or count for seconds.
SLOW_TESTS = (
    "test_a_notebook_shows_one_picture_with_its_words",
    "test_each_small_change_of_a_solution_is_refused",
    "test_p3_worker_processes_take_the_settings_of_the_queue",
    "test_p8_a_pool_starts_again_and_scales_only_to_what_there_can_be",
    "test_a_sound_notebook_passes",
    "test_a_hole_of_nbval_is_closed",
    "test_a_mutant_is_killed",
    "test_what_is_no_mutant_survives",
    "test_what_needs_linux_says_how_to_have_it",
    "test_no_other_package_than_the_copy_is_judged",
    "test_the_terminal_never_shows_it",
    "test_the_python_of_using_imglab_does_what_it_says",
    "test_each_user_can_do_its_job_from_end_to_end",
    "test_a_pool_and_the_terminal_work_over_tls",
    "test_s13_another_thread_gets_more_turns_from_blur_than_from_median",
    "test_a_pool_writes_json_into_its_logs",
    "test_a_worker_in_a_terminal_prints_nothing_but_json",
    "test_workers_refuse_larger_pictures_too",
    "test_the_command_exits_1_for_what_is_broken_and_0_after_its_repair",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Function]) -> None:
    """Mark what is slow; where tests run side by side, put the long ones first."""
    for item in items:
        is_slow_file = item.path.stem in (*ALONE, *SLOW_FILES)
        if is_slow_file or item.originalname in (*LESSONS, *SLOW_TESTS):
            item.add_marker(pytest.mark.slow)
    is_side_by_side = hasattr(config, "workerinput")
    if is_side_by_side:
        items.sort(key=lambda item: rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Hand out whole groups in our order.

    The mark `xdist_group` does not do it: pytest-xdist 3.8 writes the group into an item's id,
    and pytest 9.2 does not let it.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    config.option.loadscopereorder = False
    return Groups(config, log)


def parts(nodeid: str) -> tuple[str, str]:
    """The file of a test without its suffix, and its function without parameters."""
    path, _, test = nodeid.partition("::")
    return Path(path).stem, test.partition("[")[0]


def group(nodeid: str) -> str:
    """Tests of one group run in one process, one after the other, and share their fixtures."""
    name, test = parts(nodeid)
    if name in IN_A_BROWSER:
        return "browser"
    if name in BY_THE_CLOCK:
        return "clock"
    if name in WANT_6379:
        return "port 6379"
    if test in LESSONS:
        return nodeid
    return name


def rank(nodeid: str) -> tuple[int, int]:
    """What is begun first: a long group begun last would keep one process busy alone."""
    name, test = parts(nodeid)
    if name in IN_A_BROWSER:
        return (0, IN_A_BROWSER.index(name))
    if test in LESSONS:
        return (1, 0)
    if name in BY_THE_CLOCK:
        return (2, BY_THE_CLOCK.index(name))
    if name in SLOW_FILES:
        return (3, SLOW_FILES.index(name))
    return (4, 0)
