"""A Hive metastore on loopback, over an embedded Derby database: DIRECTORY PORT JAVA [JVM OPTION...].

Hive's own program listens on every address of the machine and asks nobody who they are, so its parts are put together
here, around a socket of the loopback interface. PORT may be 0 for any free one."""

import sys
from pathlib import Path

import pyspark
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

directory, port, java, options = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
jars = Path(pyspark.__file__).parent / "jars"
listening, token = launch_gateway(
    classpath=f"{jars}/*",
    jarpath=str(next(jars.glob("py4j-*.jar"))),
    # Hive looks for a logging context of its own otherwise, in a class that Spark does not bring.
    javaopts=[*options, "-Dlog4j2.contextSelector=org.apache.logging.log4j.core.selector.ClassLoaderContextSelector"],
    java_path=java,
    die_on_exit=True,
    enable_auth=True,
    redirect_stdout=sys.stderr,
    redirect_stderr=sys.stderr,
)
jvm = JavaGateway(gateway_parameters=GatewayParameters(port=listening, auth_token=token)).jvm
thrift, hive = jvm.org.apache.thrift, jvm.org.apache.hadoop.hive

conf = hive.conf.HiveConf()
for name, value in {
    "javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={directory}/db;create=true",
    "datanucleus.schema.autoCreateAll": "true",
    "hive.metastore.schema.verification": "false",
    "hive.metastore.warehouse.dir": f"{directory}/warehouse",
    # It is the metastore itself, and asks no other.
    "hive.metastore.uris": "",
}.items():
    conf.set(name, value)
handler = hive.metastore.RetryingHMSHandler.getProxy(
    conf, hive.metastore.HiveMetaStore.HMSHandler("metastore", conf, False), False
)
socket = thrift.transport.TServerSocket(jvm.java.net.InetSocketAddress("127.0.0.1", port))
processor = hive.metastore.TSetIpAddressProcessor(handler)
server = thrift.server.TThreadPoolServer(thrift.server.TThreadPoolServer.Args(socket).processor(processor))
print(f"The metastore listens on 127.0.0.1:{socket.getServerSocket().getLocalPort()}", flush=True)
server.serve()
