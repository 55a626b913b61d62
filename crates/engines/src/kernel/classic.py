"""`spark` and `sc` of a Python kernel whose Spark has no Connect server: a driver in a JVM that this process starts.

The JVM is started as PySpark's own launcher would, except for the shell scripts: it tells where it listens, and the secret that it
asks for, in a file. PySpark connects to it by two variables.
"""

import logging
import os
import subprocess
import threading
import time

import hearth_jvm
from hearth_binding import Binding

# Seconds between looks for the file that the JVM writes.
LOOK_AGAIN = 0.02
# What Py4J writes into the log of everybody when a cell is interrupted that waits for Spark. The cell shows it already.
INTERRUPTED = "KeyboardInterrupt while sending command."


class Driver:
    """The JVM, and the Spark session in it."""

    def __init__(self, host):
        self.told_in = os.path.join(os.getcwd(), "kernel", f"gateway-{host.kernels}")
        os.environ["_PYSPARK_DRIVER_CONN_INFO_PATH"] = self.told_in
        try:
            # It ends when its standard input does.
            self.process = hearth_jvm.start(host, stdin=subprocess.PIPE)
        finally:
            del os.environ["_PYSPARK_DRIVER_CONN_INFO_PATH"]
        threading.Thread(target=self.follow, name="driver", daemon=True).start()

    def follow(self):
        """Without its JVM there is no kernel."""
        os._exit(hearth_jvm.ended(self.process))

    def session(self):
        """Makes the session. In the main thread, whose active one it becomes. What Spark refuses ends this process."""
        import pandas  # noqa: F401
        import pyarrow  # noqa: F401
        import pyspark.sql.functions  # noqa: F401
        from py4j.protocol import Py4JJavaError
        from pyspark import SparkContext
        from pyspark.errors.exceptions.captured import CapturedException
        from pyspark.sql import SparkSession

        port, secret = self.address()
        os.environ.update(PYSPARK_GATEWAY_PORT=str(port), PYSPARK_GATEWAY_SECRET=secret)
        try:
            SparkContext._ensure_initialized()
        finally:
            # Not for what cells start.
            del os.environ["PYSPARK_GATEWAY_PORT"], os.environ["PYSPARK_GATEWAY_SECRET"]
        try:
            session = SparkSession.builder.getOrCreate()
            # Until it is asked something it does not read its properties.
            session.conf.get("spark.sql.warehouse.dir")
        except Py4JJavaError as error:
            hearth_jvm.refuse(error.java_exception)
        except CapturedException as error:
            hearth_jvm.refuse(error._origin)
        hearth_jvm.keep_port_of_pages(session.sparkContext.uiWebUrl)
        return session

    def address(self):
        """Where the JVM listens, and its secret."""
        from pyspark.serializers import UTF8Deserializer, read_int

        while not os.path.exists(self.told_in):
            time.sleep(LOOK_AGAIN)
        with open(self.told_in, "rb") as told:
            address = read_int(told), UTF8Deserializer().loads(told)
        os.remove(self.told_in)
        return address

    def end(self):
        """Lets Spark finish its event log. This process ends with it."""
        self.process.terminate()


class ClassicBinding(Binding):
    """Brings a session into a kernel that is there already."""

    def __init__(self, shell, driver, session):
        super().__init__(shell)
        self.driver = driver
        self.session = session
        shell.push({"spark": session, "sc": session.sparkContext})
        logging.getLogger().addFilter(lambda record: record.msg != INTERRUPTED)

    def now(self):
        self.warm_up()

    def soon(self, _):
        threading.Thread(target=self.warm_up, name="binding", daemon=True).start()

    def cancel(self):
        from pyspark import SparkContext

        # A cell may have made another context.
        context = SparkContext._active_spark_context
        if context is not None:
            context.cancelAllJobs()

    def end(self):
        self.driver.end()
