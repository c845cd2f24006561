"""What each role may do in the admin: Django's groups, made and kept right at every migration.

The roles are those of the API's keys. A new model is the organisers' work at once, and everybody on
the staff may look at it; what a secretary may change is named here.
"""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import Group, Permission, User

from inscrit.api.models import Role

# Technical matters, for whoever runs the installation: an account with every right.
TECHNICAL = {"api", "contenttypes", "procrastinate", "sessions"}
# Who the people are, and what they did: the organisers' business alone.
PEOPLE = {"admin", "auth", "people"}
# The daily work of a secretary. Rooms that are not installed are passed over.
SECRETARYS_WORK = {"registrations", "mail", "checkin", "waiting", "doctor", "webhooks"}
NEVER_BY_HAND = {"auth.group", "auth.permission", "admin.logentry"}


def keep_right(**_said: Any) -> None:
    """Make the groups, with just the permissions of their roles."""
    allowed: dict[str, list[Permission]] = {role: [] for role in Role.values}
    for permission in Permission.objects.select_related("content_type"):
        for role in _roles_with(permission):
            allowed[role].append(permission)
    for name, permissions in allowed.items():
        group, _is_new = Group.objects.get_or_create(name=name)
        group.permissions.set(permissions)


def _roles_with(permission: Permission) -> Iterator[Role]:
    room, looks = permission.content_type.app_label, permission.codename.startswith("view_")
    name = f"{room}.{permission.content_type.model}"
    if room in TECHNICAL:
        return
    if name not in NEVER_BY_HAND or (looks and name == "admin.logentry"):
        yield Role.ORGANISER
    if room in PEOPLE:
        return
    if looks or (room in SECRETARYS_WORK and not permission.codename.startswith("delete_")):
        yield Role.SECRETARY
    if looks:
        yield Role.READONLY


def role_of(user: User) -> Role | None:
    """None for an account with every right, or without any."""
    names = set(user.groups.values_list("name", flat=True))
    return next((role for role in Role if role.value in names), None)


def give(user: User, role: Role) -> None:
    """This role, and no other."""
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    user.groups.remove(*Group.objects.filter(name__in=Role.values))
    user.groups.add(Group.objects.get_or_create(name=role.value)[0])
