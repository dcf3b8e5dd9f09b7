"""The words of chaos as people read them; its plan, its judge and JSON have plain English ones."""

from __future__ import annotations

from imglab.language import tr

#: A kind of fault → what a terminal calls it; a signal has one name in every language.
FAULTS_IN_WORDS = {
    "SIGKILL": "SIGKILL",
    "SIGTERM": "SIGTERM",
    "SIGSTOP": "SIGSTOP",
    "Redis killed": tr("Redis killed"),
    "connections cut": tr("connections cut"),
}
#: What `judge` sorts its sentences by → what a table calls it.
WRONG_IN_WORDS = {
    "lost": tr("lost"),
    "in two places": tr("in two places"),
    "accepted twice": tr("accepted twice"),
    "otherwise wrong": tr("otherwise wrong"),
}
