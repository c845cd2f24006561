"""The kinds of mail there are. Another room adds its own with ``register``, from its app's ready().

A kind's words stand in templates of its name: ``mail/<name>.subject.txt``, and either
``mail/<name>.words.txt`` (paragraphs with empty lines between them: the title, the first sentence,
which mailboxes show beside the subject, and the rest) or a ``.txt`` and a ``.html`` that extend
``mail/base.txt`` and ``mail/base.html``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from inscrit.monitoring import totals

if TYPE_CHECKING:
    from django.utils.functional import Promise

    from .models import Message

Context = Callable[["Message"], Mapping[str, Any]]


def _nothing(_message: "Message") -> Mapping[str, Any]:
    return {}


def _no_reason(_message: "Message") -> None:
    return None


@dataclass(frozen=True, slots=True)
class Kind:
    """``context`` is what its templates show besides what every mail shows.

    ``needless`` is asked right before it is sent: why nobody needs it any more, or None.
    ``optional``: whoever gets it may ask for no more of them.
    ``secret``: it carries a key that opens something, so the words it had are not kept.
    """

    name: str
    label: "Promise | str"
    button: "Promise | str" = field(default=_("See your registration"))
    context: Context = _nothing
    needless: "Callable[[Message], Promise | str | None]" = _no_reason
    optional: bool = False
    secret: bool = False


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """From now on there are messages of this kind; the same name again replaces it."""
    _KINDS[kind.name] = kind
    totals.EMAIL_KINDS.append(kind.name)


def of(name: str) -> Kind:
    """Raises UnknownKind."""
    try:
        return _KINDS[name]
    except KeyError:
        raise UnknownKind(name) from None


def known() -> list[Kind]:
    return list(_KINDS.values())


def choices() -> list[tuple[str, "Promise | str"]]:
    """For the model's field: a new kind needs no migration."""
    return [(kind.name, kind.label) for kind in known()]


class UnknownKind(Exception):
    """A message of a kind that this version does not know: a newer one will send it."""
