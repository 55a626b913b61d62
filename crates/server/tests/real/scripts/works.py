"""What a user does in a session: DataFrame, SQL, a Python function, an error, and leaving."""

import sys

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, udf

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
assert spark.range(10).filter(col("id") > 6).count() == 3
assert spark.sql("SELECT 1 + 1 AS two").collect()[0].two == 2

people = spark.createDataFrame([(1, "Ada"), (2, "Grace"), (3, "Ada")], ["id", "name"])
people.createOrReplaceTempView("people")
counted = spark.sql("SELECT name, count(*) AS n FROM people GROUP BY name ORDER BY name").collect()
assert [(row["name"], row["n"]) for row in counted] == [("Ada", 2), ("Grace", 1)], counted

doubled = udf(lambda x: x * 2, "long")
assert [row.y for row in spark.range(3).select(doubled("id").alias("y")).collect()] == [0, 2, 4]

try:
    spark.sql("SELECT * FROM nowhere").collect()
except AnalysisException as error:
    print(type(error).__name__, "nowhere" in str(error))

spark.stop()
print("passed")
