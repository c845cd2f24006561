"""The red line on the first page, for whoever may look at the set-up."""

from typing import Any

from django import template
from django.utils.translation import ngettext

from inscrit import config
from inscrit.backoffice import list_of
from inscrit.doctor import examination
from inscrit.doctor.finding import errors
from inscrit.doctor.models import SetUp

register = template.Library()


@register.inclusion_tag("admin/doctor/alarm.html", takes_context=True)
def set_up_alarm(context: dict[str, Any]) -> dict[str, Any]:
    """From the cheap checks only."""
    if not context["request"].user.has_perm("doctor.view_setup"):
        return {}
    wrong = errors(examination.at_a_glance(config.current()))
    text = ngettext(
        "%(n)d thing is wrong with the set-up", "%(n)d things are wrong with the set-up", len(wrong)
    )
    return {"wrong": wrong, "text": text % {"n": len(wrong)}, "address": list_of(SetUp)}
