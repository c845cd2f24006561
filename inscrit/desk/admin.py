"""What the desk adds to the organisers' pages. It has no tables of its own."""

from django.contrib import admin

from inscrit.events.admin import EventAdmin
from inscrit.registrations.admin import RegistrationAdmin

from . import glance, help_texts, timeline

# The navigation stands at the top of every page instead.
admin.site.enable_nav_sidebar = False
EventAdmin.above += [glance.panel]
RegistrationAdmin.above += [help_texts.panel]
RegistrationAdmin.last[:] = [timeline.panel]
