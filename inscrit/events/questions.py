"""What an organiser asks whoever registers."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from inscrit.public_ids import new_question_id

from .wording import worded


class QuestionKind(models.TextChoices):
    TEXT = "text", _("A line of text")
    LONG_TEXT = "long_text", _("Several lines")
    CHOICE = "choice", _("One of several answers")
    YES_NO = "yes_no", _("Yes or no")


class QuestionScope(models.TextChoices):
    REGISTRATION = "registration", _("Once")
    PARTICIPANT = "participant", _("For each participant")


class Question(models.Model):
    """``choices`` are lines; what is stored as an answer is the line, in its first wording."""

    id = models.CharField(primary_key=True, max_length=40, default=new_question_id, editable=False)
    event = models.ForeignKey(
        "events.Event", models.CASCADE, related_name="questions", verbose_name=_("event")
    )
    text = models.CharField(_("question"), max_length=300)
    other_text = models.CharField(
        _("question in the other language"), max_length=300, blank=True, default="", db_default=""
    )
    kind = models.CharField(
        _("kind of answer"), max_length=16, choices=QuestionKind.choices, default=QuestionKind.TEXT
    )
    scope = models.CharField(
        _("asked"), max_length=16, choices=QuestionScope.choices, default=QuestionScope.REGISTRATION
    )
    choices = models.TextField(
        _("answers to choose from"),
        blank=True,
        default="",
        db_default="",
        help_text=_("One a line, for “One of several answers”."),
    )
    other_choices = models.TextField(
        _("these in the other language"),
        blank=True,
        default="",
        db_default="",
        help_text=_("As many lines, in the same order."),
    )
    required = models.BooleanField(_("required"), default=False, db_default=False)
    position = models.PositiveSmallIntegerField(_("order"), default=0, db_default=0)
    active = models.BooleanField(_("asked now"), default=True, db_default=True)

    class Meta:
        verbose_name = _("question")
        verbose_name_plural = _("questions")
        ordering = ("position", "id")
        constraints = (
            models.CheckConstraint(
                name="question_kind_is_known", condition=Q(kind__in=QuestionKind.values)
            ),
            models.CheckConstraint(
                name="question_scope_is_known", condition=Q(scope__in=QuestionScope.values)
            ),
            models.CheckConstraint(
                name="question_choice_has_choices",
                condition=~Q(kind=QuestionKind.CHOICE) | ~Q(choices=""),
                violation_error_message=_("Write the answers to choose from, one a line."),
            ),
        )

    def __str__(self) -> str:
        return self.wording()

    def clean(self) -> None:
        """Raises ValidationError."""
        if self.other_choices and len(self.other_lines) != len(self.lines):
            text = _("Write as many lines in the other language, in the same order.")
            raise ValidationError({"other_choices": text})

    def wording(self, language: str | None = None) -> str:
        return worded(self.text, self.other_text, language)

    @property
    def lines(self) -> list[str]:
        return _lines(self.choices)

    @property
    def other_lines(self) -> list[str]:
        return _lines(self.other_choices)

    @property
    def worded_choices(self) -> list[tuple[str, str]]:
        """What is stored of each choice, and how it is worded for the reader."""
        others = self.other_lines + [""] * len(self.lines)
        return [(one, worded(one, other)) for one, other in zip(self.lines, others, strict=False)]

    def said(self, value: str) -> str:
        """An answer as it is read."""
        if self.kind == QuestionKind.YES_NO:
            return str(_("Yes") if value == "yes" else _("No"))
        if self.kind == QuestionKind.CHOICE:
            return dict(self.worded_choices).get(value, value)
        return value


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
