"""Typical wrong answers to lesson 04: one of the two programs is right, the other is not."""

from imglab.exercises.lesson_04 import CONSUMER, PRODUCER

LOOP = CONSUMER[CONSUMER.index("while") :]
HEAD = CONSUMER.removesuffix(LOOP)


def programs(producer=PRODUCER, consumer=CONSUMER):
    return {"output/lesson-04/producer.py": producer, "output/lesson-04/consumer.py": consumer}


FOR_EVER = """while True:
    task = queue.get_task(name, timeout=2)
    if task:
        queue.mark_completed(task, {"square": task["number"] ** 2})
"""
BUSY = """import time

end = time.monotonic() + 2
while time.monotonic() < end:
    if task := queue.get_task(name, timeout=0):
        queue.mark_completed(task, {"square": task["number"] ** 2})
        end = time.monotonic() + 2
"""
POLLING = BUSY.replace("    if task", "    time.sleep(0.01)\n    if task")
SILENT = """while task := queue.get_task(name, timeout=2):
    print(task["number"] ** 2)
"""

WRONG = {
    "04-exercise-programs": [
        (programs(producer=PRODUCER.replace("range(20)", "range(1, 21)")), "one task for each"),
        (programs(consumer=HEAD + FOR_EVER), "the moment to leave the loop"),
        (programs(consumer=HEAD + SILENT), "Whoever claims a task has to report it"),
        (programs(consumer=CONSUMER.replace("** 2", "* 2")), "the number times itself"),
        (programs(consumer=HEAD + BUSY), "again and again while there is nothing to do"),
        (programs(consumer=HEAD + POLLING), "again and again while there is nothing to do"),
        (programs(consumer=CONSUMER.replace("timeout=2", "timeout=1")), "no more and no less"),
        (programs(consumer=CONSUMER.replace("timeout=2", "timeout=5")), "no more and no less"),
        (programs(consumer=CONSUMER.replace("{sys.argv[2]}", "1")), "Both consumers use one name"),
        (programs(producer=PRODUCER.replace("namespace=sys.argv[1]", "")), "went astray"),
    ]
}


WHILE = """while True:
    task = queue.get_task(name, timeout=2)
    if task is None:
        break
    queue.mark_completed(task.id, {"square": task.payload["number"] * task.payload["number"]})
"""
FUNCTION = """def work():
    task = queue.get_task(name, timeout=2.0)
    while task is not None:
        number = task["number"]
        task = queue.complete_and_claim(task, {"square": number * number}) or queue.get_task(
            name, timeout=2
        )


work()
"""
BULK = PRODUCER[: PRODUCER.index("for")] + (
    'queue.add_tasks([{"number": number} for number in range(20)])\n'
)
RIGHT = {
    "04-exercise-programs": [
        programs(consumer=HEAD + WHILE),
        programs(consumer=HEAD + FUNCTION),
        programs(producer=BULK),
    ]
}
