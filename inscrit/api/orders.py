"""What an event has against an order, whether places are taken or waited for."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils import translation

from inscrit.events.models import Event
from inscrit.registrations.services import SalesClosed, Unacceptable

from . import problems
from .problems import Problem


@contextmanager
def objections() -> Iterator[None]:
    """Raises them as Problem, in English as all our errors are."""
    try:
        with translation.override("en"):
            yield
    except Event.DoesNotExist:
        raise problems.not_found("event") from None
    except SalesClosed:
        raise Problem(409, "sales_closed", "This event takes no registrations now.") from None
    except Unacceptable as error:
        raise problems.unacceptable(error) from None
