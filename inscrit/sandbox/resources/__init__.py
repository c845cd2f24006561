"""Stripe's resources, one module each: how they are made, changed and shown.

Importing this package fills the table in :mod:`inscrit.sandbox.operations`.
"""

from inscrit.sandbox.resources import (
    account,
    balance,
    charge,
    checkout_session,
    cli_session,
    customer,
    dispute,
    event,
    payment_intent,
    payment_method,
    payment_page,
    price,
    product,
    refund,
    webhook_endpoint,
)

__all__ = [
    "account",
    "balance",
    "charge",
    "checkout_session",
    "cli_session",
    "customer",
    "dispute",
    "event",
    "payment_intent",
    "payment_method",
    "payment_page",
    "price",
    "product",
    "refund",
    "webhook_endpoint",
]
