"""The API's own addresses, under ``/api``."""

from ninja import NinjaAPI

from inscrit import __version__

api = NinjaAPI(title="Inscrit", version=__version__, openapi_url="/openapi.json", docs_url="/docs")
