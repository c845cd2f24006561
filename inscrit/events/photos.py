"""The photo of an event. It lives in the database, as every replica serves it; the bytes stand in
a table of their own, which lists never read.
"""

from collections.abc import Sequence

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from .pictures import SHAPE, Rendition


class Photo(models.Model):
    """An event's photo: what it shows, in words, and the addresses of its sizes."""

    event = models.OneToOneField(
        "events.Event",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="photo",
        verbose_name=_("event"),
    )
    alt_fr = models.CharField(
        _("what it shows, in French"),
        max_length=200,
        blank=True,
        help_text=_("Read out to those who don’t see it: “Children on a stage”."),
    )
    alt_en = models.CharField(_("what it shows, in English"), max_length=200, blank=True)
    # [[width, digest], …], the smallest first: all that a page needs, without a look at the files.
    sizes = models.JSONField(default=list, editable=False)
    changed_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("photo")
        verbose_name_plural = _("photos")

    def __str__(self) -> str:
        return self.alt

    @property
    def alt(self) -> str:
        """In the language that is spoken, else in the other one; empty: nothing to be read out."""
        french = (get_language() or "fr").startswith("fr")
        return (self.alt_fr or self.alt_en) if french else (self.alt_en or self.alt_fr)

    @property
    def files(self) -> list[tuple[int, str]]:
        """Widths with their addresses, the smallest first."""
        return [(width, f"/photos/{digest}.webp") for width, digest in self.sizes]

    @property
    def srcset(self) -> str:
        return ", ".join(f"{address} {width}w" for width, address in self.files)

    @property
    def largest(self) -> str:
        return self.files[-1][1]

    @property
    def smallest(self) -> str:
        return self.files[0][1]

    @property
    def width(self) -> int:
        return self.files[-1][0]

    @property
    def height(self) -> int:
        return self.width * SHAPE[1] // SHAPE[0]


class PhotoFile(models.Model):
    """One size of a photo, known by what is in it."""

    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="stored")
    digest = models.CharField(max_length=32)
    width = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        # Not on the field: that would make a pattern index as well, which nobody asks.
        indexes = (models.Index(fields=["digest"], name="photo_by_digest"),)
        constraints = (
            models.UniqueConstraint(fields=["photo", "width"], name="photo_has_each_width_once"),
            models.CheckConstraint(
                name="photo_digest_is_one", condition=Q(digest__regex="^[0-9a-f]{32}$")
            ),
        )

    def __str__(self) -> str:
        return self.digest


@transaction.atomic
def show(photo: Photo, renditions: Sequence[Rendition]) -> None:
    """Let the photo be these, in place of what it was."""
    photo.sizes = [[each.width, each.digest] for each in renditions]
    photo.changed_at = timezone.now()
    photo.save()
    photo.stored.all().delete()
    PhotoFile.objects.bulk_create(
        PhotoFile(photo=photo, digest=each.digest, width=each.width, content=each.content)
        for each in renditions
    )


def content_of(digest: str) -> bytes | None:
    """The file of this digest, if a photo still has it."""
    found = PhotoFile.objects.filter(digest=digest).values_list("content", flat=True).first()
    return None if found is None else bytes(found)
