"""All pages of a list, and the database's plan of the query behind it."""

from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.test import Client


def pages(client: Client, url: str) -> Iterator[Any]:
    """The answers from link to link."""
    while url:
        response = client.get(url)
        assert (response.status_code, response["X-Data-Source"]) == (200, "live"), response.content
        yield response
        url = response.get("Link", "").removeprefix("<").removesuffix('>; rel="next"')


def rows_of(client: Client, url: str) -> list[dict[str, Any]]:
    """The rows of all pages."""
    return [row for page in pages(client, url) for row in page.json()]


def plan_of(query: str) -> str:
    """How the database would carry out a query, in capital letters."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for way in ("seqscan", "bitmapscan", "sort"):  # which are faster for a few rows
                cursor.execute(f"SET LOCAL enable_{way} = off")
            cursor.execute(f"EXPLAIN {query}")
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {query}")
        return "\n".join(str(row) for row in cursor.fetchall()).upper()
