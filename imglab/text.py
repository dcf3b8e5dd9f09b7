"""How a text that may be anybody's is shown."""


def short(text: str, length: int) -> str:
    """The text, or so many letters of it."""
    return text if len(text) <= length else text[: length - 1] + "…"
