"""Typical wrong answers to lesson 05, each with words of the hint it has to get."""


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
