"""The steps of the story, and what has to come out of each."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from . import images
from .http import Client
from .installation import (
    REPLICAS,
    STACK,
    WEBHOOK_SECRET,
    Addresses,
    containers,
    deploy_again,
    healthy_webs,
    inscrit,
    memory,
    metrics,
    query,
    seconds_to_start,
    updating,
)
from .load import CARD, ORDER, Load
from .shell import Failed, chapter, do, eventually, say

WEB = f"{STACK}_web"
AN_OTHER_APPLICATIONS = "❌ Failed to confirm payment for registration"


@dataclass(frozen=True, slots=True)
class Phase:
    """What a spell of load came to."""

    name: str
    requests: int
    acknowledged: int
    refused: int
    lost: int
    delivered: int
    failed: int
    bought: int
    unpaid: int


@dataclass
class Story:
    """One telling of it. ``secret`` is the one that Stripe signs with."""

    addresses: Addresses
    secret: str
    phases: list[Phase] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)
    event_id: str = ""

    @property
    def site(self) -> Client:
        """On a new connection: an old one may have been closed while something else was done."""
        return Client(self.addresses.site)

    @property
    def sandbox(self) -> Client:
        return Client(self.addresses.sandbox)

    def tell(self) -> None:
        """Raises Failed at the first step that does not come out."""
        self._open_an_event()
        self._force_an_update()
        with self._following_the_log() as log:
            self._send_a_test_event(log)
            self._buy(log)
        self.figures["start-up"] = f"{seconds_to_start(containers('web')[0]):.1f} s"
        time.sleep(5)
        self.figures["memory at rest"] = _shown(memory())
        self._kill_under_load()
        self._rotate_under_load()
        self._update_under_load()
        self._fail_to_update_under_load()
        self._audit()

    def _open_an_event(self) -> None:
        chapter("An event is opened")
        key = inscrit("apikey create rehearsal --role organiser")
        starts = datetime.now(UTC) + timedelta(days=30)
        event = {
            "title": "Stage de théâtre",
            "starts_at": starts.isoformat(),
            "ends_at": (starts + timedelta(hours=6)).isoformat(),
            "price": 2500,
            "currency": "eur",
            "capacity": None,
            "status": "published",
        }
        made = self.site.post("/api/v1/events", event, Authorization=f"Bearer {key}")
        self.event_id = made.json()["id"]

    def _force_an_update(self) -> None:
        chapter("docker service update --force")
        before = set(containers("web"))
        do(f"docker service update --force {WEB}", show=2)
        eventually(lambda: len(healthy_webs()) == REPLICAS, "both replicas are healthy again")
        if before & set(containers("web")):
            raise Failed("a replica was not replaced")

    @contextmanager
    def _following_the_log(self) -> Iterator[Path]:
        chapter("The log")
        say(f"$ docker service logs {WEB} -f &")
        with tempfile.NamedTemporaryFile() as file:
            follower = subprocess.Popen(
                ["docker", "service", "logs", WEB, "-f"], stdout=file, stderr=file
            )
            try:
                yield Path(file.name)
            finally:
                follower.terminate()
                follower.wait(20)

    def _send_a_test_event(self, log: Path) -> None:
        say("The sandbox's dashboard sends a test event:")
        sent = self.sandbox.post("/sandbox/test_event", {"type": "checkout.session.completed"})
        event = sent.json()["id"]
        _await_line(log, AN_OTHER_APPLICATIONS, event)
        if query(f"SELECT outcome FROM webhooks_stripeevent WHERE id = '{event}'") != ["unmatched"]:
            raise Failed(f"{event} is not in the inbox as unmatched")

    def _buy(self, log: Path) -> None:
        say("A parent registers and pays:")
        made: dict[str, Any] = self.site.post(
            f"/api/v1/events/{self.event_id}/registrations", ORDER
        ).json()
        session = made["checkout_url"].rsplit("/", 1)[1]
        self.sandbox.post(f"/sandbox/sessions/{session}/pay", CARD)
        eventually(lambda: self._is_paid(made["id"], made["token"]), "the registration is PAID")
        _await_line(log, "🔔 Received Stripe event: checkout.session.completed", "=applied")
        _await_line(log, f"✅ Checkout completed for session: {session}", "")
        _await_line(log, f"✅ Payment confirmed for registration: {made['id']}", "")
        say(f"{made['id']} is PAID.")

    def _is_paid(self, registration: str, token: str) -> bool:
        answer = self.site.get(f"/api/v1/registrations/{registration}?token={token}")
        return answer.ok and answer.json()["status"] == "PAID"

    def _load(self) -> Load:
        return Load(self.addresses.site, self.addresses.sandbox, self.event_id, self.secret)

    def _kill_under_load(self) -> None:
        chapter("A web container is killed under load")
        load = self._load()
        with load.running():
            do(f"docker kill {containers('web')[0]}")
            eventually(lambda: len(healthy_webs()) == REPLICAS, "a new replica is healthy")
            self.figures["memory under load"] = _shown(memory())
        self._settle("kill", load, may_refuse=True)

    def _rotate_under_load(self) -> None:
        chapter("The webhook secret is rotated under load")
        load = self._load()
        with load.running():
            new = self._roll_at_stripe()
            a_web = f"$(docker ps -q -f name={WEB} | head -n 1)"
            old = f"docker exec {a_web} cat /run/secrets/{WEBHOOK_SECRET}"
            do(f'{{ echo "{new}"; {old}; }} | docker secret create {WEBHOOK_SECRET}_2 -', show=0)
            do(_exchange(WEBHOOK_SECRET, f"{WEBHOOK_SECRET}_2"), show=2)
            load.secret = self.secret = new
            time.sleep(2)
            self._show_who_verified()
            do(f'echo "{new}" | docker secret create {WEBHOOK_SECRET}_3 -', show=0)
            do(_exchange(f"{WEBHOOK_SECRET}_2", f"{WEBHOOK_SECRET}_3"), show=2)
            do(f"docker secret rm {WEBHOOK_SECRET} {WEBHOOK_SECRET}_2")
        self._settle("rotation", load)

    def _roll_at_stripe(self) -> str:
        say("Stripe's Dashboard: Roll secret, the old one stays valid for a day.")
        endpoint = self.sandbox.get("/sandbox/state").json()["endpoints"][0]["id"]
        rolled = self.sandbox.post(f"/sandbox/endpoints/{endpoint}/roll", {"seconds": 86400})
        new: str = rolled.json()["secret"]
        return new

    def _show_who_verified(self) -> None:
        for container in containers("web"):
            for name, value in metrics(container).items():
                if name.startswith("inscrit_webhook_verified_total"):
                    say(f"  {container}  {name} {value:.0f}")

    def _update_under_load(self) -> None:
        chapter("An update is rolled out under load")
        load = self._load()
        with load.running():
            deploy_again(
                INSCRIT_IMAGE=images.NEXT_PRODUCT,
                STRIPE_WEBHOOK_SECRET_NAME=f"{WEBHOOK_SECRET}_3",
            )
        self._settle("update", load)
        self._look_how_replicas_ended()

    def _fail_to_update_under_load(self) -> None:
        chapter("An update that does not start is taken back under load")
        load = self._load()
        with load.running():
            image = f"--no-resolve-image --detach --image {images.PARTS}"
            with updating("web", "rollback_completed"):
                do(f"docker service update {image} {WEB}", show=0)
        self._settle("bad update", load)

    def _look_how_replicas_ended(self) -> None:
        """All but the one we killed went by themselves, in time."""
        ended = do(f"docker ps -a -f name={WEB} -f status=exited --format '{{{{.Status}}}}'")
        if ended.count("Exited (137)") > 1:
            raise Failed("a replica did not stop in time and was killed")

    def _settle(self, name: str, load: Load, *, may_refuse: bool = False) -> None:
        """Compare what was acknowledged with what is there. Raises Failed."""
        stored = set(query("SELECT id FROM webhooks_stripeevent WHERE id LIKE 'evt_load_%'"))
        lost = load.acknowledged - stored
        unpaid = self._await_all_paid(load.bought)
        load.count_deliveries()
        phase = Phase(
            name, load.requests, len(load.acknowledged), len(load.refused), len(lost),
            load.delivered, load.failed, len(load.bought), len(unpaid),
        )  # fmt: skip
        self.phases.append(phase)
        say(
            f"{phase.requests} requests, {phase.acknowledged} Stripe events acknowledged,"
            f" {phase.lost} of them lost; {phase.delivered} deliveries of the sandbox's,"
            f" {phase.failed} attempts failed; {phase.bought} purchases, {phase.unpaid} of them not"
            f" PAID; {phase.refused} requests without a good answer."
        )
        for answer in load.refused[:5]:
            say(f"  {answer.status} {answer.body[:120]}")
        if lost or unpaid:
            raise Failed(f"{name}: lost {sorted(lost)[:5]}, not paid {sorted(unpaid)[:5]}")
        if (load.refused or load.failed) and not may_refuse:
            raise Failed(f"{name}: a request or a delivery had no good answer")

    def _await_all_paid(self, bought: dict[str, str]) -> set[str]:
        """The registrations that are not PAID although there was time for it."""
        waiting = set(bought)

        def all_paid() -> bool:
            ids = ", ".join(f"'{one}'" for one in waiting) or "''"
            found = (
                f"SELECT id FROM registrations_registration WHERE status = 'PAID' AND id IN ({ids})"
            )
            waiting.difference_update(query(found))
            return not waiting

        try:
            eventually(all_paid, "every purchase is PAID", 60)
        except Failed:
            return waiting
        return set()

    def _audit(self) -> None:
        chapter("inscrit audit")
        inscrit("audit")


def _exchange(old: str, new: str) -> str:
    added = f"--secret-add source={new},target={WEBHOOK_SECRET}"
    return f"docker service update --secret-rm {old} {added} {WEB}"


def _await_line(log: Path, beginning: str, containing: str) -> None:
    def found() -> str | None:
        lines = log.read_text(encoding="utf-8").splitlines()
        return next((one for one in lines if beginning in one and containing in one), None)

    say(f"  {eventually(found, f'the log says {beginning} {containing}')[:160]}")


def _shown(used: dict[str, str]) -> str:
    return ", ".join(f"{service} {amount}" for service, amount in sorted(used.items()))
