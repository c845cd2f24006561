"""What an orchestrator asks of the web side."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse


def alive(_request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "up"})


def ready(_request: HttpRequest) -> HttpResponse:
    """The database is reachable and has every migration."""
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return JsonResponse({"status": "the database can't be reached"}, status=503)
    if waiting:
        problem = f"{len(waiting)} migrations are missing: run inscrit migrate"
        return JsonResponse({"status": problem}, status=503)
    return JsonResponse({"status": "ready"})
