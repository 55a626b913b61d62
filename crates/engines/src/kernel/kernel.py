"""A Python kernel with `spark` bound to its session's Spark. Runs in a process that its host has forked."""

import os
import signal
import sys
import threading

# Rows of a DataFrame that are shown.
SHOWN_ROWS = 20
# Seconds a query runs before its progress is shown.
QUIET = 0.5
# Seconds an interrupted cell waits at most for Spark to have cancelled its operations.
CANCEL_LIMIT = 5.0


def run(settings, spark_address, connection_file, up):
    """Runs the kernel until it is shut down. Writes to `up` once the connection file holds its ports."""
    os.environ.update(settings["env"])
    os.environ["SPARK_REMOTE"] = f"sc://{spark_address}/{settings['remote-parameters']}"
    for path in reversed(settings["paths"]):
        sys.path.insert(0, path)
    sys.argv = [settings["argv0"]]

    from ipykernel.kernelapp import IPKernelApp
    from traitlets.config import Config

    class App(IPKernelApp):
        def init_iopub(self, context):
            # The relay reads always; what waits for it must not be dropped, as it is by default after 1000 messages.
            context.set(__import__("zmq").SNDHWM, 0)
            super().init_iopub(context)

        def write_connection_file(self, **kwargs):
            super().write_connection_file(**kwargs)
            os.write(up, b"+")
            os.close(up)

        def init_signal(self):
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    config = Config()
    # The host ends this process; polling for its parent would only cost time.
    config.IPKernelApp.parent_handle = 0
    config.IPKernelApp.connection_file = connection_file
    config.HistoryManager.enabled = False
    app = App.instance(config=config)
    app.initialize([])
    prepare(app.shell, settings)
    app.start()
    return 0


def prepare(shell, settings):
    """Gives the user's namespace `spark`, and the shell what notebooks expect of it."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.getOrCreate()
    shell.push({"spark": spark})
    show_dataframes(shell)
    show_progress(spark)
    cancel_on_interrupt(shell)
    install_packages(shell, settings)


def show_dataframes(shell):
    """Shows a DataFrame as a table of its first rows."""
    from pyspark.sql.connect.dataframe import DataFrame

    def first_rows(frame):
        eager = frame.sparkSession.conf.get("spark.sql.repl.eagerEval.enabled", "true")
        if str(eager).lower() == "false":
            return None
        rows = frame.limit(SHOWN_ROWS + 1).toPandas()
        return rows.head(SHOWN_ROWS), len(rows) > SHOWN_ROWS

    def html(frame):
        shown = first_rows(frame)
        if shown is None:
            return None
        rows, more = shown
        note = f"<p>only the first {SHOWN_ROWS} rows are shown</p>" if more else ""
        return rows.to_html(index=False, max_cols=None, notebook=True, border=0) + note

    formatters = shell.display_formatter.formatters
    formatters["text/html"].for_type(DataFrame, html)


def show_progress(spark):
    """Shows how far a query is, once it runs for a while, in the cell that runs it."""
    import time

    from IPython.display import display

    running = {}

    def on_progress(stages, inflight_tasks, operation_id, done):
        if threading.current_thread() is not threading.main_thread() or not stages and operation_id not in running:
            return
        begun, shown = running.get(operation_id, (time.monotonic(), None))
        if not done and time.monotonic() - begun < QUIET:
            running[operation_id] = (begun, shown)
            return
        if done:
            running.pop(operation_id, None)
            if shown is not None:
                shown.update({"text/plain": ""}, raw=True)
            return
        total = sum(stage.num_tasks for stage in stages)
        complete = sum(stage.num_completed_tasks for stage in stages)
        percent = 100 * complete // total if total else 0
        finished = sum(1 for stage in stages if stage.done)
        text = f"Spark: {percent} % ({complete} of {total} tasks, {finished} of {len(stages)} stages, {inflight_tasks} running)"
        if shown is None:
            shown = display({"text/plain": text}, raw=True, display_id=True)
        else:
            shown.update({"text/plain": text}, raw=True)
        running[operation_id] = (begun, shown)

    spark.registerProgressHandler(on_progress)


def cancel_on_interrupt(shell):
    """Makes an interrupt cancel the Spark operations that run, before it ends the cell."""

    def cancel():
        from pyspark.sql import SparkSession

        try:
            session = SparkSession.getActiveSession()
            if session is not None:
                session.interruptAll()
        except Exception as error:
            print(f"Spark could not cancel what runs: {error}", file=sys.stderr)

    def on_interrupt(number, frame):
        # In a thread: the main one may hold what a call needs.
        thread = threading.Thread(target=cancel, name="cancel", daemon=True)
        thread.start()
        thread.join(CANCEL_LIMIT)
        raise KeyboardInterrupt

    kernel = shell.kernel

    # The kernel sets the handler for each cell with these two.
    def before():
        before.saved = signal.signal(signal.SIGINT, on_interrupt)

    def after():
        signal.signal(signal.SIGINT, getattr(before, "saved", signal.SIG_IGN))

    kernel.pre_handler_hook = before
    kernel.post_handler_hook = after


def install_packages(shell, settings):
    """Makes `%pip install` put packages into the session's own environment, over its runtime's."""
    import shlex
    import subprocess

    def pip(line):
        words = shlex.split(line)
        target = settings["packages"]
        if words[:1] == ["install"]:
            command = [settings["uv"], "pip", "install", "--python", python(target), *words[1:]]
        elif words[:1] in (["list"], ["freeze"], ["show"], ["uninstall"]):
            command = [settings["uv"], "pip", *words[:1], "--python", python(target), *words[1:]]
        else:
            print("%pip knows install, uninstall, list, freeze and show")
            return
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(ended.stdout, end="")
        import importlib

        importlib.invalidate_caches()
        if ended.returncode == 0 and words[0] == "install":
            print("The packages are there for this session, in cells and in functions that Spark runs.")

    def python(target):
        """The session's own interpreter, whose environment is made the first time."""
        program = os.path.join(target, "bin", "python")
        if not os.path.exists(program):
            make = [settings["uv"], "venv", "--quiet", "--no-project", "--python", sys.executable, target]
            subprocess.run(make, check=True)
            version = f"python{sys.version_info.major}.{sys.version_info.minor}"
            site = os.path.join(target, "lib", version, "site-packages")
            with open(os.path.join(site, "hearth-base.pth"), "w") as file:
                file.write("".join(f"import site; site.addsitedir({path!r})\n" for path in settings["base-packages"]))
        return program

    shell.register_magic_function(pip, "line", "pip")
