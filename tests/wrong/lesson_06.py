"""Typical wrong answers to lesson 06, each with words of its hint; right ones of other styles."""

import json
import time

from imglab.exercises.lesson_06 import ask, snapshot

LISTS = ("pending", "completed", "failed")


def one_by_one(r, namespace, lease):
    start = namespace + "image_processing:"
    now = r.time()[0] * 1000 + r.time()[1] // 1000
    held = r.hgetall(start + "processing")
    depth = {status: r.llen(start + status) for status in LISTS}
    depth |= {"processing": len(held), "delayed": r.zcard(start + "delayed")}
    busy = {}
    for task, text in held.items():
        claim = json.loads(text)
        if claim["deadline"] > now:
            payload = json.loads(r.hget(f"{namespace}task:{task}", "payload"))
            busy[claim["worker"]] = payload["image_path"]
    records = r.hgetall(start + "workers").items()
    silent = [name for name, text in records if json.loads(text)["seen"] < now - lease]
    return {"at": now, "depth": depth, "busy": busy, "silent": sorted(silent)}


def a_round_trip_for_each_task(r, namespace, lease):
    look = snapshot(r, namespace, lease)
    for task in r.hkeys(namespace + "image_processing:processing"):
        r.hget(f"{namespace}task:{task}", "payload")
    return look


def processing_is_a_list(r, namespace, lease):
    pipe = r.pipeline(transaction=False)
    for status in (*LISTS, "processing", "delayed"):
        pipe.llen(f"{namespace}image_processing:{status}")
    depth = dict(zip((*LISTS, "processing", "delayed"), pipe.execute(), strict=True))
    return snapshot(r, namespace, lease) | {"depth": depth}


def without_the_delayed(r, namespace, lease):
    look = snapshot(r, namespace, lease)
    look["depth"]["delayed"] = 0
    return look


def a_namespace_of_its_own(r, namespace, lease):
    return snapshot(r, "lesson-06:", lease)


def our_own_clock(r, namespace, lease):
    return snapshot(r, namespace, lease) | {"at": int(time.time() * 1000)}


def seconds(r, namespace, lease):
    look = snapshot(r, namespace, lease)
    return look | {"at": look["at"] // 1000}


def ids_in_place_of_photographs(r, namespace, lease):
    held = r.hgetall(namespace + "image_processing:processing")
    busy = {json.loads(text)["worker"]: task for task, text in held.items()}
    return snapshot(r, namespace, lease) | {"busy": busy}


def every_claim_is_busy(r, namespace, lease):
    _, held, *_, payloads = ask(r, namespace)
    busy = {}
    for text, payload in zip(held.values(), payloads, strict=True):
        busy[json.loads(text)["worker"]] = json.loads(payload)["image_path"]
    return snapshot(r, namespace, lease) | {"busy": busy}


def silent_by_its_claim(r, namespace, lease):
    clock, held, *_ = ask(r, namespace)
    now = clock[0] * 1000
    claims = [json.loads(text) for text in held.values()]
    silent = [claim["worker"] for claim in claims if claim["deadline"] < now]
    return snapshot(r, namespace, lease) | {"silent": silent}


def idle_is_silent(r, namespace, lease):
    look = snapshot(r, namespace, lease)
    known = r.hkeys(namespace + "image_processing:workers")
    return look | {"silent": sorted(set(known) - set(look["busy"]))}


def thirty_seconds_for_all(r, namespace, lease):
    return snapshot(r, namespace, 30_000)


def lease_in_seconds(r, namespace, lease):
    return snapshot(r, namespace, lease * 1000)


def only_what_runs_is_processing(r, namespace, lease):
    look = snapshot(r, namespace, lease)
    look["depth"]["processing"] = len(look["busy"])
    return look


def silent_at_once(r, namespace, lease):
    return snapshot(r, namespace, lease - 1)


def keys_for_everything(r, namespace, lease):
    pipe = r.pipeline()
    pipe.keys(namespace + "*")
    start = namespace + "image_processing:"
    pipe.time()
    for name in ("processing", "workers"):
        pipe.hgetall(start + name)
    pipe.zcard(start + "delayed")
    for status in LISTS:
        pipe.llen(start + status)
    _, *first = pipe.execute()
    for task in first[1]:
        pipe.hget(f"{namespace}task:{task}", "payload")
    return _made((*first, pipe.execute()), lease)


def _made(replies, lease):
    clock, held, known, delayed, *lengths, payloads = replies
    now = clock[0] * 1000 + clock[1] // 1000
    depth = dict(zip(LISTS, lengths, strict=True))
    depth |= {"processing": len(held), "delayed": delayed}
    busy = {}
    for text, payload in zip(held.values(), payloads, strict=True):
        claim = json.loads(text)
        if claim["deadline"] > now:
            busy[claim["worker"]] = json.loads(payload)["image_path"]
    silent = [name for name in known if now - json.loads(known[name])["seen"] > lease]
    return {"at": now, "depth": depth, "busy": busy, "silent": sorted(silent)}


def takes_what_it_sees(r, namespace, lease):
    pipe = r.pipeline()
    pipe.time()
    start = namespace + "image_processing:"
    for name in ("processing", "workers"):
        pipe.hgetall(start + name)
    pipe.zcard(start + "delayed")
    for status in LISTS:
        pipe.llen(start + status)
    first = pipe.execute()
    for task in first[1]:
        pipe.hget(f"{namespace}task:{task}", "payload")
    for task in list(first[1])[:1]:
        pipe.hdel(start + "processing", task)
    payloads = pipe.execute()[: len(first[1])]
    return _made((*first, payloads), lease)


def without_return(r, namespace, lease):
    snapshot(r, namespace, lease)


def a_list_of_parts(r, namespace, lease):
    return list(snapshot(r, namespace, lease).values())


def in_the_order_of_the_hash(r, namespace, lease):
    look = snapshot(r, namespace, lease)
    known = r.hkeys(namespace + "image_processing:workers")
    return look | {"silent": [name for name in known if name in look["silent"]]}


def silent_or_busy(r, namespace, lease):
    look = snapshot(r, namespace, lease)
    return look | {"silent": [name for name in look["silent"] if name not in look["busy"]]}


def never_executes(r, namespace, lease):
    pipe = r.pipeline()
    pipe.time()
    clock, pending = pipe.llen(namespace + "image_processing:pending")
    return {"at": clock, "depth": {"pending": pending}, "busy": {}, "silent": []}


def ask_gives_nothing(r, namespace, lease):
    def read(r, namespace):
        ask(r, namespace)

    clock, *_ = read(r, namespace)
    return snapshot(r, namespace, lease) | {"at": clock[0]}


def the_clock_of_a_script(r, namespace, lease):
    script = "local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000)"
    return snapshot(r, namespace, lease) | {"at": r.eval(script, 0)}


WRONG = {
    "06-exercise-snapshot": [
        (one_by_one, "Every call of r.… is a round trip of its own"),
        (a_round_trip_for_each_task, "Every call of r.… is a round trip of its own"),
        (processing_is_a_list, "they are of three types"),
        (without_the_delayed, "they are of three types"),
        (a_namespace_of_its_own, "they are of three types"),
        (our_own_clock, "It is Redis' clock that counts"),
        (seconds, "It is Redis' clock that counts"),
        (ids_in_place_of_photographs, "What the task is about stands in the hash"),
        (every_claim_is_busy, "a claim whose deadline is past says nothing"),
        (silent_by_its_claim, "silence is in the hash `workers`"),
        (idle_is_silent, "silence is in the hash `workers`"),
        (thirty_seconds_for_all, "The lease is a parameter, in milliseconds"),
        (lease_in_seconds, "silence is in the hash `workers`"),
        (only_what_runs_is_processing, "Count what is in processing, whatever its lease"),
        (silent_at_once, "its worker is not silent yet"),
        (keys_for_everything, "KEYS holds everybody up"),
        (takes_what_it_sees, "A monitor looks and changes nothing"),
        (without_return, "Your function returned None"),
        (a_list_of_parts, "Return one dict with the four names"),
        (in_the_order_of_the_hash, "in the order of the alphabet"),
        (silent_or_busy, "whether it holds a task or not"),
        (never_executes, "Replies come from pipe.execute()"),
        (ask_gives_nothing, "Replies come from pipe.execute()"),
        (the_clock_of_a_script, "cannot stop the clock of a script"),
    ]
}


def in_a_transaction(r, namespace, lease):
    """MULTI … EXEC is one round trip, too."""
    start = f"{namespace}image_processing:"
    with r.pipeline() as pipe:
        pipe.hgetall(start + "workers").hgetall(start + "processing")
        pipe.llen(start + "pending").zcard(start + "delayed")
        pipe.llen(start + "completed").llen(start + "failed").time()
        records, held, pending, delayed, completed, failed, clock = pipe.execute()
        for task in held:
            pipe.hgetall(f"{namespace}task:{task}")
        tasks = dict(zip(held, pipe.execute(), strict=True))
    payloads = [tasks[each]["payload"] for each in held]
    return _made((clock, held, records, delayed, pending, completed, failed, payloads), lease)


class Look:
    """An object with a method for each part."""

    def __init__(self, r, namespace, lease):
        self.lease = lease
        self.clock, self.held, self.known, self.delayed, *self.lengths, self.payloads = ask(
            r, namespace
        )
        self.now = int(self.clock[0] * 1000 + self.clock[1] / 1000)

    def busy(self):
        pairs = zip(map(json.loads, self.held.values()), self.payloads, strict=True)
        return {
            claim["worker"]: json.loads(payload)["image_path"]
            for claim, payload in pairs
            if not claim["deadline"] <= self.now
        }

    def silent(self):
        oldest = self.now - self.lease
        return {name for name, text in self.known.items() if json.loads(text)["seen"] < oldest}

    def depth(self):
        lists = dict(zip(LISTS, self.lengths, strict=True))
        return {"processing": len(self.held), "delayed": self.delayed, **lists}


def by_a_class(r, namespace, lease):
    look = Look(r, namespace, lease)
    parts = {"silent": tuple(look.silent()), "busy": look.busy(), "at": look.now}
    return parts | {"depth": look.depth()}


def word_by_word(r, namespace, lease):
    """execute_command, HKEYS with HVALS, HLEN and HMGET."""
    start = f"{namespace}image_processing:"
    words = ["TIME", "HLEN processing", "HKEYS processing", "HVALS processing"]
    words += ["HKEYS workers", "HVALS workers", "ZCOUNT delayed -inf +inf"]
    words += [f"LLEN {status}" for status in LISTS]
    pipe = r.pipeline(transaction=False)
    for each in words:
        command, *rest = each.split()
        if rest:
            rest[0] = start + rest[0]
        pipe.execute_command(command, *rest)
    clock, number, ids, claims, names, records, delayed, *lengths = pipe.execute()
    for task in ids:
        pipe.execute_command("HMGET", f"{namespace}task:{task}", "payload", "worker")
    payloads = [reply[0] for reply in pipe.execute()]
    assert number == len(ids)
    held = dict(zip(ids, claims, strict=True))
    known = dict(zip(names, records, strict=True))
    return _made((clock, held, known, delayed, *lengths, payloads), lease)


RIGHT = {"06-exercise-snapshot": [in_a_transaction, by_a_class, word_by_word]}
