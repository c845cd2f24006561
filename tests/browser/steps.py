"""Pages that only an answer shows: where to begin, and what to send there."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import count

from playwright.sync_api import Page

from .addresses import PUBLIC, Address

Step = Callable[[Page], None]
_another = count(1)


def _send(page: Page, form: str = "main form", **said: str) -> None:
    """Fill a form in and send it, whatever the browser thinks of what is missing."""
    for name, value in said.items():
        page.locator(f"{form} [name={name}]").first.fill(value)
    with page.expect_navigation():
        page.locator(form).first.evaluate("form => form.submit()")


def _send_without_cookies(page: Page) -> None:
    page.context.clear_cookies()
    _send(page)


def _ask_for_links(page: Page) -> None:
    _send(page, email=f"somebody-{next(_another)}@example.org")


def _log_in_wrongly(page: Page) -> None:
    _send(page, username=f"nobody-{next(_another)}", password="wrong")


def _choose_all(page: Page, action: str) -> None:
    """An action for everything that the list shows."""
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option(action)
    with page.expect_navigation():
        page.locator("[name=index]").click()


def _let_in(page: Page) -> None:
    with page.expect_navigation():
        page.locator(".found form").first.evaluate("form => form.submit()")


send_at_the_desk = partial(_send, form="#content form")

# By the name of the page: where it begins, and how it goes on.
PUBLIC_STEPS: Mapping[str, tuple[Address, Step]] = {
    "event, mistakes in its form": (
        PUBLIC["event, several prices"],
        partial(_send, form="#register"),
    ),
    "event, closed meanwhile": (
        PUBLIC["event, full"],
        partial(
            _send,
            form="#register",
            name="Dominique Petit",
            email="petit@example.org",
            first_name="Zoé",
            last_name="Petit",
        ),
    ),
    "lost links, a mistake": (PUBLIC["lost links"], partial(_send, email="nobody")),
    "lost links, sent": (PUBLIC["lost links"], _ask_for_links),
    "no more mail": (PUBLIC["no more mail?"], _send),
    "log in, wrong": (PUBLIC["log in"], _log_in_wrongly),
    "invitation, mistakes": (
        PUBLIC["invitation"],
        partial(_send, new_password1="a", new_password2="b"),
    ),
    "sent from elsewhere": (PUBLIC["lost links"], _send_without_cookies),
}
DESK_STEPS: Mapping[str, tuple[Address, Step]] = {
    "a new event, mistakes": (
        lambda _: "/admin/events/event/add/",
        partial(_send, form="#event_form"),
    ),
    "a refund, mistakes": (
        lambda town: f"/admin/registrations/registration/{town.paid['id']}/refund/",
        partial(_send, form=".question", amount="1000"),
    ),
    "several to be marked paid": (
        lambda _: "/admin/registrations/registration/",
        partial(_choose_all, action="mark_paid"),
    ),
    "several to be deleted": (
        lambda _: "/admin/auth/user/?q=nina",
        partial(_choose_all, action="delete_selected"),
    ),
    "a secret, shown once": (
        lambda town: f"/admin/outgoing/endpoint/{town.rows['outgoing/endpoint']}/rotate/",
        partial(_send, form=".question"),
    ),
    "set-up, all of it": (lambda _: "/admin/doctor/setup/", partial(_send, form=".set-up form")),
    "let in at the entrance": (
        lambda town: f"/admin/checkin/{town.event['id']}?q=Test",
        _let_in,
    ),
    "one who was let in already": (
        lambda town: f"/admin/checkin/{town.event['id']}?q={town.paid['id']}",
        _let_in,
    ),
}
