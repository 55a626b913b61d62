"""Does what it is told, a line at a time, and then says `done`: REMOTE

add PACKAGE...   as Google's Spark Connect client does it for addArtifacts(PACKAGE, pypi=True)
send TEXT        the same with this text in place of the list
import MODULE    calls `whence()` of it in a Python function
"""

import json
import os
import re
import sys
import tempfile

from pyspark.errors.exceptions.connect import SparkConnectGrpcException
from pyspark.sql import SparkSession
from pyspark.sql.functions import udf


class PyPiArtifacts:
    """Google's client names the file after an object such as this one."""


def send(text):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, f"add-artifacts-1729-{PyPiArtifacts()}.json")
        with open(path, "w") as file:
            file.write(text)
        try:
            spark.addArtifacts(path, file=True)
            print("added")
        except SparkConnectGrpcException as error:
            text = str(error)
            print(re.search(r"StatusCode\.(\w+)", text)[1], text.replace("\n", " "))


def whence(name):
    @udf("string")
    def ask(_):
        import importlib

        try:
            return importlib.import_module(name).whence()
        except ModuleNotFoundError:
            return f"no {name}"

    return spark.range(1).select(ask("id").alias("word")).collect()[0].word


spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
for line in sys.stdin:
    verb, rest = line.strip().split(" ", 1)
    if verb == "add":
        send(json.dumps({"version": "0.5", "packageType": "PYPI", "packages": rest.split(" ")}))
    elif verb == "send":
        send(rest)
    else:
        print(whence(rest))
    print("done")
os._exit(0)
