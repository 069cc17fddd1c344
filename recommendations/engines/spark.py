"""The engine for a cluster, with PySpark, for catalogues beyond one machine. Its neighbours equal the local engine's.

The reviews are counted in pairs. The texts are a sparse matrix times its transpose, in blocks of products: a task
multiplies two blocks, and the best results of all tasks are kept. The driver holds four numbers per product.
"""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import pyarrow as pa
from django.conf import settings
from django.db import connection
from django.db.models import Max, Min, QuerySet
from numpy.typing import NDArray
from py4j.protocol import Py4JError
from pyspark import RDD, cloudpickle
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StringType

from recommendations.engines import DAY, Computed, EngineError, PopularRow, Stages, blocks, export
from recommendations.models import MOST_POPULAR, MOST_POPULAR_OF_CATEGORY
from recommendations.sequences import SCATTER, Matrix
from recommendations.similarity import CANDIDATES, NeighbourBlock, vectorizer
from recommendations.weights import Weights

BLOCK = 20_000  # products per block; a task holds two blocks
ROWS_OF_A_PARTITION = 500_000  # read over one connection
_NAMES = ArrayType(StringType())

logging.getLogger("py4j").setLevel(logging.WARNING)  # it logs every connection
# Ship the code with the tasks, so that it need not be installed on the cluster.
for name in ("weights", "sequences", "similarity", "engines.blocks"):
    module = sys.modules[f"recommendations.{name}"]
    cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]


@contextmanager
def compute(weights: Weights, stages: Stages, parquet: Path | None = None) -> Iterator[Computed]:
    """Read the export in the folder ``parquet``, or the database without one. Raises EngineError.

    The Spark session takes its settings from the environment (spark-submit, spark-defaults.conf). It ends with the
    build.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        spark = SparkSession.builder.appName("recommendations").getOrCreate()
        try:
            yield _computed(spark, weights, stages, parquet)
        finally:
            spark.stop()
    except (PySparkException, Py4JError) as error:
        raise EngineError(_in_a_line(error)) from error


def _in_a_line(error: Exception) -> str:
    text = str(error)
    if "ClassNotFoundException: org.postgresql.Driver" in text:
        return "Spark has no JDBC driver for PostgreSQL: add one with spark.jars or spark.jars.packages"
    if "JAVA_GATEWAY_EXITED" in text:
        return "Spark could not be started, see its output above; it needs Java 17 or newer"
    lines = [line.strip(": \t") for line in text.splitlines() if not line.startswith("An error occurred while calling")]
    causes = [line for line in lines if line.startswith("Caused by: ")]
    reason = [type(error).__name__, *lines[:1], *causes][-1]
    return f"Spark failed: {reason.removeprefix('Caused by: ')}"


def _computed(spark: SparkSession, weights: Weights, stages: Stages, parquet: Path | None) -> Computed:
    with stages.stage("products"):
        products, reviews = _from_parquet(spark, parquet) if parquet else _from_database(spark)
        ids = products.select("id").orderBy("id").toArrow()["id"].to_numpy()
        places = spark.createDataFrame(pa.table({"id": ids, "place": np.arange(len(ids))}))
        products = products.join(places, "id").persist()
    with stages.stage("reviews"):
        # The join drops reviews of products that were added after the products were read.
        reviews = reviews.join(places.withColumnRenamed("id", "product"), "product")
        reviews = _weighted(reviews.persist(), weights)
        of_products = reviews.groupBy("place").agg(*(F.sum(each).alias(each) for each in ("weight", "trend", "recent")))
        _, trends, _ = _vectors(of_products.persist(), len(ids))
        count = reviews.count()
        cut = blocks.Cut(len(ids), BLOCK)
        by_reviews = _in_blocks(cut, _best_by_reviews(reviews, of_products, weights)).mapValues(blocks.widened(cut))
    with stages.stage("texts"):
        texts = _texts(products, len(ids)).persist()
        (lengths,) = _vectors(texts.groupBy("place").agg(F.first("length").alias("length")), len(ids))
        units = texts.select(
            "place", F.xxhash64("word").alias("column"), (F.col("value") / F.col("length")).alias("value")
        )
        by_text = _candidates(cut, units)
    all_blocks = spark.sparkContext.parallelize([(block, None) for block in range(len(cut))])
    finish = blocks.finished(cut, spark.sparkContext.broadcast(lengths), weights)
    found = all_blocks.leftOuterJoin(by_reviews).leftOuterJoin(by_text).map(finish)
    neighbours = (NeighbourBlock(*each) for each in found.toLocalIterator())
    return Computed(ids, count, trends, neighbours, _most_popular(products, of_products))


def _from_parquet(spark: SparkSession, folder: Path) -> tuple[DataFrame, DataFrame]:
    products, reviews = (spark.read.parquet(f"{folder}/{name}.parquet") for name in ("products", "reviews"))
    return products.select(*export.PRODUCT_COLUMNS), reviews.select(*export.REVIEW_COLUMNS)


def _from_database(spark: SparkSession) -> tuple[DataFrame, DataFrame]:
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("postgresql"):
        raise EngineError("Spark reads PostgreSQL or, with --parquet, an export; this database is neither")
    encrypted = {key: value for key, value in database.get("OPTIONS", {}).items() if key.startswith("ssl")}
    address = f"{database['HOST'] or 'localhost'}:{database['PORT'] or 5432}"
    options = {
        "url": f"jdbc:postgresql://{address}/{quote(database['NAME'])}?{urlencode(encrypted)}",
        "user": database["USER"],
        "password": database["PASSWORD"],
        "driver": "org.postgresql.Driver",
        "fetchsize": str(export.CHUNK),
        "partitionColumn": "id",
    }

    def read(rows: QuerySet[Any, Any], columns: tuple[str, ...]) -> DataFrame:
        bounds = rows.model.objects.aggregate(lower=Min("id", default=0), upper=Max("id", default=0))
        partitions = 1 + (bounds["upper"] - bounds["lower"]) // ROWS_OF_A_PARTITION
        split = {"lowerBound": bounds["lower"], "upperBound": bounds["upper"], "numPartitions": partitions}
        with connection.cursor() as cursor:  # str(query) has no quotes around texts
            query = cursor.mogrify(*rows.query.sql_with_params()).decode()
        table = f"({query}) AS {rows.model._meta.db_table}"
        return spark.read.format("jdbc").options(**options, **split, dbtable=table).load().toDF(*columns)

    products = read(export.products(), export.PRODUCT_COLUMNS)
    products = products.withColumn("categories", F.from_json(F.col("categories"), _NAMES))
    return products, read(export.reviews(), export.REVIEW_COLUMNS)


def _weighted(reviews: DataFrame, weights: Weights) -> DataFrame:
    """Reviews with the weight of their reviewer and their weights by age."""
    counted = reviews.groupBy("reviewer").agg(F.pow(F.count("*"), F.lit(-weights.activity)).alias("weight"))
    # A date in the future counts as now: one wrong date must not make all other reviews old.
    dated = F.least("time", F.lit(int(time.time())))
    mean, newest = counted.agg(F.avg("weight")).first(), reviews.agg(F.max(dated)).first()
    age = (F.lit(newest and newest[0]) - dated) / DAY
    return reviews.join(counted, "reviewer").select(
        "place",
        "reviewer",
        F.floor(F.col("time") / DAY).alias("day"),
        (F.col("weight") / ((mean and mean[0]) or 1)).alias("weight"),
        F.pow(F.lit(0.5), age / weights.half_life).alias("trend"),
        F.pow(F.lit(0.5), age / weights.popular_half_life).alias("recent"),
    )


def _vectors(of_products: DataFrame, products: int) -> Iterator[NDArray[np.float32]]:
    """Each column but the first, as a vector with an entry for every product."""
    found = of_products.toArrow()
    for name in found.column_names[1:]:
        vector = np.zeros(products, np.float32)
        vector[found["place"].to_numpy()] = found[name].to_numpy()
        yield vector


def _best_by_reviews(reviews: DataFrame, of_products: DataFrame, weights: Weights) -> DataFrame:
    """The candidates of each product by the sequences of reviews, with the formula of sequences and similarity."""
    by_day = Window.partitionBy("reviewer").orderBy("day", F.col("place") * SCATTER % 2**32)
    days = Window.partitionBy("reviewer").orderBy("day")
    numbered = reviews.select("reviewer", "day", "place", "weight", F.dense_rank().over(days).alias("step"))
    after = F.collect_list(F.struct("place", "step")).over(by_day.rowsBetween(1, weights.window))
    followed = numbered.select("place", "step", "weight", after.alias("after"))
    pairs = followed.select("place", "step", "weight", F.explode("after").alias("other"))
    apart = F.col("other.step") - F.col("step")
    value = F.when(apart == 0, weights.same_day).otherwise(F.pow(F.lit(weights.decay), apart - 1))
    back = F.when(apart == 0, F.lit(1.0)).otherwise(weights.backward)
    pairs = pairs.select(
        F.col("place").alias("one"),
        F.col("other.place").alias("other"),
        (value * F.col("weight")).alias("later"),
        (value * back * F.col("weight")).alias("earlier"),
    )
    both = pairs.select("one", "other", "later").union(pairs.select("other", "one", "earlier"))
    counted = both.toDF("place", "column", "value").groupBy("place", "column").agg(F.sum("value").alias("value"))
    own = of_products.select("place", F.pow("weight", F.lit(weights.own)).alias("own"))
    others = of_products.select(F.col("place").alias("column"), F.pow("weight", F.lit(1 - weights.own)).alias("others"))
    score = F.col("value") / (F.col("own") * F.col("others") + weights.shrinkage)
    scored = counted.join(own, "place").join(others, "column").select("place", "column", score.alias("value"))
    rank = F.row_number().over(Window.partitionBy("place").orderBy(F.desc("value"), "column"))
    return scored.withColumn("rank", rank).where(F.col("rank") <= CANDIDATES).drop("rank")


def _texts(products: DataFrame, count: int) -> DataFrame:
    """The TF-IDF of each product's words, the same as scikit-learn's, and the length of the product's vector."""
    like = vectorizer(count)
    words = F.udf(like.build_analyzer(), _NAMES)
    text = F.concat_ws(" ", "title", "brand", "categories", "description")
    counted = products.select("place", F.explode(words(text)).alias("word")).groupBy("place", "word").count().persist()
    texts = counted.groupBy("word").agg(F.count("*").alias("texts")).where(F.col("texts") <= like.max_df * count)
    rarity = F.log((1 + count) / (1 + F.col("texts"))) + 1
    values = counted.join(texts, "word").select("place", "word", ((1 + F.log("count")) * rarity).alias("value"))
    length = values.groupBy("place").agg(F.sqrt(F.sum(F.col("value") ** 2)).alias("length"))
    return values.join(length, "place")


def _in_blocks(cut: blocks.Cut, entries: DataFrame) -> "RDD[tuple[int, blocks.Rows]]":
    """The entries of a matrix with a row for each product."""
    block = F.floor(F.col("place") / cut.size).alias("block")
    rows = entries.groupBy(block).applyInArrow(blocks.packed(cut), "block long, rows binary")
    return rows.rdd.map(blocks.unpacked)


def _candidates(cut: blocks.Cut, entries: DataFrame) -> "RDD[tuple[int, Matrix]]":
    """The candidates of each block's products: the largest products of their rows with others."""
    cut_up = _in_blocks(cut, entries).persist()
    return cut_up.cartesian(cut_up).map(blocks.alike(cut)).reduceByKey(blocks.merged)


def _most_popular(products: DataFrame, of_products: DataFrame) -> Iterator[PopularRow]:
    """The popular products of each category at any depth, and of all."""
    categories = F.array_distinct(F.concat(F.array(F.lit("")), "categories"))
    score = F.coalesce("recent", F.lit(0.0)).alias("score")
    each = products.join(of_products, "place", "left").select("place", F.explode(categories).alias("category"), score)
    position = F.row_number().over(Window.partitionBy("category").orderBy(F.desc("score"), "place"))
    ranked = each.withColumn("position", position).where(F.col("position") <= MOST_POPULAR)
    kept = (F.col("category") == "") | (F.col("position") <= MOST_POPULAR_OF_CATEGORY)
    for row in ranked.where(kept).toLocalIterator():
        yield row["category"], row["position"], row["place"], row["score"]
