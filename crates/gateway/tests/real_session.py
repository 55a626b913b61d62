"""What a user does in a session: ask, compute, call Python, fetch much, fail, and leave."""
import sys
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, udf
spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
assert spark.range(10).filter(col("id") > 6).count() == 3
assert spark.sql("SELECT 1 + 1 AS two").collect()[0].two == 2
assert [r.y for r in spark.range(3).select(udf(lambda x: x * 2, "long")("id").alias("y")).collect()] == [0, 2, 4]
spark.createDataFrame([(1, "a"), (2, "b")], ["n", "s"]).createOrReplaceTempView("t")
assert spark.table("t").count() == 2
table = spark.range(8_000_000).selectExpr("id", "id * 2 AS twice").toArrow()
assert table.num_rows == 8_000_000 and table.nbytes >= 128_000_000, table.nbytes
try:
    spark.table("nowhere").collect()
    raise SystemExit("no error")
except AnalysisException:
    pass
spark.stop()
again = SparkSession.builder.remote(sys.argv[1]).create()
assert again.table("t").count() == 2, "the shared Spark session outlives a client's stop()"
again.stop()
print("passed")
