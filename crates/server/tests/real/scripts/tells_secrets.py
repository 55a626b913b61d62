"""A client whose function writes secrets to the engine's log: one of its environment, and one with a name."""

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

planted = sys.argv[2]


def tells(number):
    import os

    found = os.environ["SERVICE_SECRET"]
    os.write(2, f"connecting with {found}\ntoken={found[::-1]}\n".encode())
    return found


spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
told = spark.range(1).select(udf(tells, "string")("id").alias("found"))
assert told.collect()[0].found == planted
print("told")
spark.stop()
