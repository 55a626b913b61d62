"""A client that fetches one gigabyte: 125 million numbers of eight bytes."""

import sys

from pyspark.sql import SparkSession

ROWS = 125_000_000

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
table = spark.range(ROWS).toArrow()
assert table.num_rows == ROWS, table.num_rows
assert table.nbytes >= 1_000_000_000, table.nbytes
ids = table.column("id")
assert ids[0].as_py() == 0 and ids[ROWS - 1].as_py() == ROWS - 1
spark.stop()
print("passed")
