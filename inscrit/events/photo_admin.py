"""The photo on an event's page for organisers."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from . import photos
from .photos import Photo
from .pictures import MOST_BYTES, Rendition, Unusable, renditions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.files.uploadedfile import UploadedFile
    from django.utils.safestring import SafeString

    from .models import Event

    ModelForm = forms.ModelForm[Photo]
    StackedInline = admin.StackedInline[Photo, Event]
else:
    ModelForm = forms.ModelForm
    StackedInline = admin.StackedInline


class PhotoForm(ModelForm):
    upload = forms.FileField(
        label=_("picture"),
        required=False,
        help_text=_("Choose it or drop it here: JPEG, PNG or WebP, 20 MB at most."),
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )
    field_order = ("upload", "alt_fr", "alt_en")

    class Meta:
        model = Photo
        fields = ("alt_fr", "alt_en")

    def clean_upload(self) -> list[Rendition]:
        """The picture in its sizes; empty where the old one stays."""
        uploaded: UploadedFile[bytes] | None = self.cleaned_data["upload"]
        if uploaded is None:
            if not self.instance.sizes:
                raise forms.ValidationError(_("Please choose a picture."))
            return []
        try:
            return _read(uploaded)
        except Unusable as error:
            raise forms.ValidationError(str(error)) from error

    def save(self, commit: bool = True) -> Photo:  # noqa: FBT001, FBT002 - Django's signature
        sizes = self.cleaned_data["upload"]
        if not (commit and sizes):
            return super().save(commit)
        photos.show(self.instance, sizes)
        return self.instance


def read_ahead(uploads: "Iterable[Any]") -> None:
    """Read pictures before the event is locked, for it takes a second and more."""
    for uploaded in uploads:
        with suppress(Unusable):  # the form says so
            _read(uploaded)


def _read(uploaded: "UploadedFile[bytes]") -> list[Rendition]:
    """Its sizes, made once only. Raises Unusable."""
    known: list[Rendition] | None = getattr(uploaded, "renditions", None)
    if known is None:
        uploaded.seek(0)
        known = renditions(uploaded.read(MOST_BYTES + 1))
        # It goes with the upload.
        uploaded.renditions = known  # type: ignore[attr-defined]
    return known


class PhotoInline(StackedInline):
    model = Photo
    form = PhotoForm
    extra = 1
    max_num = 1
    fields = ("preview", "upload", "alt_fr", "alt_en")
    readonly_fields = ("preview",)
    verbose_name = verbose_name_plural = _("photo")
    classes = ("photo",)

    def get_fields(self, _request: Any, obj: Any = None) -> Any:
        has_one = obj is not None and hasattr(obj, "photo")
        return self.fields if has_one else [name for name in self.fields if name != "preview"]

    @admin.display(description=_("now"))
    def preview(self, photo: Photo) -> "SafeString | str":
        if not photo.sizes:
            return "–"
        return format_html(
            '<img class="preview" src="{}" alt="{}" width="240" height="160">',
            photo.smallest,
            photo.alt,
        )
