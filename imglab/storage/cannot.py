"""What is said of a file that cannot be used: a whole sentence, in this process' language."""

from __future__ import annotations

from imglab.language import tr


def cannot(name: str, done: str, why: str) -> str:
    """What to say of a file that cannot be `read`, `written`, `listed` or `reached`."""
    match done:
        case "written":
            return tr("{name} cannot be written: {why}.", name=name, why=why)
        case "listed":
            return tr("{name} cannot be listed: {why}.", name=name, why=why)
        case "reached":
            return tr("{name} cannot be reached: {why}.", name=name, why=why)
    return tr("{name} cannot be read: {why}.", name=name, why=why)
