"""One or two wordings of what an organiser writes: for readers of either language."""

from django.utils.translation import get_language

from inscrit import config


def worded(text: str, other: str, language: str | None = None) -> str:
    """``text`` for readers of the installation's language, ``other`` (if there is one) for others.

    ``language`` is the reader's; the one that is active unless told.
    """
    reader = (language or get_language() or "").split("-")[0]
    return other if other and reader != config.current().language_code else text
