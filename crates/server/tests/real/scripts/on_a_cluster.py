"""A query on a cluster: REMOTE DIRECTORY TASKS. Each of its tasks leaves a file in the directory, named after the address of
the executor that ran it, and waits a little; tasks that were lost with an executor run again elsewhere."""

import os
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
directory = sys.argv[2]
assert spark.version
print("connected", flush=True)


@udf("long")
def traced(number):
    import os
    import time

    address = os.environ.get("SPARK_LOCAL_IP", "nowhere")
    with open(f"{directory}/{address}-{number}", "w"):
        pass
    time.sleep(0.2)
    return number


TASKS = int(sys.argv[3])
rows = spark.range(0, TASKS, 1, TASKS).select(traced("id").alias("n")).collect()
print("sum", sum(row.n for row in rows), flush=True)
os._exit(0)
