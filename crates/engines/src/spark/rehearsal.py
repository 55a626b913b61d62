"""What most sessions do first, asked of a server whose classes are being archived."""

import os
import sys
import tempfile
import time

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as F


def session(told):
    """Of the server at this address, or of the driver that says in this file where it is."""
    if told.startswith("sc://"):
        return SparkSession.builder.remote(told).getOrCreate()
    until = time.monotonic() + 120
    while not os.path.exists(told):
        assert time.monotonic() < until, "the driver does not say where it is"
        time.sleep(0.05)
    with open(told, "rb") as file:
        port, length = (int.from_bytes(file.read(4), "big") for _ in range(2))
        os.environ.update(PYSPARK_GATEWAY_PORT=str(port), PYSPARK_GATEWAY_SECRET=file.read(length).decode())
    os.environ["PYSPARK_PYTHON"] = sys.executable
    return SparkSession.builder.getOrCreate()


spark = session(sys.stdin.readline().strip())
spark.conf.get("spark.app.name")
spark.sql("SELECT 1 + 1 AS two").collect()
numbers = spark.range(1000).withColumn("key", F.col("id") % 7)
numbers.groupBy("key").agg(F.sum("id"), F.avg("id"), F.countDistinct("id")).orderBy("key").toPandas()

people = pd.DataFrame({"id": [1, 2, 3], "name": ["Ada", "Grace", "Ada"], "at": pd.Timestamp("2026-01-01")})
spark.createDataFrame(people).createOrReplaceTempView("people")
spark.sql(
    "SELECT name, count(*) AS n, row_number() OVER (ORDER BY name) AS r FROM people JOIN range(10) r ON people.id = r.id"
    " WHERE year(at) = 2026 GROUP BY name"
).toPandas()
spark.table("people").show()
spark.table("people").printSchema()


@F.udf("long")
def plus_one(x):
    return x + 1


@F.pandas_udf("long")
def plus_two(x: pd.Series) -> pd.Series:
    return x + 2


spark.range(3).select(plus_one("id"), plus_two("id")).collect()

with tempfile.TemporaryDirectory() as folder:
    for kind in ["parquet", "csv", "json"]:
        path = f"{folder}/{kind}"
        written = spark.table("people").drop("at")
        written.write.format(kind).option("header", True).save(path)
        read = spark.read.format(kind).option("header", True).option("inferSchema", True).load(path)
        read.groupBy("name").count().orderBy("name").limit(5).collect()
spark.table("people").write.saveAsTable("saved")
spark.sql("SHOW TABLES").collect()
spark.catalog.listTables()
spark.sql("EXPLAIN SELECT * FROM saved").collect()
try:
    spark.sql("SELECT * FROM nowhere").collect()
except Exception as error:
    assert "nowhere" in str(error), error
spark.stop()
sys.stdout.flush()
os._exit(0)
