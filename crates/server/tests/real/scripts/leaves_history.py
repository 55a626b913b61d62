"""Runs a few queries, one of which fails, and says the ids of the operations that ran."""

import os
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
spark.conf.set("spark.sql.shuffle.partitions", "3")
numbers = spark.range(0, 1000, 1, 4).withColumn("k", F.col("id") % 7)
cached = numbers.cache()
assert len(cached.groupBy("k").count().collect()) == 7
assert numbers.join(spark.range(7).withColumnRenamed("id", "k"), "k").count() == 1000
try:
    spark.range(3).select(F.raise_error(F.lit("on purpose"))).collect()
except Exception as error:
    assert "on purpose" in str(error), error
print("done", flush=True)
# The session stays as it is, cached data and all.
os._exit(0)
