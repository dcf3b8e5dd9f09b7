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


def by_a_list(rates):
    enough = 0.9 * max(rates.values())
    good = [way for way in ("one", "threads", "processes") if rates[way] >= enough]
    return good[0]


def by_questions(rates):
    best = max(rates["one"], rates["threads"], rates["processes"])
    if rates["one"] / best >= 0.9:
        return "one"
    if rates["threads"] / best >= 0.9:
        return "threads"
    return "processes"


def by_price(rates):
    price = {"one": 1, "threads": 2, "processes": 3}
    limit = sorted(rates.values())[-1] * 0.9
    return min((way for way in rates if rates[way] >= limit), key=price.get)


RIGHT = {"02-exercise-choose": [by_a_list, by_questions, by_price]}
