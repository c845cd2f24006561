"""The API version that this sandbox speaks, and what older ones called things."""

from collections.abc import Mapping

from inscrit.sandbox.forms import Raw

# Pinned by the official Python library 16.1; see https://docs.stripe.com/api/versioning.
API_VERSION = "2026-10-28.endive"

RENAMED = {"payment_method_types": "allowed_payment_method_types"}


def in_todays_words(form: Mapping[str, Raw], version: str | None) -> dict[str, Raw]:
    """The parameters of a call under today's names.

    A call that names no version, or another one, may use older names: the official CLI does.
    """
    if version == API_VERSION:
        return dict(form)
    return {RENAMED.get(name, name): value for name, value in form.items()}
