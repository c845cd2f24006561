"""The pages of a person's own account: a new password, and the second factor."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.views import (
    PasswordResetConfirmView,
    PasswordResetDoneView,
    PasswordResetView,
)
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from inscrit import config

from . import gate, second_factor
from .forms import CodeForm, FirstCodeForm, NewPasswordForm

P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, User, P], HttpResponse]


class AskForLink(PasswordResetView):
    """The answer is the same whether or not there is such an account."""

    form_class = NewPasswordForm
    template_name = "people/new_password.html"
    success_url = reverse_lazy("people:link-sent")


class LinkSent(PasswordResetDoneView):
    template_name = "people/link_sent.html"


@method_decorator(never_cache, name="dispatch")
class SetPassword(PasswordResetConfirmView):
    """By the link of a mail. Logging in comes after it, with the second factor if there is one."""

    template_name = "people/set_password.html"
    success_url = reverse_lazy("admin:login")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, _("Your password is set. Log in with it."))
        return super().form_valid(form)


def logged_in(page: "Page[P]") -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """For whoever has given the password, even if the code is missing still."""

    @wraps(page)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect("admin:login")
        return page(request, request.user, *args, **kwargs)

    return never_cache(guarded)


def verified(page: "Page[P]") -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """For whoever is all the way in."""

    @logged_in
    @wraps(page)
    def guarded(
        request: HttpRequest, user: User, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponse:
        if gate.is_due(request, user):
            return redirect("people:second-factor")
        return page(request, user, *args, **kwargs)

    return guarded


@logged_in
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor_page(request: HttpRequest, user: User) -> HttpResponse:
    """Asks for the code; to whoever is in already it shows how things stand."""
    factor = second_factor.factor_of(user)
    if not gate.is_due(request, user):
        context = {
            "factor": factor,
            "left": factor.recovery_codes.count() if factor else 0,
            "required": config.current().require_second_factor,
        }
        return render(request, "people/second_factor.html", context)
    if factor is None:
        return redirect("people:set-up")
    form = CodeForm(factor, request, data=request.POST or None)
    if form.is_valid():
        gate.open_for(request, user)
        return HttpResponseRedirect(_onward(request))
    return render(request, "people/code.html", {"form": form, "next": _onward(request)})


@logged_in
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest, user: User) -> HttpResponse:
    """Shows the picture for the phone, and takes its first code."""
    if second_factor.factor_of(user) is not None:
        return redirect("people:second-factor")
    factor = second_factor.begin(user)
    form = FirstCodeForm(factor, request, data=request.POST or None)
    if form.is_valid():
        gate.open_for(request, user)
        return _show_codes(request, form.recovery_codes)
    secret = second_factor.secret(factor)
    context = {
        "form": form,
        "picture": mark_safe(second_factor.picture(factor)),  # noqa: S308 - our own drawing
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "address": second_factor.address(factor),
        "required": config.current().require_second_factor,
    }
    return render(request, "people/set_up.html", context)


@verified
@require_POST
def recovery_codes(request: HttpRequest, user: User) -> HttpResponse:
    """Makes other ones."""
    factor = second_factor.factor_of(user)
    if factor is None:
        return redirect("people:set-up")
    return _show_codes(request, second_factor.new_recovery_codes(factor))


@verified
@require_POST
def remove(request: HttpRequest, user: User) -> HttpResponse:
    """The password is enough again, where not everybody needs more."""
    factor = second_factor.factor_of(user)
    if factor is not None and not config.current().require_second_factor:
        factor.delete()
        messages.success(request, _("Your second factor is removed."))
    return redirect("people:second-factor")


def _show_codes(request: HttpRequest, codes: Sequence[str]) -> HttpResponse:
    return render(request, "people/recovery_codes.html", {"codes": codes})


def _onward(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else reverse("admin:index")
