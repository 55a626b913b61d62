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
# Seconds that a cell's end waits at most for what shows its progress.
CLEARED_WITHIN = 1.0
# What Py4J writes when a cell is interrupted that waits for Spark, and by which logs. The cell shows it already.
INTERRUPTED = {
    "root": "KeyboardInterrupt while sending command.",
    "py4j.clientserver": "Exception occurred while shutting down connection",
}


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
        for log in INTERRUPTED:
            logging.getLogger(log).addFilter(lambda record: record.msg != INTERRUPTED.get(record.name))
        show_progress(shell)

    def warm_up(self):
        try:
            self.session.sql("select 1").toPandas()
        except Exception:
            # An interrupt cancels it too, or a cell has ended the session.
            pass

    def now(self):
        self.warm_up()

    def soon(self, _):
        threading.Thread(target=self.warm_up, name="binding", daemon=True).start()

    def cancel(self):
        context = active()
        if context is not None:
            context.cancelAllJobs()

    def end(self):
        self.driver.end()


def active():
    """The driver's context. A cell may have made another one, or ended it."""
    from pyspark import SparkContext

    return SparkContext._active_spark_context


def show_progress(shell):
    """Shows how far the jobs are that run for a while, in the cell that runs. A driver does not tell: it is asked."""
    import hearth_kernel
    from IPython.display import display

    begun, over, cleared = threading.Event(), threading.Event(), threading.Event()

    def follow():
        while begun.wait():
            begun.clear()
            shown, said, earlier = None, "", set()
            while not over.wait(hearth_kernel.QUIET):
                try:
                    jobs, numbers = how_far(earlier)
                except Exception:
                    # It ends, or another takes its place.
                    continue
                earlier = jobs
                text = hearth_kernel.progress(*numbers) if numbers else ""
                if shown is None and text:
                    shown = display({"text/plain": text}, raw=True, display_id=True)
                elif shown is not None and text != said:
                    shown.update({"text/plain": text}, raw=True)
                said = text
            if shown is not None and said:
                shown.update({"text/plain": ""}, raw=True)
            cleared.set()

    def before(_):
        over.clear()
        cleared.clear()
        begun.set()

    def after(_):
        over.set()
        # What it shows is of this cell, and not of the next.
        cleared.wait(CLEARED_WITHIN)

    threading.Thread(target=follow, name="progress", daemon=True).start()
    shell.events.register("pre_run_cell", before)
    shell.events.register("post_run_cell", after)


def how_far(earlier):
    """The jobs that run; and of those that have run earlier: tasks that are complete, all tasks, stages that are, all stages, and tasks
    that run. Nothing where there are none."""
    context = active()
    if context is None:
        return set(), None
    tracker = context.statusTracker()
    jobs = set(tracker.getActiveJobsIds())
    known = [tracker.getJobInfo(job) for job in jobs & earlier]
    stages = {stage for job in known if job is not None for stage in job.stageIds}
    stages = [stage for stage in map(tracker.getStageInfo, stages) if stage is not None]
    if not stages:
        return jobs, None
    complete, total = (sum(getattr(stage, name) for stage in stages) for name in ("numCompletedTasks", "numTasks"))
    finished = sum(1 for stage in stages if stage.numCompletedTasks >= stage.numTasks)
    return jobs, (complete, total, finished, len(stages), sum(stage.numActiveTasks for stage in stages))
