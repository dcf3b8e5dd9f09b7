"""Typical wrong answers to lesson 02, each with words of the hint it has to get."""


def the_fastest(rates):
    return max(rates, key=rates.get)


def the_smallest(rates):
    return min(rates, key=rates.get)


def never_one_by_one(rates):
    best = max(rates.values())
    return "threads" if rates["threads"] >= 0.9 * best else "processes"


def whatever_beats_one_by_one(rates):
    if rates["one"] >= 0.9 * max(rates.values()):
        return "one"
    return "threads" if rates["threads"] > rates["one"] else "processes"


def more_than_enough(rates):
    best = max(rates.values())
    return next(way for way in ("one", "threads", "processes") if rates[way] > 0.9 * best)


WRONG = {
    "02-exercise-choose": [
        (the_smallest, "more is better"),
        (the_fastest, "the cheapest way that is good enough"),
        (never_one_by_one, "is an answer, too"),
        (more_than_enough, "exactly"),
        (whatever_beats_one_by_one, "with the best of the three"),
    ]
}
