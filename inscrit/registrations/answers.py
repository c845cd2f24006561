"""What registrants answered, and what they agreed to."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from inscrit.events.consents import Consent
from inscrit.events.questions import Question


class Answer(models.Model):
    """``participant`` is None for what is asked once. ``value``: a choice in its first wording."""

    registration = models.ForeignKey(
        "registrations.Registration",
        models.CASCADE,
        related_name="answers",
        db_index=False,  # the index of what is answered once serves
    )
    participant = models.ForeignKey(
        "registrations.Participant", models.CASCADE, related_name="answers", null=True
    )
    question = models.ForeignKey(
        Question, models.PROTECT, related_name="answers", verbose_name=_("question")
    )
    value = models.TextField(_("answer"))

    class Meta:
        verbose_name = _("answer")
        verbose_name_plural = _("answers")
        ordering = ("registration", "participant", "question__position", "question")
        constraints = (
            models.UniqueConstraint(
                fields=["registration", "question", "participant"],
                nulls_distinct=False,
                name="question_is_answered_once",
            ),
            models.CheckConstraint(name="answer_says_something", condition=~Q(value="")),
        )

    def __str__(self) -> str:
        return self.question.said(self.value)


class Agreement(models.Model):
    """Whether a registrant agreed, to which words, and when. The database refuses to change it."""

    registration = models.ForeignKey(
        "registrations.Registration",
        models.CASCADE,
        related_name="agreements",
        db_index=False,  # the index of what is asked once serves
    )
    consent = models.ForeignKey(
        Consent, models.PROTECT, related_name="agreements", verbose_name=_("consent")
    )
    text = models.TextField(_("text"))
    given = models.BooleanField(_("agreed"))
    at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")
        ordering = ("registration", "consent__position", "consent")
        constraints = (
            models.UniqueConstraint(
                fields=["registration", "consent"], name="consent_is_asked_once"
            ),
        )

    def __str__(self) -> str:
        return self.text
