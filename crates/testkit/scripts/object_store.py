"""A server that speaks as S3 does, on a free port. Prints where it answers once its buckets are there, and a line with
the keys of a bucket for each line with its name. Ends with its input."""

import json
import logging
import sys
import threading

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

logging.getLogger("werkzeug").setLevel(logging.ERROR)
s3 = DomainDispatcherApplication(create_backend_app)


# What S3 asks for in the place of a token of Google's. This server does not look at signatures.
SIGNED = "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


def either(environ, start):
    """Lets those in who sign nothing, as clients of Cloud Storage do, as well as those who sign."""
    if not environ.get("HTTP_AUTHORIZATION", "").startswith("AWS"):
        environ["HTTP_AUTHORIZATION"] = SIGNED
    return s3(environ, start)


server = make_server("127.0.0.1", 0, either, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
client = boto3.client(
    "s3",
    endpoint_url=address,
    region_name="us-east-1",
    aws_access_key_id="testing",
    aws_secret_access_key="testing",
)
for bucket in sys.argv[1:]:
    client.create_bucket(Bucket=bucket)
print(address)
print("ready", flush=True)
for line in sys.stdin:
    found = client.list_objects_v2(Bucket=line.strip()).get("Contents", [])
    print(json.dumps([thing["Key"] for thing in found]))
    print("listed", flush=True)
server.shutdown()
