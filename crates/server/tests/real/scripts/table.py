"""One of several sessions that share a metastore: runs statements, and prints the rows of those that have any."""

import os
import sys
import time

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

# Seconds in which a metastore that was lost is there again, by which time Spark has to find it.
PATIENCE = 60

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()


def connect():
    """Spark's client of the metastore gives up a connection that fails, and makes another for the next statement."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return spark.sql("SHOW DATABASES").collect()
        except AnalysisException as error:
            if "MetaStoreClient" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.5)


connect()
for statement in sys.argv[2:]:
    for row in spark.sql(statement).collect():
        print(*row)
sys.stdout.flush()
# Not waiting for what the client still has open.
os._exit(0)
