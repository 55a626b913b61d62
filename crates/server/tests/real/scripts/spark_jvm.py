"""What only Apache Spark itself does, and what of a session's settings is seen from inside."""

import os
import sys

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf, udf

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
print("version", spark.version)
for key in sys.argv[2:]:
    print(key, spark.conf.get(key))


@pandas_udf("double")
def halves(values: pd.Series) -> pd.Series:
    return values / 2


print("halves", [row.h for row in spark.range(3).select(halves("id").alias("h")).collect()])


@udf("string")
def seen(name):
    import os

    return os.environ.get(name)


row = spark.sql("SELECT 'GREETING' AS a, 'HEARTH_LABEL_TEAM' AS b").select(seen("a"), seen("b")).collect()[0]
print("environment", list(row))
spark.range(5).write.saveAsTable("five")
print("table", spark.table("five").count())
# A class of Java, called by name: there is a JVM.
print("java", spark.sql("SELECT java_method('java.lang.Math', 'max', 2, 3) AS m").collect()[0].m)
sys.stdout.flush()
os._exit(0)
