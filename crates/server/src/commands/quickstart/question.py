"""Asks a session a question about real data, as any stock PySpark Connect client would.

Started ahead of the session, so that the imports are done when the session is ready. Reads the address of the session
from standard input; the token is taken from the environment by PySpark itself.
"""

import os
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.connect import session as _  # what getOrCreate would import later: most of a client's start

print("imported", file=sys.stderr, flush=True)
address = sys.stdin.readline().strip()
if not address:
    os._exit(1)

spark = SparkSession.builder.remote(address).getOrCreate()
spark.sql("SELECT 1").collect()
print("first row", file=sys.stderr, flush=True)

flights = spark.read.csv(os.environ["QUICKSTART_FLIGHTS"], header=True, inferSchema=True)
print(f"Flights that left New York in 2013: {flights.count():,}")
print("The five airlines whose flights left latest, by the mean delay at departure in minutes:")
(
    flights.groupBy("carrier")
    .agg(F.count("*").alias("flights"), F.round(F.avg("dep_delay"), 1).alias("mean delay"))
    .orderBy(F.desc("mean delay"))
    .limit(5)
    .show()
)
sys.stdout.flush()
spark.stop()
print("answered", file=sys.stderr, flush=True)

# Addresses that follow are of sessions that are asked for a row alone.
for address in iter(sys.stdin.readline, ""):
    spark = SparkSession.builder.remote(address.strip()).create()
    spark.sql("SELECT 1").collect()
    spark.stop()
    print("answered", file=sys.stderr, flush=True)
