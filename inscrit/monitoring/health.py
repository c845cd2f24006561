"""What an orchestrator asks of the web side."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from inscrit.departure import departure


def alive(_request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "up"})


def ready(_request: HttpRequest) -> HttpResponse:
    """The database is reachable and has every migration, and this process is not leaving."""
    if departure.begun:
        return JsonResponse({"status": "about to stop"}, status=503)
    try:
        waiting = schema.missing()
    except DatabaseError:
        return JsonResponse({"status": "the database can't be reached"}, status=503)
    if waiting:
        problem = f"{waiting} migrations are missing: run inscrit migrate"
        return JsonResponse({"status": problem}, status=503)
    return JsonResponse({"status": "ready"})


class Schema:
    """Whether the database has every migration.

    That stays so, and looking through all migrations is slow: it is done until they are all there.
    """

    def __init__(self) -> None:
        self._complete = False

    def missing(self) -> int:
        """How many migrations are not there. Raises DatabaseError while nothing can be read."""
        if self._complete:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            return 0
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        self._complete = not waiting
        return len(waiting)


schema = Schema()
