"""Who may come in, as what, and how: logging in, a new password, a second factor, roles."""

import re
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from email.message import EmailMessage

import pyotp
import pytest
from click.testing import CliRunner, Result
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from inscrit import cli
from inscrit.api.models import Role
from inscrit.backoffice import list_of, page_of
from inscrit.events.models import Event
from inscrit.mail import delivery
from inscrit.mail.models import Message
from inscrit.outgoing.models import Endpoint
from inscrit.pages.templatetags.assets import style
from inscrit.people import passwords, roles, second_factor, throttle
from inscrit.people.models import LoginAttempt, SecondFactor
from inscrit.registrations.models import Registration
from inscrit.webhooks.models import StripeEvent

from . import desk as at_the_desk
from .conftest import Setting
from .desk import address, done, fingerprint, listed, seen, text_of
from .mailserver import MailServer
from .test_audit import make_event, register

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "trois-poules-vertes"
PASSWORD_STEP = LoginAttempt.Step.PASSWORD
HOME = "203.0.113.9"
ELSEWHERE = "198.51.100.7"


@pytest.fixture
def everybody_needs_one(setting: Setting) -> None:
    setting(REQUIRE_SECOND_FACTOR="yes")


def person(role: str = "secretary", name: str = "claire") -> User:
    user = User.objects.create_user(name, f"{name}@example.org", PASSWORD)
    roles.give(user, Role(role))
    return user


def visitor(where: str = HOME) -> Client:
    return Client(headers={"accept-language": "en"}, REMOTE_ADDR=where)


def log_in(client: Client, password: str = PASSWORD, name: str = "claire") -> str:
    said = {"username": name, "password": password, "next": "/admin/"}
    return text_of(client.post("/admin/login/", said, follow=True))


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def code_of(factor: SecondFactor, ahead: int = 0) -> str:
    at = timezone.now() + timedelta(seconds=30 * ahead)
    return pyotp.TOTP(second_factor.secret(factor)).at(at)


def with_factor(user: User) -> tuple[SecondFactor, list[str]]:
    factor = second_factor.begin(user)
    codes = list(second_factor.confirm(factor, code_of(factor, -1)))
    assert len(codes) == second_factor.RECOVERY_CODES
    return second_factor.factor_of(user) or factor, codes


def sent(server: MailServer) -> EmailMessage:
    for message in Message.objects.filter(state="queued"):
        delivery.deliver(message.pk)
    return server.taken[-1]


def link_in(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    found = re.search(r"http://localhost:8000(/account/password/\S+)", part.get_content())
    assert found, part.get_content()
    return found[1]


def set_password(client: Client, link: str, password: str) -> str:
    form = client.get(link, follow=True)
    there = form.redirect_chain[-1][0] if form.redirect_chain else link
    said = {"new_password1": password, "new_password2": password}
    return text_of(client.post(there, said, follow=True))


class TestLoggingIn:
    def test_with_the_right_password_one_is_in(self) -> None:
        person()
        client = visitor()
        log_in(client)
        assert is_in(client)
        attempt = LoginAttempt.objects.get()
        assert (attempt.account, attempt.address, attempt.succeeded) == ("claire", HOME, True)

    def test_the_page_looks_like_the_product(self) -> None:
        page = visitor().get("/admin/login/").content.decode()
        assert style("pages.css") in page
        assert reverse("people:new-password") in page
        assert not re.search(r"style=|onclick|<script", page)

    def test_who_guesses_has_to_wait(self) -> None:
        person()
        guesser = visitor(ELSEWHERE)
        for _ in range(throttle.FREE_TRIES):
            assert "No account of the team" in log_in(guesser, "wrong")
        assert "Too many tries. Wait 5 seconds" in log_in(guesser, PASSWORD)
        assert not is_in(guesser)
        LoginAttempt.objects.update(at=timezone.now() - timedelta(seconds=6))
        log_in(guesser, PASSWORD)
        assert is_in(guesser), "nobody is locked out for long"

    def test_the_pause_grows_to_a_minute_and_no_longer(self) -> None:
        person()
        waits = []
        for _ in range(throttle.FREE_TRIES + 8):
            throttle.note("claire", ELSEWHERE, LoginAttempt.Step.PASSWORD, succeeded=False)
            waits.append(throttle.seconds_to_wait("claire", ELSEWHERE, PASSWORD_STEP))
        assert waits[throttle.FREE_TRIES - 1 :] == [5, 10, 20, 40, 60, 60, 60, 60, 60]

    def test_whose_account_it_is_comes_in_from_home_meanwhile(self) -> None:
        person()
        log_in(visitor(HOME))
        for _ in range(30):
            throttle.note("claire", ELSEWHERE, LoginAttempt.Step.PASSWORD, succeeded=False)
        assert throttle.seconds_to_wait("claire", ELSEWHERE, PASSWORD_STEP) > 0
        client = visitor(HOME)
        log_in(client)
        assert is_in(client)

    def test_an_address_that_tries_many_accounts_has_to_wait(self) -> None:
        for n in range(throttle.TRIES_OF_AN_ADDRESS):
            throttle.note(f"?{n}", ELSEWHERE, LoginAttempt.Step.PASSWORD, succeeded=False)
        person()
        assert "Too many tries" in log_in(visitor(ELSEWHERE))
        assert "Too many tries" not in log_in(visitor(HOME))

    def test_behind_a_proxy_that_does_not_tell_nobody_is_taken_for_another(self) -> None:
        for _ in range(throttle.TRIES_OF_AN_ADDRESS):
            throttle.note("?x", None, LoginAttempt.Step.PASSWORD, succeeded=False)
        person()
        client = visitor("10.0.0.3")
        log_in(client)
        assert is_in(client)

    def test_what_is_no_account_is_not_written_down(self) -> None:
        log_in(visitor(), name="my-secret-password")
        assert LoginAttempt.objects.get().account.startswith("?")
        assert "secret" not in LoginAttempt.objects.get().account
        organiser = at_the_desk.organiser()
        assert "no account" in listed(organiser, LoginAttempt)

    def test_old_logins_are_forgotten(self) -> None:
        throttle.note("claire", HOME, LoginAttempt.Step.PASSWORD, succeeded=True)
        assert throttle.forget() == 0
        LoginAttempt.objects.update(at=timezone.now() - timedelta(days=91))
        assert throttle.forget() == 1


class TestNewPassword:
    def test_by_a_link_in_a_mail(self, server: MailServer) -> None:
        person()
        client = visitor()
        answer = client.post(
            reverse("people:new-password"), {"email": "Claire@example.org"}, follow=True
        )
        assert "a message with a link is on its way" in text_of(answer)
        mail = sent(server)
        assert mail["to"] == "claire@example.org"
        assert "Your new password" in mail["subject"]
        link = link_in(mail)
        assert "Your password is set" in set_password(client, link, "quatre-oies-bleues")
        log_in(client, "quatre-oies-bleues")
        assert is_in(client)
        assert "does not work any more" in text_of(visitor().get(link, follow=True))

    def test_an_unknown_address_gets_the_same_answer_and_no_mail(self) -> None:
        person()
        answers = {
            text_of(visitor().post(reverse("people:new-password"), {"email": email}, follow=True))
            for email in ("claire@example.org", "nobody@example.org")
        }
        assert len(answers) == 1
        assert Message.objects.count() == 1

    def test_asking_again_and_again_fills_no_mailbox(self) -> None:
        person()
        for _ in range(5):
            visitor().post(reverse("people:new-password"), {"email": "claire@example.org"})
        assert Message.objects.count() == 1

    def test_the_outbox_holds_no_link(self, server: MailServer) -> None:
        person()
        visitor().post(reverse("people:new-password"), {"email": "claire@example.org"})
        link = link_in(sent(server))
        assert link.split("/")[-2] not in str(Message.objects.values().get())

    @pytest.mark.parametrize("gone", ["deleted", "switched off"])
    def test_an_account_that_is_no_more_gets_none(self, server: MailServer, gone: str) -> None:
        claire = person()
        passwords.invite(claire)
        message = Message.objects.get()
        if gone == "deleted":
            claire.delete()
        else:
            User.objects.update(is_active=False)
        delivery.deliver(message.pk)
        message.refresh_from_db()
        assert message.state == "dropped"
        assert server.taken == []

    def test_nobody_at_the_outbox_reads_it(self, server: MailServer) -> None:
        person("organiser", "boss")
        visitor().post(reverse("people:new-password"), {"email": "boss@example.org"})
        message = Message.objects.get()
        desk = client_of("readonly")
        for _before_and_after in range(2):
            for way in (page_of(message), reverse("admin:mail_message_body", args=[message.pk])):
                assert "/account/password/" not in desk.get(way).content.decode()
            assert "for its reader alone" in seen(desk, message)
            sent(server)

    def test_it_does_not_go_round_the_second_factor(self, server: MailServer) -> None:
        with_factor(person())
        client = visitor()
        client.post(reverse("people:new-password"), {"email": "claire@example.org"})
        set_password(client, link_in(sent(server)), "quatre-oies-bleues")
        assert "The code of your phone" in log_in(client, "quatre-oies-bleues")
        assert not is_in(client)


class TestSecondFactor:
    def test_it_is_set_up_and_asked_for(self) -> None:
        user = person()
        client = visitor()
        log_in(client)
        page = client.get(reverse("people:set-up")).content.decode()
        assert "<svg" in page
        factor = SecondFactor.objects.get()
        shown = client.post(reverse("people:set-up"), {"code": code_of(factor, -1)})
        codes = re.findall(r"<code>(\w{5}-\w{5})</code>", shown.content.decode())
        assert len(codes) == second_factor.RECOVERY_CODES
        assert is_in(client)

        client = visitor()
        assert "The code of your phone" in log_in(client)
        assert not is_in(client)
        page_of_code = reverse("people:second-factor")
        assert "does not open" in text_of(client.post(page_of_code, {"code": "000000"}))
        client.post(page_of_code, {"code": code_of(factor)})
        assert is_in(client)

        client = visitor()
        log_in(client)
        client.post(page_of_code, {"code": code_of(factor)})
        assert not is_in(client), "no code counts twice"
        client.post(page_of_code, {"code": codes[0].upper()})
        assert is_in(client)
        assert "9 recovery codes are left" in text_of(client.get(page_of_code))
        assert second_factor.factor_of(user) is not None

    def test_until_then_one_is_nobody_everywhere(self) -> None:
        with_factor(person())
        client = visitor()
        log_in(client)
        event = make_event()
        for path in ("/admin/", list_of(Registration), list_of(Event), "/admin/password_change/"):
            answer = client.get(path)
            assert answer.status_code == 302
            assert "/account/second-factor/" in answer["Location"]
        for path in ("people:remove", "people:recovery-codes"):
            client.post(reverse(path))
        assert second_factor.factor_of(User.objects.get()) is not None
        assert client.get(reverse("people:set-up")).status_code == 302
        assert client.get(event.get_absolute_url()).status_code == 200

    def test_guessing_codes_is_slowed_down(self) -> None:
        with_factor(person())
        client = visitor()
        log_in(client)
        page = reverse("people:second-factor")
        for _ in range(throttle.FREE_TRIES):
            client.post(page, {"code": "000000"})
        assert "Too many tries" in text_of(client.post(page, {"code": "000000"}))

    def test_giving_the_password_again_gives_no_new_tries_at_the_code(self) -> None:
        with_factor(person())
        client = visitor()
        page = reverse("people:second-factor")
        for _ in range(throttle.FREE_TRIES):
            log_in(client)
            client.post(page, {"code": "000000"})
        assert "Too many tries" in text_of(client.post(page, {"code": "000000"}))

    @pytest.mark.usefixtures("everybody_needs_one")
    def test_where_everybody_needs_one_it_is_set_up_first(self) -> None:
        person()
        client = visitor()
        assert "Here everybody needs one" in log_in(client)
        assert not is_in(client)
        factor = SecondFactor.objects.get()
        client.post(reverse("people:set-up"), {"code": code_of(factor)})
        assert is_in(client)
        assert "Remove" not in text_of(client.get(reverse("people:second-factor")))
        client.post(reverse("people:remove"))
        assert SecondFactor.objects.exists()

    def test_a_page_elsewhere_is_not_where_one_is_sent_to(self) -> None:
        factor, _codes = with_factor(person())
        client = visitor()
        log_in(client)
        said = {"code": code_of(factor), "next": "https://evil.example/"}
        answer = client.post(reverse("people:second-factor"), said)
        assert answer["Location"] == "/admin/"

    def test_an_organiser_removes_it_for_who_lost_the_phone(self) -> None:
        user = person()
        with_factor(user)
        boss = at_the_desk.organiser()
        assert "removed" in done(boss, user, "remove-second-factor")
        client = visitor()
        log_in(client)
        assert is_in(client)
        assert LogEntry.objects.filter(object_id=str(user.pk)).exists()

    def test_the_database_alone_holds_no_secret(self) -> None:
        factor, codes = with_factor(person())
        kept = str(SecondFactor.objects.values().get()) + str(list(factor.recovery_codes.values()))
        assert second_factor.secret(factor) not in kept
        assert all(code.replace("-", "") not in kept for code in codes)


def client_of(role: str) -> Client:
    client = visitor()
    client.force_login(person(role, role))
    return client


class TestRoles:
    def test_an_organiser_invites_somebody_who_sets_a_password(self, server: MailServer) -> None:
        boss = client_of("organiser")
        said = {"username": "paul", "email": "paul@example.org", "role": "secretary"}
        boss.post(reverse("admin:auth_user_add"), said)
        paul = User.objects.get(username="paul")
        assert roles.role_of(paul) is Role.SECRETARY
        assert not paul.has_usable_password()
        mail = sent(server)
        assert mail["to"] == "paul@example.org"
        client = visitor()
        set_password(client, link_in(mail), "quatre-oies-bleues")
        log_in(client, "quatre-oies-bleues", "paul")
        assert is_in(client)
        assert "Secretary" in listed(boss, User)

    def test_who_was_invited_and_missed_the_link_asks_for_another(self, server: MailServer) -> None:
        said = {"username": "paul", "email": "Paul@example.org", "role": "secretary"}
        client_of("organiser").post(reverse("admin:auth_user_add"), said)
        client = visitor()
        for typed in ("paul@EXAMPLE.org", "pau\u217c@example.org", "nobody@example.org"):
            client.post(reverse("people:new-password"), {"email": typed})
        assert Message.objects.count() == 2  # the invitation, and one more link
        set_password(client, link_in(sent(server)), "quatre-oies-bleues")
        log_in(client, "quatre-oies-bleues", "paul")
        assert is_in(client)

    def test_a_secretary_applies_what_stripe_told_once_more(self) -> None:
        event = StripeEvent.objects.create(
            pk="evt_1",
            type="charge.updated",
            created=timezone.now(),
            livemode=False,
            outcome="failed",
            payload='{"id": "evt_1", "type": "charge.updated", "data": {"object": {}}}',
            duration_us=1,
        )
        assert client_of("readonly").post(address(event, "replay")).status_code == 403
        assert client_of("secretary").get(address(event, "replay")).status_code == 200

    def test_a_secretary_looks_after_registrations_and_no_more(self) -> None:
        event = make_event()
        registration = register(event, method="cheque")
        client = client_of("secretary")
        assert "PAID" not in Registration.objects.get().status
        done(client, registration, "mark-paid")
        assert Registration.objects.get().status == "PAID"
        assert client.get(list_of(Event)).status_code == 200
        assert client.get(reverse("admin:events_event_add")).status_code == 403
        assert client.post(address(event, "cancel")).status_code == 403
        assert client.get(list_of(User)).status_code == 403
        assert client.get(list_of(Endpoint)).status_code == 200
        assert client.get(reverse("admin:outgoing_endpoint_add")).status_code == 403
        assert client.get("/admin/api/apikey/").status_code == 403

    def test_who_only_reads_changes_nothing(self) -> None:
        registration = register(make_event(), method="cheque")
        client = client_of("readonly")
        assert client.get(list_of(Registration)).status_code == 200
        assert client.post(address(registration, "mark-paid")).status_code == 403
        assert client.get(list_of(User)).status_code == 403

    def test_an_organiser_does_everything_but_technical_matters(self) -> None:
        client = client_of("organiser")
        for path in ("events_event_add", "outgoing_endpoint_add", "auth_user_add"):
            assert client.get(reverse(f"admin:{path}")).status_code == 200
        assert client.get("/admin/api/apikey/").status_code == 403

    def test_an_organiser_makes_nobody_mightier_than_a_role(self) -> None:
        boss = client_of("organiser")
        owner = User.objects.create_superuser("owner", "owner@example.org", PASSWORD)
        claire = person()
        page = reverse("admin:auth_user_change", args=[claire.pk])
        said = {
            "username": "claire",
            "email": "claire@example.org",
            "role": "readonly",
            "is_active": "on",
            "is_superuser": "on",
            "user_permissions": "1",
            "seen": fingerprint(boss, claire),
        }
        boss.post(page, said)
        claire.refresh_from_db()
        assert not claire.is_superuser
        assert not claire.user_permissions.exists()
        assert roles.role_of(claire) is Role.READONLY
        for deed in ("send-link", "remove-second-factor"):
            assert boss.post(address(owner, deed)).status_code == 403
        change = reverse("admin:auth_user_change", args=[owner.pk])
        assert boss.post(change, said | {"username": "owner"}).status_code == 403

    def test_one_account_for_each_address(self) -> None:
        person()
        boss = client_of("organiser")
        said = {"username": "x", "email": "CLAIRE@example.org", "role": "readonly"}
        page = text_of(boss.post(reverse("admin:auth_user_add"), said))
        assert "Another account has this address" in page

    def test_what_was_put_wrong_is_put_right_at_the_next_migration(self) -> None:
        group = Group.objects.get(name="readonly")
        group.permissions.set(Group.objects.get(name="organiser").permissions.all())
        roles.keep_right()
        names = set(group.permissions.values_list("codename", flat=True))
        assert names
        assert all(name.startswith("view_") for name in names)

    def test_what_the_staff_does_is_on_record(self) -> None:
        registration = register(make_event(), method="cheque")
        done(client_of("secretary"), registration, "mark-paid")
        boss = at_the_desk.organiser()
        page = listed(boss, LogEntry)
        assert registration.pk in page
        assert "secretary" in page

    def test_who_has_done_something_is_switched_off_and_not_deleted(self) -> None:
        boss, nora = client_of("organiser"), person(name="nora")
        clara = client_of("secretary")
        done(clara, register(make_event(), method="cheque"), "mark-paid")
        delete = {one.username: address(one, "delete") for one in User.objects.all()}
        assert boss.post(delete["secretary"], {"post": "yes"}).status_code == 403
        assert boss.post(delete["nora"], {"post": "yes"}).status_code == 302
        assert not User.objects.filter(pk=nora.pk).exists()


@pytest.fixture
def createuser(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    ready: Callable[..., object] = lambda **_: nullcontext()  # noqa: E731
    monkeypatch.setattr(cli, "_ready", ready)
    return lambda *arguments: CliRunner().invoke(cli.main, ["createuser", *arguments])


@pytest.mark.parametrize("role", ["organiser", "secretary", "readonly", None])
def test_createuser_gives_a_role(role: str | None, createuser: Callable[..., Result]) -> None:
    given = ["--role", role] if role else []
    result = createuser("nora", "--password", PASSWORD, *given)
    assert result.exit_code == 0, result.output
    assert "can't be reset by mail" in result.stderr
    nora = User.objects.get(username="nora")
    assert nora.is_superuser is (role is None)
    assert (roles.role_of(nora) or None) == (Role(role) if role else None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["", "--password", PASSWORD], "username: This field cannot be blank"),
        (["n" * 151, "--password", PASSWORD], "username: Ensure this value has at most 150"),
        (["marie", "--password", PASSWORD], "already exists"),
        (["nora", "--email", "no mail", "--password", PASSWORD], "email: Enter a valid email"),
        (["nora", "--email", "Marie@Example.org", "--password", PASSWORD], "another account has"),
        (["nora", "--password", ""], "password"),
        (["nora", "--password", "short"], "too short"),
    ],
)
def test_createuser_refuses_what_the_admin_would(
    arguments: list[str], said: str, createuser: Callable[..., Result]
) -> None:
    User.objects.create_user("marie", "marie@example.org")
    result = createuser(*arguments)
    assert result.exit_code == 1
    assert said in result.stderr
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("language", "said"),
    [("fr", "Un compte vous a été ouvert"), ("en", "An account was made for you")],
)
def test_an_invitation_speaks_the_language_of_who_invites(
    server: MailServer, language: str, said: str
) -> None:
    boss = at_the_desk.organiser(language)
    boss.post(
        reverse("admin:auth_user_add"),
        {"username": "paul", "email": "paul@example.org", "role": "readonly"},
    )
    mail = sent(server)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert said in text.get_content()
    assert said in html.get_content()
    assert link_in(mail) in html.get_content()
