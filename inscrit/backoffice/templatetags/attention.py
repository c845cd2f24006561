"""What waits for a person, where the person may see it."""

from typing import Any, NamedTuple

from django import template

from inscrit.backoffice.attention import WAITING

register = template.Library()


class Line(NamedTuple):
    label: str
    address: str


@register.simple_tag(takes_context=True)
def waiting_for_a_person(context: dict[str, Any]) -> list[Line] | None:
    """Only what there is; None for whoever may see nothing of it."""
    user = context["request"].user
    seen = [one for one in WAITING if user.has_perm(one.permission)]
    counted = [(one, one.count()) for one in seen]
    if not seen:
        return None
    return [Line(one.label % {"n": n}, one.address()) for one, n in counted if n]
