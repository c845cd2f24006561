"""Names are looked for as people type them in a hurry: “helene o'brien” is Hélène O’Brien.

``name__named="helene"`` holds where the name contains it, without regard to case, accents and the
form of apostrophes. PostgreSQL's own functions do it, no extension is needed.
"""

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    Lookup = models.Lookup[bool]
else:
    Lookup = models.Lookup

MARKS = re.compile("[\u0300-\u036f]")  # accents on their own, once letters are taken apart
ALIKE = {"’": "'", "œ": "oe", "æ": "ae"}


def plain(text: str) -> str:
    """The bare letters, small."""
    bare = MARKS.sub("", unicodedata.normalize("NFD", text)).lower()
    for one, other in ALIKE.items():
        bare = bare.replace(one, other)
    return bare


@models.CharField.register_lookup
class Named(Lookup):
    lookup_name = "named"

    def get_prep_lookup(self) -> str:
        return plain(str(self.rhs))

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        name, name_parameters = self.process_lhs(compiler, connection)
        words, words_parameters = self.process_rhs(compiler, connection)
        return f"strpos({_plain(name)}, {words}) > 0", [*name_parameters, *words_parameters]


def _plain(name: str) -> str:
    """The same as plain(), in SQL."""
    bare = f"lower(regexp_replace(normalize({name}, NFD), '{MARKS.pattern}', '', 'g'))"
    for one, other in ALIKE.items():
        bare = "replace({}, '{}', '{}')".format(bare, one, other.replace("'", "''"))
    return bare
