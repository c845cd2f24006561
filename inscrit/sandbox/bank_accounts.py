"""The documented SEPA test accounts: https://docs.stripe.com/payments/sepa-debit/accept-a-payment"""

from dataclasses import dataclass

# "About five business days", counted in plain days here.
USUAL_SETTLEMENT = 5 * 24 * 3600
SOON = 3
AFTER_THREE_MINUTES = 180


@dataclass(frozen=True)
class BankAccount:
    """What a direct debit from this account comes to, and after how many seconds."""

    succeeds: bool = True
    seconds: float = USUAL_SETTLEMENT
    disputed: bool = False


GOOD = BankAccount(seconds=SOON)
GOOD_LATER = BankAccount(seconds=AFTER_THREE_MINUTES)
BAD = BankAccount(succeeds=False, seconds=SOON)
BAD_LATER = BankAccount(succeeds=False, seconds=AFTER_THREE_MINUTES)
DISPUTED = BankAccount(seconds=SOON, disputed=True)

ACCOUNTS = {
    "AT611904300234573201": GOOD,
    "AT321904300235473204": GOOD_LATER,
    "AT861904300235473202": BAD,
    "AT051904300235473205": BAD_LATER,
    "AT591904300235473203": DISPUTED,
    "FR1420041010050500013M02606": GOOD,
    "FR3020041010050500013M02609": GOOD_LATER,
    "FR8420041010050500013M02607": BAD,
    "FR7920041010050500013M02600": BAD_LATER,
    "FR5720041010050500013M02608": DISPUTED,
    "DE89370400440532013000": GOOD,
    "DE62370400440532013001": BAD,
    # The one in the official CLI's trigger for checkout.session.async_payment_failed.
    "IT60X0542811101000000123456": BAD,
}


def behaviour(iban: str) -> BankAccount:
    """An account that is not documented settles as a real one would."""
    return ACCOUNTS.get(iban, BankAccount())


def normal(iban: str) -> str:
    return "".join(iban.split()).upper()


def is_iban(iban: str) -> bool:
    """ISO 13616: the first four characters moved to the end, letters as numbers, modulo 97."""
    if not (15 <= len(iban) <= 34 and iban.isascii() and iban.isalnum()):
        return False
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1
