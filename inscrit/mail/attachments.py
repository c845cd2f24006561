"""Files that go with a mail. They are made when it is sent, and kept nowhere.

Another room adds its own: ``attach("confirmed", calendar_entry)``, from its app's ready().
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .models import Message


@dataclass(frozen=True, slots=True)
class Attachment:
    """``inline`` is the Content-ID by which the HTML shows it: ``<img src="cid:…">``."""

    name: str
    content: bytes
    mime_type: str
    inline: str = ""


Maker = Callable[[Message], Iterable[Attachment]]
_MAKERS: defaultdict[str, list[Maker]] = defaultdict(list)


def attach(kind: str, maker: Maker) -> None:
    """Every mail of this kind gets what ``maker`` makes of it, in its reader's language."""
    if maker not in _MAKERS[kind]:
        _MAKERS[kind].append(maker)


def detach(kind: str, maker: Maker) -> None:
    _MAKERS[kind].remove(maker)


def of(message: Message) -> list[Attachment]:
    return [one for maker in _MAKERS[message.kind] for one in maker(message)]
