"""Asks a Spark Connect server (first argument) about the flights in a CSV file (second argument).

A file of its own: without one, PySpark takes an interpreter started with `-c` for its own documentation tests.
"""

import sys

from pyspark.sql import SparkSession, functions as F

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
flights = spark.read.csv(sys.argv[2], header=True, inferSchema=True)
print(flights.count())
delays = flights.groupBy("carrier").agg(F.round(F.avg("dep_delay"), 1).alias("delay"))
latest = delays.orderBy(F.desc("delay")).first()
print(latest["carrier"], latest["delay"])
spark.stop()
