"""https://docs.stripe.com/api/accounts: only the account that is being simulated."""

from inscrit.sandbox.errors import StripeError
from inscrit.sandbox.operations import Call, operation
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject


@operation("GET", "/v1/account", "AccountRetrieveCurrentParams")
def retrieve_own(call: Call) -> StripeObject:
    return own_account(call.sim)


@operation("GET", "/v1/accounts/{account}", "AccountRetrieveParams")
def retrieve(call: Call) -> StripeObject:
    if call.id != call.sim.account:
        raise StripeError(
            f"The provided key does not have access to account '{call.id}' (or that account does "
            "not exist). Application access may have been revoked.",
            status=403,
            code="account_invalid",
        )
    return own_account(call.sim)


def own_account(sim: Simulator) -> StripeObject:
    return {
        "id": sim.account,
        "object": "account",
        "business_profile": business_profile(),
        "business_type": "non_profit",
        "capabilities": {"card_payments": "active", "sepa_debit_payments": "active"},
        "charges_enabled": True,
        "country": "FR",
        "created": 1_700_000_000,
        "default_currency": "eur",
        "details_submitted": True,
        "email": "sandbox@example.com",
        "metadata": {},
        "payouts_enabled": True,
        "settings": settings(),
        "type": "standard",
    }


def business_profile() -> StripeObject:
    return {
        "annual_revenue": None,
        "estimated_worker_count": None,
        "mcc": "8299",
        "name": "Simulated account",
        "product_description": None,
        "support_address": None,
        "support_email": None,
        "support_phone": None,
        "support_url": None,
        "url": None,
    }


def settings() -> StripeObject:
    return {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": "Simulated account", "timezone": "Etc/UTC"},
        "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
        "payments": {
            "statement_descriptor": "SIMULATED",
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 7, "interval": "daily"},
            "statement_descriptor": None,
        },
        "sepa_debit_payments": {},
    }
