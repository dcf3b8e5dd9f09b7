"""`make torture`: a hostile producer, tasks that raise anything, a moody Redis, dying workers.

It is a command of the test set-up: `python -m torture`, with tests/ on the path. Read `campaign`
first; `plan` draws what happens, `judge` says what was promised.
"""
