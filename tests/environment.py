"""The environment of a test run, set before Django reads its settings. TEST_DATABASE=postgresql runs the same tests
on a real PostgreSQL; without it they run on SQLite."""

import atexit
import os
import shutil
import tempfile
from contextlib import closing

os.environ["SECRET_KEY"] = "tests-only-" + "0" * 40
os.environ["DEBUG"] = "off"
os.environ["SABOTAGE"] = "on"
os.environ["AD_PROVIDER_URL"] = "http://127.0.0.1:1"  # nobody listens there, whatever else runs on the machine
for name in ("REDIS_URL", "STANDBY_URL"):
    os.environ.pop(name, None)
if os.environ.get("TEST_DATABASE") == "postgresql":
    import psycopg2

    from tests import postgres_server

    os.environ["DATABASE_URL"] = postgres_server.start()
    with closing(psycopg2.connect(os.environ["DATABASE_URL"])) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        # A background vacuum may hold a lock for longer than a service waits. And these data need not survive a crash.
        for name in ("autovacuum", "fsync"):
            cursor.execute(f"ALTER SYSTEM SET {name} = off")
        cursor.execute("SELECT pg_reload_conf()")
else:
    folder = tempfile.mkdtemp(prefix="shop-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["DATABASE_URL"] = f"sqlite:///{folder}/shop.sqlite3"
