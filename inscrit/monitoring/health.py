"""What an orchestrator and Prometheus ask of the web side."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from inscrit.departure import departure

from . import metrics as collected
from . import totals


def alive(_request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "up"})


def ready(_request: HttpRequest) -> HttpResponse:
    """The database is reachable and has every migration, and this process is not leaving."""
    if departure.begun:
        return JsonResponse({"status": "about to stop"}, status=503)
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return JsonResponse({"status": "the database can't be reached"}, status=503)
    if waiting:
        problem = f"{len(waiting)} migrations are missing: run inscrit migrate"
        return JsonResponse({"status": problem}, status=503)
    return JsonResponse({"status": "ready"})


def metrics(_request: HttpRequest) -> HttpResponse:
    """Prometheus's text format."""
    text = collected.exposition() + totals.exposition()
    return HttpResponse(text, content_type=collected.CONTENT_TYPE)
