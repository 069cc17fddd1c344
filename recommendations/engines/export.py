"""The input of an engine on other machines: rows of the database, or the same rows as Parquet files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from django.db.models import F, QuerySet

from catalog.models import Product, Review, is_published
from recommendations import builds
from recommendations.chunks import in_chunks

PRODUCT_COLUMNS = ("id", "title", "brand", "categories", "description")
REVIEW_COLUMNS = ("id", "product", "reviewer", "time")  # product is an id, time is in seconds since 1970
SOURCE = "source.json"
CHUNK = 20_000  # rows per row group


def products() -> QuerySet[Product, Any]:
    """Rows of PRODUCT_COLUMNS."""
    return Product.objects.order_by().values_list(*PRODUCT_COLUMNS)


def reviews() -> QuerySet[Review, Any]:
    """Rows of REVIEW_COLUMNS."""
    by_id = Review.objects.filter(is_published).order_by().annotate(product_pk=F("product__id"))
    return by_id.values_list("id", "product_pk", "reviewer_id", "unix_review_time")


def to_parquet(folder: Path, wrote: Callable[[int], object]) -> None:
    """Write ``products.parquet``, ``reviews.parquet`` and SOURCE. ``wrote`` gets the number of rows of each chunk.

    A file is replaced as a whole. Raises ImportError without pyarrow, and OSError for the folder.
    """
    import pyarrow as pa
    from pyarrow import parquet

    text, number = pa.string(), pa.int64()
    tables = {
        "products": (products(), zip(PRODUCT_COLUMNS, (number, text, text, pa.list_(text), text), strict=True)),
        "reviews": (reviews(), zip(REVIEW_COLUMNS, (number, number, text, number), strict=True)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    made_of = builds.source()
    for name, (rows, columns) in tables.items():
        schema = pa.schema(columns)
        unfinished = folder / f".{name}.unfinished"
        with parquet.ParquetWriter(unfinished, schema) as writer:
            for chunk in in_chunks(rows.iterator(CHUNK), CHUNK):
                arrays = map(pa.array, zip(*chunk, strict=True), schema.types)
                writer.write_batch(pa.record_batch(list(arrays), schema=schema))
                wrote(len(chunk))
        unfinished.rename(folder / f"{name}.parquet")
    (folder / SOURCE).write_bytes(orjson.dumps(made_of))


def source(folder: Path) -> dict[str, Any]:
    """The result of builds.source() at the start of the export in ``folder``. Raises OSError and ValueError."""
    made_of: dict[str, Any] = orjson.loads((folder / SOURCE).read_bytes())
    return made_of
