"""Stripe's errors: https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes."""

from collections.abc import Sequence
from typing import Any

DOCS = "https://docs.stripe.com/error-codes"


class StripeError(Exception):
    """An answer other than 200. The call that led to it leaves nothing behind."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.details = {name: value for name, value in details.items() if value is not None}
        self.headers: dict[str, str] = {}

    def body(self) -> dict[str, Any]:
        error = {**self.details, "message": str(self), "type": self.kind}
        if code := self.details.get("code"):
            error["doc_url"] = f"{DOCS}/{code.replace('_', '-')}"
        return {"error": dict(sorted(error.items()))}


class CardError(StripeError):
    """The bank said no (402). Unlike other errors it keeps what happened: a failed charge."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message, status=402, kind="card_error", **details)


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    return StripeError(message, param=param, code=code)


def missing_parameter(param: str) -> StripeError:
    return invalid(f"Missing required param: {param}.", param, "parameter_missing")


def unknown_parameters(params: Sequence[str]) -> StripeError:
    plural = "s" if len(params) > 1 else ""
    return invalid(
        f"Received unknown parameter{plural}: {', '.join(params)}", params[0], "parameter_unknown"
    )


def empty_parameter(param: str) -> StripeError:
    return invalid(
        f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset "
        f"a parameter; however '{param}' cannot be unset. You should remove '{param}' from your "
        "request or supply a non-empty value.",
        param,
        "parameter_invalid_empty",
    )


def no_such(kind: str, identifier: str, param: str = "id") -> StripeError:
    return StripeError(
        f"No such {kind}: '{identifier}'", status=404, param=param, code="resource_missing"
    )


def unknown_url(method: str, path: str) -> StripeError:
    return StripeError(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we "
        "can help at https://support.stripe.com/.",
        status=404,
    )


def no_key() -> StripeError:
    return StripeError(
        "You did not provide an API key. You need to provide your API key in the Authorization "
        "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
        "https://stripe.com/docs/api#authentication for details, or we can help at "
        "https://support.stripe.com/.",
        status=401,
    )


def bad_key(key: str) -> StripeError:
    return StripeError(f"Invalid API Key provided: {key[:7]}{'*' * 8}{key[-4:]}", status=401)


def publishable_key() -> StripeError:
    return StripeError(
        "This API call cannot be made with a publishable API key. Please use a secret API key. "
        "You can find a list of your API keys at https://dashboard.stripe.com/account/apikeys.",
        status=401,
        code="secret_key_required",
    )


def rate_limited(reason: str) -> StripeError:
    """https://docs.stripe.com/rate-limits; ``reason`` is ``global-rate`` or ``endpoint-rate``."""
    error = StripeError(
        "Request rate limit exceeded. Learn more about rate limits here "
        "https://docs.stripe.com/rate-limits.",
        status=429,
        code="rate_limit",
    )
    error.headers["Stripe-Rate-Limited-Reason"] = reason
    return error


def server_error(status: int) -> StripeError:
    """A failure that somebody asked for."""
    return StripeError(
        "Sorry! There was an error while talking to one of our backends. The sandbox was told to "
        "answer so.",
        status=status,
        kind="api_error",
    )


def own_failure() -> StripeError:
    return StripeError(
        "The sandbox itself has failed. This is a mistake in the sandbox; its log says more.",
        status=500,
        kind="api_error",
    )


def key_reused(key: str, *, path: str | None = None) -> StripeError:
    """https://docs.stripe.com/api/idempotent_requests"""
    same = f"endpoint they were first used for ('{path}')" if path else "parameters they were"
    used = "Keys for idempotent requests can only be used "
    used += f"for the same {same}." if path else f"with the same {same} first used with."
    return StripeError(
        f"{used} Try using a key other than '{key}' if you meant to execute a different request.",
        kind="idempotency_error",
    )


def key_in_use(key: str) -> StripeError:
    return StripeError(
        "There is currently another in-progress request using this Idempotent Key (that probably "
        "means you submitted twice, and the other request is still going through): "
        f"{key}. Please try again later.",
        status=409,
        kind="idempotency_error",
        code="idempotency_key_in_use",
    )
