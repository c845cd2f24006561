"""Is an object what the official library declares it to be? Read from the library's own classes."""

import builtins
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib import import_module
from types import SimpleNamespace, UnionType
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin, get_type_hints

import stripe
from stripe._expandable_field import ExpandableField
from stripe._object_classes import OBJECT_CLASSES, get_object_class
from stripe._stripe_object import UntypedStripeObject

# Fields that are only there when asked for, or when they apply, although they are declared.
ABSENT = {
    "account": {
        "company",
        "controller",
        "external_accounts",
        "future_requirements",
        "groups",
        "individual",
        "requirements",
        "tos_acceptance",
        "deleted",
    },
    "balance": {"connect_reserved", "instant_available", "issuing"},
    "charge": {"authorization_code", "level3", "presentment_details", "refunds", "transfer"},
    "checkout.session": {
        "line_items",
        "name_collection",
        "optional_items",
        "presentment_details",
        "redirect_on_completion",
        "return_url",
        "tax_id_collection",
    },
    "customer": {
        "business_name",
        "cash_balance",
        "deleted",
        "individual_name",
        "invoice_credit_balance",
        "sources",
        "subscriptions",
        "tax",
        "tax_ids",
    },
    "dispute": {"intended_submission_method", "network_reason_code"},
    "event": {"account", "context", "reason"},
    "item": {"discounts", "taxes"},
    "payment_intent": {
        "hooks",
        "managed_payments",
        "payment_details",
        "payment_record",
        "presentment_details",
        "secret_key_confirmation",
    },
    "price": {"currency_options", "deleted", "tiers"},
    "product": {"deleted", "provisioning", "tax_details"},
    "refund": {
        "description",
        "failure_balance_transaction",
        "failure_reason",
        "instructions_email",
        "next_action",
        "presentment_details",
    },
    "webhook_endpoint": {"deleted", "secret"},
}


@cache
def names() -> dict[str, Any]:
    """Whatever an annotation of the library may refer to."""
    known: dict[str, Any] = {"StripeObject": stripe.StripeObject}
    for kind, (_, name) in OBJECT_CLASSES.items():
        known.setdefault(name, get_object_class("V1", kind))
    return known | {"ExpandableField": ExpandableField, "UntypedStripeObject": UntypedStripeObject}


def fields_of(declared: Any) -> dict[str, Any]:
    """The fields of a resource, or of an object inside one, with their types."""
    return read_fields(declared)


@cache
def read_fields(declared: Any) -> dict[str, Any]:
    own = {
        name: hint
        for name, hint in vars(declared).get("__annotations__", {}).items()
        if not name.startswith("_") and name != "OBJECT_NAME"
    }
    module = vars(builtins) | vars(typing) | vars(import_module(declared.__module__))
    inner = {name: value for name, value in vars(declared).items() if isinstance(value, type)}
    anything = Anything(names() | module | inner)
    return get_type_hints(SimpleNamespace(__annotations__=own), {}, anything)


class Anything(dict[str, Any]):
    """Names of resources that the sandbox does not have stand for any object."""

    def __missing__(self, name: str) -> Any:
        return Any


@dataclass
class Report:
    """What was compared and what did not agree."""

    resources: set[str] = field(default_factory=set)
    fields: int = 0
    faults: list[str] = field(default_factory=list)

    def wrong(self, path: str, why: str) -> None:
        self.faults.append(f"{path}: {why}")


def class_of(kind: str) -> Any:
    return get_object_class("V1", kind)


def check_object(item: Mapping[str, Any], report: Report, path: str = "") -> None:
    """Check one of Stripe's objects, with every field and everything inside."""
    kind = item["object"]
    declared = class_of(kind)
    here = path or kind
    report.resources.add(kind)
    check_fields(item, declared, report, here)
    missing = set(fields_of(declared)) - set(item) - ABSENT.get(kind, set()) - optional(kind)
    for name in sorted(missing):
        report.wrong(here, f"lacks {name}")


def optional(kind: str) -> set[str]:
    """A payment method has one field for its own type, and none for the ninety others."""
    if kind != "payment_method":
        return set()
    return set(fields_of(stripe.PaymentMethod)) - {
        "allow_redisplay",
        "billing_details",
        "created",
        "customer",
        "customer_account",
        "id",
        "livemode",
        "metadata",
        "object",
        "type",
    }


def check_fields(item: Mapping[str, Any], declared: type, report: Report, path: str) -> None:
    fields = fields_of(declared)
    for name, hint in fields.items():
        if name not in item and type(None) not in get_args(hint) and "object" not in item:
            report.wrong(path, f"lacks {name}, which is never null")
    for name, value in item.items():
        if name not in fields:
            report.wrong(path, f"has {name}, which is not declared")
            continue
        report.fields += 1
        for why in differences(value, fields[name], report, f"{path}.{name}"):
            report.wrong(f"{path}.{name}", why)


def differences(value: Any, hint: Any, report: Report, path: str) -> Iterator[str]:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any or isinstance(hint, ForwardRef):
        return
    if origin is ExpandableField:
        if not isinstance(value, str):
            yield from differences(value, arguments[0], report, path)
    elif origin in (Union, UnionType):
        yield from of_union(value, arguments, report, path)
    elif origin is Literal:
        if value not in arguments:
            yield f"{value!r} is none of the declared choices"
    elif origin is not None:
        yield from of_container(value, hint, report, path)
    elif isinstance(hint, type) and issubclass(hint, stripe.StripeObject):
        yield from of_object(value, hint, report, path)
    elif not fits(value, hint):
        yield f"{value!r} is no {hint}"


def of_union(value: Any, members: tuple[Any, ...], report: Report, path: str) -> Iterator[str]:
    """Open choices are declared with ``str`` beside them; the named choices are what counts."""
    if value is None:
        if type(None) not in members:
            yield "is null, which is not declared"
        return
    literals = [member for member in members if get_origin(member) is Literal]
    plain = [member for member in members if member is not type(None)]
    for member in literals or plain:
        trial = Report()
        found = list(differences(value, member, trial, path)) + trial.faults
        if not found:
            report.fields += trial.fields
            return
    yield from found


def of_container(value: Any, hint: Any, report: Report, path: str) -> Iterator[str]:
    if get_origin(hint) in (dict, UntypedStripeObject):
        yield from of_map(value, get_args(hint)[-1], report, path)
    else:
        yield from of_list(value, hint, report, path)


def of_list(value: Any, hint: Any, report: Report, path: str) -> Iterator[str]:
    if get_origin(hint) is stripe.ListObject:
        if set(value) != {"object", "data", "has_more", "url"}:
            yield "is no list object"
        value = value["data"]
    if not isinstance(value, list):
        yield f"{value!r} is no list"
        return
    for place, each in enumerate(value):
        yield from differences(each, get_args(hint)[0], report, f"{path}[{place}]")


def of_map(value: Any, hint: Any, report: Report, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{value!r} is no mapping"
        return
    for each in value.values():
        yield from differences(each, hint, report, path)


def of_object(value: Any, hint: type, report: Report, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{value!r} is no object"
    elif "object" in value and "id" in value:
        check_object(value, report, path)
    else:
        check_fields(value, hint, report, path)


def fits(value: Any, hint: Any) -> bool:
    if hint is bool:
        return isinstance(value, bool)
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    if hint is Decimal:
        return isinstance(value, str)
    return hint is not str or isinstance(value, str)
