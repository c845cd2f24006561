"""Where a payment stands in Stripe's Dashboard, or in the sandbox's."""

from inscrit import config

from .models import Payment


def address(payment: Payment) -> str:
    """A payment's page at Stripe, with its refunds and disputes."""
    settings = config.current()
    if settings.stripe_api_base is not None:
        return f"{settings.stripe_api_base}/dashboard"
    mode = "" if settings.livemode else "test/"
    return f"https://dashboard.stripe.com/{mode}payments/{payment.key}"
