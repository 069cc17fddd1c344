"""PostgreSQL's processes, one for each connection."""

import time

from django.db import connection

from resilience.scope import inside


def end_backend(pid: int) -> None:
    """End a connection from the server's side, and wait until its last message is sent."""
    other = connection.copy()
    with inside("database"), other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        while cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]) or cursor.fetchone():
            time.sleep(0.01)
    other.close()
