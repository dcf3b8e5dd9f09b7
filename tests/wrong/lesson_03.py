"""Typical wrong answers to lesson 03: one line too few, or one at the wrong place."""

WRONG = {
    "03-exercise-fifo": [
        (list("FJCBEGAD"), "a stack, in and out at the left end"),
        (list("IEGAFJCD"), "The line was empty when the while loop asked"),
        (list("FHCIEGAD"), "HSET works on hashes"),
        (list("FCHIEGAD"), "HSET works on hashes"),
        (list("DFJCIEGA"), "EXPIRE for a key that does not exist does nothing"),
        (list("FCIEGAD"), "nobody has stored a payload there"),
        (list("FJCIGEAD"), "store it before, and remove it after"),
        (list("FJCIEAD"), "A job has no line"),
        (list("FJCIEGD"), "A job has no line"),
        (list("FJCIEGA"), "A job has no line"),
        (list("FJCIGAD"), "A job has no line"),
        (list("FJIEGAD"), "The line was empty when the while loop asked"),
        (list("JCFIEGAD"), "An indented line belongs to the loop above it"),
        (list("FJCEIGAD"), "reading belongs into the loop that takes"),
        (list("FCIJEGAD"), "Whoever adds a task stores its payload"),
        (list("FJCBIEGAD"), "does nothing that the text asks for"),
        (list("FJCIEGAC"), "at most once"),
        (list("FJCAIEGD"), "its line belongs into the loop that takes"),
        (list("FJCAIEGBDH"), "does nothing that the text asks for"),
        (["F", 3], "at most once"),
        (list("fjciegad"), "Write capital letters"),
    ]
}

RIGHT = {
    "03-exercise-fifo": [
        list("FCJIEGAD"),
        list("FJCIAEGD"),
        list("FJCIEAGD"),
        tuple("FJCIEGAD"),
    ]
}
