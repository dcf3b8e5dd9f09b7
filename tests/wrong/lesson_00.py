"""Typical wrong answers to lesson 00, each with words of the hint it has to get."""

import os


def still_http(here):
    return f"http://{here.host}:{here.port}"


def no_scheme(here):
    return f"{here.host}:{here.port}"


def port_behind_a_slash(here):
    return f"redis://{here.host}/{here.port}"


def another_port(here):
    return f"redis://{here.host}:1"


def another_database(here):
    return f"redis://{here.host}:{here.port}/5"


def a_name_without_braces(here):
    return f"redis://here.host:{here.port}"


def a_port_without_braces(here):
    return f"redis://{here.host}:here.port"


def no_f(here):
    return "redis://{here.host}:{here.port}"


def printed(here):
    print(f"redis://{here.host}:{here.port}")


def read_elsewhere(here):
    return here.url


def one_for_all(here):
    return os.environ["IMGLAB_REDIS_URL"]


WRONG = {
    "00-exercise-address": [
        (still_http, "web servers understand http"),
        (no_scheme, "It has no scheme"),
        (port_behind_a_slash, "It has no port"),
        (a_port_without_braces, "It has no port"),
        (another_port, "no program listens at that address and port"),
        (another_database, "another drawer of the same Redis"),
        (a_name_without_braces, "No machine has that name"),
        (no_f, "The braces are still in it"),
        (printed, "print shows it, and the function returns None"),
        (read_elsewhere, "as in a colleague's note"),
        (one_for_all, "the same address for every Redis"),
    ]
}


def by_adding(here):
    return "redis://" + here.host + ":" + str(here.port)


def by_format(here):
    return f"redis://{here.host}:{here.port}/0"


def by_joining(here):
    place = ":".join([here.host, str(here.port)])
    return "redis://" + place


RIGHT = {"00-exercise-address": [by_adding, by_format, by_joining]}
