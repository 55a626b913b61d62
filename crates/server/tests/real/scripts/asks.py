"""A client that connects, asks one question, and leaves. `sees` names views that other clients made."""

import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
for view in sys.argv[2:]:
    assert spark.table(view).count() == 7, view
print(spark.sql("SELECT 6 * 7 AS answer").collect()[0].answer)
spark.stop()
