"""A client that asks its engine whose it is: the file that a Python function finds there."""

import os
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()


@udf("string")
def whose(_):
    with open(os.environ["HEARTH_SESSION_FILE"]) as file:
        return file.read()


print(spark.range(1).select(whose("id")).collect()[0][0])
spark.stop()
