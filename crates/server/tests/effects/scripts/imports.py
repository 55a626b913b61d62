"""Calls `whence()` of a module in a Python function, which runs where the engine does: REMOTE MODULE."""

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
name = sys.argv[2]


@udf("string")
def whence(_):
    import importlib

    import pandas

    return f"{importlib.import_module(name).whence()} pandas {pandas.__version__.split('.')[0]}"


print(spark.range(1).select(whence("id").alias("word")).collect()[0].word)
spark.stop()
