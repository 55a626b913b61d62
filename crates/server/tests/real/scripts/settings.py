"""Says what a Spark session has for some settings: REMOTE KEY[=VALUE]...; those with a value are set before."""

import os
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
for argument in sys.argv[2:]:
    key, _, value = argument.partition("=")
    if value:
        spark.conf.set(key, value)
    print(key, spark.conf.get(key), flush=True)
# Not waiting for what the client still has open.
os._exit(0)
