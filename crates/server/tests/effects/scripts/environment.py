"""Prints environment variables of the engine, one a line: REMOTE NAME..."""

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, udf

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()


@udf("string")
def value(name):
    import os

    return os.environ.get(name, "(none)")


for name in sys.argv[2:]:
    asked = spark.createDataFrame([(name,)], ["name"])
    print(asked.select(value(col("name")).alias("value")).collect()[0].value)
spark.stop()
