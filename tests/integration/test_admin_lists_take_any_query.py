"""Whatever stands in the query of one of the admin's lists, it has an answer: never a failure."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin

from inscrit.backoffice import AnyQuery, list_of
from inscrit.events.models import Event
from inscrit.people.models import LoginAttempt
from inscrit.webhooks.models import StripeEvent

from .desk import organiser

# Each request on its own: PostgreSQL refuses everything after a failure within a transaction.
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:DateTimeField .* received a naive datetime"),
]
ODD = ("a\0b", "x", "-1", "9999", "99999999", "9" * 20, "0001-01-01", "9999-12-31 23:59:59")
OF_EVERY_LIST = ("p", "o", "q", "e", "all", "_popup", "_to_field", "id", "id__gt")
LOOKUPS = ("", "__exact", "__gte", "__year", "__isnull", "__in")


def names(page: "admin.ModelAdmin[Any]") -> Iterator[str]:
    """What a list's own links put into its query, and what somebody may who plays with them."""
    yield from OF_EVERY_LIST
    for each in page.list_filter:
        if isinstance(each, str):
            yield from (f"{each}{lookup}" for lookup in LOOKUPS)
        else:
            yield each.parameter_name  # type: ignore[union-attr]
    if moment := page.date_hierarchy:
        yield from (f"{moment}__{part}" for part in ("year", "month", "day", "gte", "lt"))


@pytest.mark.parametrize("model", [Event, LoginAttempt, StripeEvent])
def test_a_list_answers_to_any_query(model: Any) -> None:
    desk = organiser()
    answers = {
        (name, value): desk.get(list_of(model), {name: value}).status_code
        for name in names(admin.site.get_model_admin(model))
        for value in ODD
    }
    assert set(answers.values()) == {200, 302, 400}
    assert answers["q", "a\0b"] == 200
    assert all(code == 302 for (name, _), code in answers.items() if name.endswith("__year"))


def test_whoever_is_sent_back_finds_the_whole_list() -> None:
    desk = organiser()
    answer = desk.get(list_of(Event, "?starts_at__year=99999999999999999999"), follow=True)
    assert answer.redirect_chain == [(list_of(Event, "?e=1"), 302)]
    assert answer.status_code == 200


def test_every_list_is_such_a_one() -> None:
    others = [page for page in admin.site._registry.values() if not isinstance(page, AnyQuery)]
    assert others == []
