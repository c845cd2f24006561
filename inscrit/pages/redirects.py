"""Where to go after a form was taken."""

from django.http import HttpResponseRedirect


class SeeOther(HttpResponseRedirect):
    """303: whatever was sent, the next page is fetched. RFC 9110, 15.4.4"""

    status_code = 303
