"""``inscrit stripe setup``: the endpoint at Stripe, and its secret into the right hands.

The secret is all that goes to standard output, and never into a command's arguments.
"""

import asyncio
import subprocess
import sys
from shutil import which

from inscrit.payments.stripe_gateway import StripeRefused, StripeUnavailable

from . import endpoints
from .endpoints import Deed, Done, NoAddress, Plan


class NotSetUp(Exception):
    """It could not be done; the message says why and what to do."""


def run(url: str, docker_secret: str | None, *, retire: bool, dry_run: bool) -> None:
    """Look, say what is to be done, do it, hand over the secret. Raises NotSetUp."""
    try:
        asyncio.run(_run(endpoints.address(url), docker_secret, retire=retire, dry_run=dry_run))
    except NoAddress as error:
        raise NotSetUp(str(error)) from None
    except StripeRefused as refusal:
        raise NotSetUp(_why(refusal)) from None
    except StripeUnavailable as error:
        raise NotSetUp(f"Stripe can't be reached ({error}). Nothing more was done.") from None


def _why(refusal: StripeRefused) -> str:
    if refusal.code == "api_key_missing":
        return f"{refusal}: the endpoint is made with it."
    return f"Stripe refused: {refusal}. A restricted key has to be able to write Webhook Endpoints."


async def _run(address: str, docker_secret: str | None, *, retire: bool, dry_run: bool) -> None:
    plan = await endpoints.look(address, retire=retire)
    _tell_plan(plan, dry_run=dry_run)
    if dry_run:
        return
    makes_one = any(step.deed is Deed.CREATE for step in plan.steps)
    if docker_secret and makes_one:
        _require_docker(docker_secret)  # before there is a secret that could be lost
    done = await endpoints.carry_out(plan)
    if done.secret is None:
        _say(
            "The signing secret stays what it is. STRIPE_WEBHOOK_SECRET lacks it? Then copy it from"
            " the endpoint's page in Stripe's Dashboard."
        )
        return
    _hand_over(done.secret, docker_secret)
    _tell_of_change_over(done, docker_secret)


def _tell_plan(plan: Plan, *, dry_run: bool) -> None:
    if not plan.steps and plan.keep:
        _say(f"{plan.keep.id} delivers to {plan.address} as it should: nothing to do.")
    verb = "would " if dry_run else ""
    for step in plan.steps:
        _say(f"{verb}{step.as_text()}")
    if plan.keep:
        for other in plan.others:
            _say(
                f"{other.id} has the same address and delivers too, with a secret of its own. Keep"
                " both secrets in STRIPE_WEBHOOK_SECRET until this has been run with --retire."
            )


def _tell_of_change_over(done: Done, docker_secret: str | None) -> None:
    if not done.plan.others and docker_secret:
        _say(f"Put STRIPE_WEBHOOK_SECRET_NAME={docker_secret} into inscrit.env, and deploy.")
        return
    if not done.plan.others:
        _say("Set it as STRIPE_WEBHOOK_SECRET and start inscrit serve again.")
        return
    old = ", ".join(f"{one.id} ({one.api_version or 'no version'})" for one in done.plan.others)
    _say(
        f"Change over: {old} still delivers; an endpoint's API version can't be changed. Put the"
        " new secret beside the old one into STRIPE_WEBHOOK_SECRET, start inscrit serve again,"
        " then run this again with --retire, and take the old secret out."
    )


def _require_docker(name: str) -> None:
    if which("docker") is None:
        raise NotSetUp("there is no docker command here; nothing was done.")
    if _docker("info", "--format", "{{.Swarm.LocalNodeState}}").stdout.strip() != "active":
        raise NotSetUp("no Docker answers here that is a node of a swarm; nothing was done.")
    if _docker("secret", "inspect", name).returncode == 0:
        raise NotSetUp(
            f"there is a Docker secret {name} already, and none can be changed. Nothing was done."
            f" Choose another name: --docker-secret {name}_2"
        )


def _hand_over(secret: str, docker_secret: str | None) -> None:
    if docker_secret is None:
        sys.stdout.write(f"{secret}\n")
        sys.stdout.flush()
        return
    done = _docker("secret", "create", docker_secret, "-", given=secret)
    if done.returncode == 0:
        _say(f"The signing secret is in the Docker secret {docker_secret}.")
        return
    # It must not be lost: Stripe never tells it again.
    sys.stdout.write(f"{secret}\n")
    why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    raise NotSetUp(f"docker made no secret ({why}). The signing secret stands above: keep it.")


def _docker(*arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["docker", *arguments],  # noqa: S607 - the operator's own
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
