"""A client that stays connected while the service is killed and comes back."""

import os
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
spark.range(7).createOrReplaceTempView("seven")
assert spark.table("seven").count() == 7
print("connected")
sys.stdin.readline()
assert spark.table("seven").count() == 7, "the view of the time before is there"
assert spark.sql("SELECT sum(id) AS total FROM range(11)").collect()[0].total == 55
print("again")
# Not through PySpark's own end, which asks the server once more.
sys.stdout.flush()
os._exit(0)
