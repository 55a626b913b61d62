"""A session's life in Google's own client: created, waited for, read, listed, terminated, deleted."""

import collections
import sys

import grpc
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import dataproc_v1
from google.cloud.dataproc_v1.services.session_controller.transports import SessionControllerGrpcTransport
from google.oauth2.credentials import Credentials

TRANSPORT, ADDRESS, TOKEN, PARENT = sys.argv[1:]


class CallDetails(
    collections.namedtuple("CallDetails", "method timeout metadata credentials wait_for_ready compression"),
    grpc.ClientCallDetails,
):
    """What a call is made with."""


class WithToken(grpc.UnaryUnaryClientInterceptor):
    """Adds the token, which gRPC's own credentials give to encrypted channels alone."""

    def intercept_unary_unary(self, continuation, details, request):
        metadata = [*(details.metadata or ()), ("authorization", f"Bearer {TOKEN}")]
        changed = CallDetails(details.method, details.timeout, metadata, None, details.wait_for_ready, None)
        return continuation(changed, request)


def client():
    if TRANSPORT == "rest":
        return dataproc_v1.SessionControllerClient(
            transport="rest",
            client_options={"api_endpoint": f"http://{ADDRESS}"},
            credentials=Credentials(TOKEN),
        )
    channel = grpc.intercept_channel(grpc.insecure_channel(ADDRESS), WithToken())
    transport = SessionControllerGrpcTransport(channel=channel, credentials=AnonymousCredentials())
    return dataproc_v1.SessionControllerClient(transport=transport)


sessions = client()
name = f"{PARENT}/sessions/by-google"
asked = dataproc_v1.Session(
    name=name,
    labels={"team": "core"},
    spark_connect_session=dataproc_v1.SparkConnectConfig(),
    runtime_config=dataproc_v1.RuntimeConfig(version="3.0", properties={"spark.app.name": "google"}),
)
operation = sessions.create_session(parent=PARENT, session=asked, session_id="by-google")
session = operation.result(timeout=120)
State, Type = dataproc_v1.Session.State, dataproc_v1.SessionOperationMetadata.SessionOperationType
print("created", State(session.state).name, Type(operation.metadata.operation_type).name)
assert session.name == name and session.uuid and session.create_time
assert session.runtime_info.endpoints["Spark Connect Server"].startswith("sc://")
assert dict(session.labels) == {"team": "core"}
assert sessions.get_session(name=name) == session

print("listed", [found.name.rsplit("/", 1)[-1] for found in sessions.list_sessions(parent=PARENT)])

notebook = dataproc_v1.Session(
    name=f"{PARENT}/sessions/notebook",
    jupyter_session=dataproc_v1.JupyterConfig(kernel=dataproc_v1.JupyterConfig.Kernel.SCALA),
)
try:
    sessions.create_session(parent=PARENT, session=notebook, session_id="notebook")
except exceptions.BadRequest as error:  # What InvalidArgument is a kind of, and all that REST tells.
    assert "has no Scala kernel" in str(error), error
    print("kernel refused")
try:
    sessions.create_session(parent=PARENT, session=asked, session_id="by-google")
except exceptions.Conflict as error:  # Likewise for AlreadyExists.
    assert "Already exists" in str(error), error
    print("again refused")

ended = sessions.terminate_session(name=name).result(timeout=120)
print("terminated", State(ended.state).name)
sessions.delete_session(name=name).result(timeout=120)
print("deleted")
try:
    sessions.get_session(name=name)
except exceptions.NotFound:
    print("not found")
print("passed")
