"""The story of a queue on several hosts, chapter by chapter; each ends with its verdict."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers.clock import until
from PIL import Image

from hosts import pictures
from hosts.site import Hand, Site
from hosts.submitting import with_add_tasks
from hosts.verdict import Verdict, broken_promises
from imglab.queues.inspect import FIRST_MARK
from imglab.queues.vocabulary import Event

#: Seconds that a claim holds without a sign of life; a cut is longer.
LEASE_S = 2
CUT_S = LEASE_S + 1
#: The longest wait before the second try, in seconds.
BACKOFF_S = 0.2
#: Width and height of most pictures, in pixels.
SIZE = (640, 480)
#: And of those that a worker has in hand for a while: it is cut off in the middle.
LARGE = (2400, 1800)
#: What is done with them.
FILTERS = "blur:radius=3,edges"
#: Seconds after which a chapter that does not end is a failure.
PATIENCE_S = 120


class Story:
    """What happens to the hosts of a site, with so many tasks at least in each chapter."""

    def __init__(self, site: Site, tasks: int) -> None:
        self.site = site
        self.lab = site.lab
        self.queue = site.queue
        self.tasks = tasks
        self.verdicts: list[Verdict] = []
        self._folders = 0
        site.set(f"--lease {LEASE_S} --backoff {BACKOFF_S}")

    # The chapters

    def a_batch_runs(self) -> Verdict:
        """Two hosts share the tasks."""
        first = self.site.hire()
        second = self.site.hire()
        assert first.name != second.name
        return self._chapter("a batch runs", self._until_done)

    def a_host_is_cut_off(self) -> Verdict:
        """One host is cut off with a task in hand, for longer than its lease, and comes back."""
        victim = self.site.hands[-1]

        def cut_and_join(ids: list[str]) -> dict[str, Any]:
            task_id = self._cut_off_at_work(victim, ids)
            cut_at = self.queue.server_time()
            time.sleep(CUT_S)
            claims = until(lambda: self._claims_elsewhere(task_id, victim), PATIENCE_S)
            self.lab.join(victim.host)
            joined_at = self.queue.server_time()
            until(lambda: victim.refused, PATIENCE_S)
            self._until_it_completes(victim, joined_at, ids)
            self._until_done(ids)
            return {
                "again_after": (claims[0] - cut_at) / 1000,
                "back_after": self._first_completion(victim, joined_at),
            }

        return self._chapter("a host is cut off, and back", cut_and_join)

    def a_host_is_added(self) -> Verdict:
        """A host comes while the others work, and takes part."""

        def hire(ids: list[str]) -> None:
            newcomer = self.site.hire()
            began = self.queue.server_time()
            assert newcomer.name
            self._until_it_completes(newcomer, began, ids)
            self._until_done(ids)

        return self._chapter("a host is added", hire)

    def redis_is_cut_off(self) -> Verdict:
        """Redis' host is cut off from all others for longer than a lease, and comes back."""

        def cut_and_join(ids: list[str]) -> dict[str, Any]:
            hosts = [hand.host for hand in self.site.hands]
            until(self.queue.claims, PATIENCE_S)
            self.lab.cut(*hosts)
            time.sleep(CUT_S)
            self.lab.join(*hosts)
            joined_at = self.queue.server_time()
            self._until_done(ids)
            return {"back_after": self._first_completion(None, joined_at)}

        return self._chapter("Redis' host is cut off, and back", cut_and_join)

    def a_host_lacks_the_photographs(self) -> Verdict:
        """One host never had them, another one loses them while it works."""

        def lose(ids: list[str]) -> None:
            loser = self.site.hands[-1]
            bare = self.site.hire(photographs=False)
            until(lambda: "This host has no photographs" in bare.said, PATIENCE_S)
            loser.host.unmount("images")
            self._add(SIZE, self.tasks, ids)
            until(lambda: loser.process.poll() is not None, PATIENCE_S)
            assert "imglab: This host has no photographs" in loser.said
            self._until_done(ids)

        return self._chapter("hosts lack the photographs", lose)

    # What a chapter is made of

    def _chapter(self, name: str, act: Callable[[list[str]], dict[str, Any] | None]) -> Verdict:
        """Add tasks, let something happen until all are done, and judge."""
        refused_before = self._refused()
        mark, _ = self.queue.events_after(FIRST_MARK)
        ids: list[str] = []
        began = time.monotonic()
        self._add(SIZE, self.tasks, ids)
        times = act(ids) or {}
        seconds = time.monotonic() - began
        _, events = self.queue.events_after(mark)
        wrong = broken_promises(self.lab, self.queue, ids, events)
        for hand in self.site.hands:
            if hand.has_traceback:
                wrong.append(f"{hand.host.name} showed a traceback.")
        verdict = Verdict(
            chapter=name,
            tasks=len(ids),
            seconds=seconds,
            executions=sum(event["event"] == Event.CLAIMED for event in events),
            refused=self._refused() - refused_before,
            again_after=times.get("again_after"),
            back_after=times.get("back_after"),
            shares=_shares(events),
            wrong=wrong,
        )
        self.verdicts.append(verdict)
        return verdict

    def _add(self, size: tuple[int, int], count: int, ids: list[str]) -> None:
        """Make pictures, add their tasks, and note the ids."""
        self._folders += 1
        folder = Path(f"folder-{self._folders}")
        pictures.make(self.lab.images / folder, count, size)
        ids += with_add_tasks(self.lab, self.queue, folder, FILTERS)

    def _until_done(self, ids: list[str]) -> None:
        assert self.queue.join(PATIENCE_S), self.queue.get_stats()

    def _until_it_completes(self, hand: Hand, since: int, ids: list[str]) -> None:
        """Add more tasks until this worker has completed one."""
        limit = time.monotonic() + PATIENCE_S
        while self._first_completion(hand, since) is None:
            assert time.monotonic() < limit, hand.said
            if self.queue.get_stats().pending < self.tasks / 2:
                self._add(SIZE, self.tasks, ids)
            time.sleep(0.1)

    def _refused(self) -> int:
        return sum(hand.refused for hand in self.site.hands)

    def _cut_off_at_work(self, hand: Hand, ids: list[str]) -> str:
        """Cut a host off while its worker does a large task, and return the task."""
        while True:
            self._add(LARGE, len(self.site.hands), ids)
            until(lambda: self._large_task_of(hand), PATIENCE_S)
            self.lab.cut(hand.host)
            # It may have finished in this very moment; from now on nothing of it arrives.
            task_id = self._large_task_of(hand)
            if task_id:
                return task_id
            self.lab.join(hand.host)

    def _large_task_of(self, hand: Hand) -> str:
        """The large task that this worker holds; empty while there is none."""
        for claim in self.queue.claims():
            if claim.worker == hand.name and self._is_large(claim.task):
                return claim.task
        return ""

    def _is_large(self, task_id: str) -> bool:
        with Image.open(self.lab.folder / self.queue.task(task_id)["image_path"]) as picture:
            return picture.size == LARGE

    def _claims_elsewhere(self, task_id: str, hand: Hand) -> list[int]:
        """When others than this worker claimed a task."""
        return [
            event["at"]
            for event in self.queue.trace(task_id)
            if event["event"] == Event.CLAIMED and event["worker"] != hand.name
        ]

    def _first_completion(self, hand: Hand | None, since: int) -> float | None:
        """Seconds from a moment until this worker, or any, completed a task."""
        for event in self.queue.events():
            is_theirs = hand is None or event.get("worker") == hand.name
            if event["event"] == Event.COMPLETED and is_theirs and event["at"] >= since:
                return (event["at"] - since) / 1000
        return None


def _shares(events: list[dict[str, Any]]) -> dict[str, int]:
    """Tasks that each host completed: a worker's name begins with that of its host."""
    return Counter(
        event["worker"].rpartition("-")[0] for event in events if event["event"] == Event.COMPLETED
    )


#: In their order: each goes on where the one before ended.
CHAPTERS = (
    Story.a_batch_runs,
    Story.a_host_is_cut_off,
    Story.a_host_is_added,
    Story.redis_is_cut_off,
    Story.a_host_lacks_the_photographs,
)
