"""The organisers' pages for people: who may come in, as what, and who did."""
# ruff: noqa: ARG002, FBT001 - Django's signatures

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from inscrit.api.models import Role
from inscrit.backoffice import ModelAdmin, Unchangeable
from inscrit.backoffice.deeds import Deed, Prospect
from inscrit.backoffice.pages import Page

from . import passwords, roles, second_factor
from .forms import LoginForm
from .models import LoginAttempt

if TYPE_CHECKING:
    from django.http import QueryDict

    UserModelForm = forms.ModelForm[User]
else:
    UserModelForm = forms.ModelForm

admin.site.login_form = LoginForm
admin.site.login_template = "people/login.html"
admin.site.logout_template = "people/logged_out.html"
# Roles take the place of groups and single permissions.
admin.site.unregister(Group)
admin.site.unregister(User)


class PersonForm(UserModelForm):
    """A person has one role; only whoever runs the installation has every right."""

    email = forms.EmailField(label=_("E-mail"))
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "email", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.is_superuser:
            self.fields.pop("role", None)
        elif not self.instance._state.adding and (role := roles.role_of(self.instance)):
            self.initial["role"] = role.value

    def clean_email(self) -> str:
        """The link for a new password goes there: one account for each address."""
        email: str = self.cleaned_data["email"]
        same = User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk)
        if same.exists():
            raise forms.ValidationError(gettext("Another account has this address."))
        return email


class SendLink(Deed[User]):
    name = "send-link"
    label = _("Send a link to set the password")
    asks = False

    def is_offered(self, one: User) -> bool:
        return one.is_active and bool(one.email)

    def act(self, request: HttpRequest, one: User, form: forms.Form | None) -> Sequence[str]:
        passwords.invite(one)
        return [_on_its_way(one)]


class RemoveSecondFactor(Deed[User]):
    """Where phone and recovery codes are lost."""

    name = "remove-second-factor"
    label = _("Remove the second factor")
    question = _("Remove this person’s second factor?")
    severe = True

    def is_offered(self, one: User) -> bool:
        return second_factor.factor_of(one) is not None

    def prospect(self, one: User, data: "QueryDict | None" = None) -> Prospect:
        told = gettext(
            "The password alone opens the account again. Make sure that it is really this person"
            " who asks for it."
        )
        return Prospect([told])

    def act(self, request: HttpRequest, one: User, form: forms.Form | None) -> Sequence[str]:
        factor = second_factor.factor_of(one)
        if factor is not None:
            factor.delete()
        return [gettext("The second factor is removed.")]


@admin.register(User)
class PersonAdmin(Page[User]):
    form = PersonForm
    list_display = ("username", "full_name", "email", "role", "has_second_factor", "is_active")
    list_filter = ("is_active", "groups")
    search_fields = ("username", "first_name", "last_name", "email")
    ordering = ("username",)
    readonly_fields = ("last_login", "date_joined")
    deeds: ClassVar[list[Deed[Any]]] = [SendLink(), RemoveSecondFactor()]
    view_on_site = False

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        who = ("username", "first_name", "last_name", "email")
        if obj is None:
            invited = _("An invitation goes to this address, with a link to set a password.")
            return ((None, {"fields": (*who, "role"), "description": invited}),)
        rights = ("is_active",) if obj.is_superuser else ("role", "is_active")
        return ((None, {"fields": (*who, *rights, "last_login", "date_joined")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _within(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Who has done something stands in the log for good: their account is switched off."""
        if obj is not None and (obj.pk == request.user.pk or _has_acted(obj)):
            return False
        return super().has_delete_permission(request, obj) and _within(request, obj)

    def save_model(
        self, request: HttpRequest, obj: User, form: "forms.ModelForm[User]", change: bool
    ) -> None:
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if role := form.cleaned_data.get("role"):
            roles.give(obj, Role(role))
        if not change:
            passwords.invite(obj)
            self.message_user(request, _on_its_way(obj))

    @admin.display(description=_("name"))
    def full_name(self, user: User) -> str:
        return user.get_full_name() or "–"

    @admin.display(description=_("role"))
    def role(self, user: User) -> str:
        if user.is_superuser:
            return gettext("Every right")
        names = {group.name for group in user.groups.all()}
        return next((str(role.label) for role in Role if role.value in names), "–")

    @admin.display(description=_("second factor"), boolean=True)
    def has_second_factor(self, user: User) -> bool:
        return second_factor.factor_of(user) is not None


def _on_its_way(user: User) -> str:
    return gettext("The link is on its way to %(email)s.") % {"email": user.email}


def _has_acted(user: User) -> bool:
    return LogEntry.objects.filter(user=user).exists()


def _within(request: HttpRequest, user: User | None) -> bool:
    """An account with every right is changed only by one that has them."""
    return user is None or not user.is_superuser or request.user.is_superuser


@admin.register(LoginAttempt)
class LoginAttemptAdmin(Unchangeable, ModelAdmin[LoginAttempt]):
    list_display = ("at", "who", "step", "succeeded", "address")
    list_filter = ("succeeded", "step", "at")
    search_fields = ("account", "address")
    date_hierarchy = "at"
    fields = ("at", "who", "step", "succeeded", "address")

    @admin.display(description=_("account"), ordering="account")
    def who(self, attempt: LoginAttempt) -> str:
        return gettext("no account") if attempt.account.startswith("?") else attempt.account


@admin.register(LogEntry)
class LogEntryAdmin(Unchangeable, ModelAdmin[LogEntry]):
    """What the staff changed in the admin, and which deeds they did there."""

    list_display = ("action_time", "user", "what", "content_type", "object_repr", "told")
    list_filter = ("action_flag", ("user", admin.RelatedOnlyFieldListFilter), "action_time")
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "object_id", "change_message")
    date_hierarchy = "action_time"
    fields = ("action_time", "user", "what", "content_type", "object_repr", "told")

    @admin.display(description=pgettext_lazy("log", "what"), ordering="action_flag")
    def what(self, entry: LogEntry) -> str:
        return str(entry.get_action_flag_display())

    @admin.display(description=_("details"))
    def told(self, entry: LogEntry) -> str:
        return entry.get_change_message() or "–"
