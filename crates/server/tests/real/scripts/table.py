"""One of several sessions that share a metastore: runs statements, and prints the rows of those that have any."""

import os
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
for statement in sys.argv[2:]:
    for row in spark.sql(statement).collect():
        print(*row)
sys.stdout.flush()
# Not waiting for what the client still has open.
os._exit(0)
