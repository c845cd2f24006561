"""``/stripe-events``: what Stripe told us, and what became of it."""
# ruff: noqa: ARG001 - every operation is given the request

from typing import Annotated

from ninja import Query, Router
from pydantic import BaseModel, Field

from inscrit.webhooks import services
from inscrit.webhooks.models import EventOutcome, StripeEvent

from . import problems
from .access import WHO_HANDLES_REGISTRATIONS, Request, staff
from .paging import PageQuery, page
from .schemas import (
    ReplayOut,
    StripeEventInFull,
    StripeEventOut,
    StripeEventPage,
    refusals,
)
from .values import Word

router = Router(tags=["stripe events"], auth=staff)


class InboxQuery(PageQuery):
    """Which events; each condition that is given must hold."""

    type: Annotated[
        Word | None, Field(json_schema_extra={"example": "checkout.session.completed"})
    ] = None
    outcome: EventOutcome | None = None
    registration: Annotated[Word | None, Field(description="A registration's id.")] = None


class ReplayQuery(BaseModel):
    dry_run: Annotated[bool, Field(description="Say what would come of it, change nothing.")] = (
        False
    )


@router.get(
    "",
    response={200: StripeEventPage, **refusals(401, 403, 422)},
)
def list_stripe_events(request: Request, query: Query[InboxQuery]) -> StripeEventPage:
    """The webhook inbox, the newest event first."""
    wanted = {
        "type": query.type,
        "outcome": query.outcome,
        "registration_id": query.registration,
    }
    shown = StripeEvent.objects.filter(**{k: v for k, v in wanted.items() if v is not None})
    found = page(shown.defer("payload"), "-received_at", query)
    return StripeEventPage(items=[StripeEventOut.of(one) for one in found.items], next=found.next)


@router.get(
    "/{slug:stripe_event_id}",
    response={200: StripeEventInFull, **refusals(401, 403, 404)},
)
def get_stripe_event(request: Request, stripe_event_id: str) -> StripeEventInFull:
    """One event with its payload as Stripe sent it."""
    try:
        return StripeEventInFull.of(StripeEvent.objects.get(pk=stripe_event_id))
    except StripeEvent.DoesNotExist:
        raise problems.not_found("Stripe event") from None


@router.post(
    "/{slug:stripe_event_id}/replay",
    response={200: ReplayOut, **refusals(401, 403, 404, 422)},
)
def replay_stripe_event(
    request: Request,
    stripe_event_id: str,
    query: Query[ReplayQuery],
) -> ReplayOut:
    """Apply a stored event again, as if it came now. Read-only keys may do so with `dry_run`."""
    if not query.dry_run:
        request.auth.must_be_one_of(WHO_HANDLES_REGISTRATIONS)
    try:
        result = services.replay(stripe_event_id, dry_run=query.dry_run, actor=request.auth.actor)
    except StripeEvent.DoesNotExist:
        raise problems.not_found("Stripe event") from None
    return ReplayOut(
        id=stripe_event_id,
        outcome=result.outcome,
        reason=result.reason,
        changes=result.changes,
        dry_run=query.dry_run,
    )
