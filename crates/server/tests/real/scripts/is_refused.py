"""A client whose session is not there, or no longer; prints what it is told. Refusals are final: it does not wait."""

import os
import sys

from pyspark.errors.exceptions.connect import SparkConnectGrpcException
from pyspark.sql import SparkSession

try:
    spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
    spark.range(3).count()
    print("works")
    sys.stdin.readline()
    spark.range(3).count()
    print("still works")
except SparkConnectGrpcException as error:
    print(" ".join(str(error).split()))
print("over")
sys.stdout.flush()
os._exit(0)
