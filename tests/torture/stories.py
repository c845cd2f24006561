"""What buyers do. Each story is told to its end, however often its parts have to be repeated."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.acceptance.installation import session_of

from .buyers import DECLINED_CARD, Buyer

Story = Callable[[Buyer], Awaitable[None]]

# https://docs.stripe.com/payments/sepa-debit/accept-a-payment: after seconds, and after minutes.
GOOD_DEBITS = ("AT611904300234573201", "AT321904300235473204")
BAD_DEBITS = ("AT861904300235473202", "AT051904300235473205")


async def pays_by_card(buyer: Buyer) -> None:
    made = await buyer.register()
    await buyer.pause(3)
    await buyer.pay_by_card(made)
    await buyer.look(made)


async def abandons(buyer: Buyer) -> None:
    """The session is left to itself, or expires soon."""
    made = await buyer.register()
    await buyer.pause(6)
    if buyer.dice.random() < 0.7:
        await buyer.control(f"/sessions/{session_of(made)}/expire")


async def is_declined_then_pays(buyer: Buyer) -> None:
    made = await buyer.register()
    await buyer.pay_by_card(made, DECLINED_CARD)
    await buyer.pause(3)
    await buyer.pay_by_card(made)


async def pays_by_good_debit(buyer: Buyer) -> None:
    made = await buyer.register()
    await buyer.pay_by_debit(made, buyer.dice.choice(GOOD_DEBITS))


async def pays_by_bad_debit(buyer: Buyer) -> None:
    made = await buyer.register()
    await buyer.pay_by_debit(made, buyer.dice.choice(BAD_DEBITS))


async def pays_late(buyer: Buyer) -> None:
    """The hold is gone when the money comes."""
    made = await buyer.register()
    await buyer.tell_expired(made)
    await buyer.pause(5)
    await buyer.pay_by_card(made)


async def pays_late_by_debit(buyer: Buyer) -> None:
    made = await buyer.register()
    await buyer.tell_expired(made)
    await buyer.pause(2)
    await buyer.pay_by_debit(made, buyer.dice.choice(GOOD_DEBITS + BAD_DEBITS))


async def is_refunded_in_the_dashboard(buyer: Buyer) -> None:
    """All of it, or some of it, once or twice, before or after we know of the payment."""
    made = await buyer.register()
    if not await buyer.pay_by_card(made):
        return
    await buyer.pause(4)
    charge = await buyer.charge_of(made)
    shares = buyer.dice.choice(((1.0,), (0.5,), (0.3, 0.3), (0.4, 0.6)))
    for share in shares:
        await buyer.control(f"/charges/{charge}/refund", amount=int(made["amount"] * share))
        await buyer.pause(1)


async def cancels_while_paying(buyer: Buyer) -> None:
    made = await buyer.register()
    await asyncio.gather(buyer.pay_by_card(made), _after_a_moment(buyer, buyer.cancel(made)))


async def cancels_before_paying(buyer: Buyer) -> None:
    made = await buyer.register()
    await buyer.pause(3)
    await buyer.cancel(made)
    await buyer.pay_by_card(made)


async def comes_back_with_the_webhook(buyer: Buyer) -> None:
    """The return page is asked for, again and again, while Stripe tells us by itself."""
    made = await buyer.register()
    returns = (_after_a_moment(buyer, buyer.come_back(made)) for _ in range(3))
    await asyncio.gather(buyer.pay_by_card(made), *returns)


async def loses_the_answer(buyer: Buyer) -> None:
    """The same order with the same key until there is an answer; it is one registration."""
    for _ in range(buyer.dice.randint(1, 3)):
        await buyer.hang_up_on_an_order()
    made = await buyer.register()
    await buyer.pay_by_card(made)


async def never_comes_back(buyer: Buyer) -> None:
    """The order is sent, and nobody waits for the answer."""
    await buyer.hang_up_on_an_order()


async def _after_a_moment(buyer: Buyer, then: Awaitable[None]) -> None:
    await buyer.pause(0.5)
    await then


# How many of a hundred buyers do what.
STORIES: dict[Story, int] = {
    pays_by_card: 19,
    abandons: 12,
    is_declined_then_pays: 7,
    pays_by_good_debit: 8,
    pays_by_bad_debit: 7,
    pays_late: 10,
    pays_late_by_debit: 4,
    is_refunded_in_the_dashboard: 8,
    cancels_while_paying: 6,
    cancels_before_paying: 4,
    comes_back_with_the_webhook: 6,
    loses_the_answer: 6,
    never_comes_back: 3,
}
