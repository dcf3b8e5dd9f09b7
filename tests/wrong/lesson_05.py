"""Typical wrong answers to lesson 05, each with words of the hint it has to get."""

import itertools


def the_highest_rate(rates, cores):
    best = max(rates, key=rates.get)
    return best, "cores" if best == cores else "something else"


def the_first_useless_worker(rates, cores):
    for workers in sorted(rates)[1:]:
        if rates[workers] - rates[workers - 1] < 0.1 * rates[1]:
            return workers - 1, "cores"
    return max(rates), "cores"


def always_the_cores(rates, cores):
    for workers in sorted(rates)[:-1]:
        if rates[workers + 1] - rates[workers] < 0.1 * rates[1]:
            return workers, "cores"
    return max(rates), "not yet"


def the_last_small_gain(rates, cores):
    stops = [n for n in sorted(rates)[:-1] if 0 <= rates[n + 1] - rates[n] < 0.1 * rates[1]]
    if not stops:
        return max(rates), "not yet"
    return stops[0], "cores" if stops[0] == cores else "something else"


def a_tenth_of_the_rate_before(rates, cores):
    for workers in sorted(rates)[:-1]:
        if rates[workers + 1] - rates[workers] < 0.1 * rates[workers]:
            return workers, "cores" if workers == cores else "something else"
    return max(rates), "not yet"


WRONG = {
    "05-exercise-enough": [
        (the_highest_rate, "neither was asked"),
        (the_first_useless_worker, "not with the rate before"),
        (always_the_cores, "it is not the cores that stop it"),
        (a_tenth_of_the_rate_before, "at every step"),
        (the_last_small_gain, "a fall, too, is a gain of less"),
    ]
}


def with_a_while_loop(rates, cores):
    workers = 1
    while workers + 1 in rates:
        if rates[workers + 1] - rates[workers] < rates[1] / 10:
            return (workers, "cores") if workers == cores else (workers, "something else")
        workers += 1
    return workers, "not yet"


def by_a_list_of_stops(rates, cores):
    counts = sorted(rates)
    stops = [a for a, b in itertools.pairwise(counts) if rates[b] - rates[a] < rates[1] * 0.1]
    if not stops:
        return max(counts), "not yet"
    return stops[0], {cores: "cores"}.get(stops[0], "something else")


def with_recursion(rates, cores, workers=1):
    following = rates.get(workers + 1)
    if following is None:
        return workers, "not yet"
    if following - rates[workers] >= 0.1 * rates[1]:
        return with_recursion(rates, cores, workers + 1)
    return workers, "cores" if workers == cores else "something else"


RIGHT = {"05-exercise-enough": [with_a_while_loop, by_a_list_of_stops, with_recursion]}
