"""A worker killed in the middle of a job: what it had in hand is not lost."""

from .conftest import OpenEvent
from .installation import Installation, eventually


def test_a_dead_workers_job_is_taken_up_by_another(
    installation: Installation, open_event: OpenEvent
) -> None:
    installation.kill("worker")
    made = installation.register(open_event()["id"]).json()
    installation.pay(made)
    installation.await_status(made, "PAID")
    # As the killed worker left it: its job begun, its heartbeat long past.
    installation.query(
        "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat)"
        " VALUES (now() - interval '1 hour') RETURNING id)"
        " UPDATE procrastinate_jobs SET status = 'doing', worker_id = dead.id FROM dead"
        " WHERE task_name = 'inscrit.mail.tasks.deliver' AND status = 'todo'"
    )
    # And a periodic job, of which the next one is waiting already.
    installation.query(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args,"
        " status, worker_id) SELECT 'money', 'inscrit.payments.tasks.sweep_lapsed_holds',"
        " 'sweep', 'sweep', '{\"timestamp\": 0}', 'doing', max(id) FROM procrastinate_workers"
    )
    installation.query(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)"
        " SELECT 'money', 'inscrit.payments.tasks.sweep_lapsed_holds', 'sweep', 'sweep',"
        " '{\"timestamp\": 0}' WHERE NOT EXISTS (SELECT 1 FROM procrastinate_jobs"
        " WHERE queueing_lock = 'sweep' AND status = 'todo')"
    )
    assert installation.mails(made["id"]) == []
    installation.start_again("worker")
    installation.query(
        "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('upkeep',"
        " 'inscrit.watchdog.tasks.retry_stalled_jobs', 0, NULL, NULL,"
        " '{\"timestamp\": 0}'::jsonb, NULL)::procrastinate_job_to_defer_v1])"
    )
    installation.await_mails(made)
    waiting = "SELECT count(*) FROM procrastinate_jobs WHERE queueing_lock = 'sweep'"
    eventually(lambda: installation.query(waiting) == [(0,)], "the sweep is free again")
