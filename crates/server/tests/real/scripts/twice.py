"""Calls a function that is a class in a jar of the session."""

import os
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
spark.udf.registerJavaFunction("twice", "demo.Twice", "bigint")
print("twice", [row.t for row in spark.sql("SELECT twice(id) AS t FROM range(4)").collect()], flush=True)
os._exit(0)
