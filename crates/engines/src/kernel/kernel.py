"""A Python kernel with `spark` bound to its session's Spark. Runs in a process that its host has forked."""

import os
import re
import signal
import sys
import threading

from hearth_binding import RemoteBinding
from hearth_classic import ClassicBinding, Driver
from hearth_debugger import Kernel, left_out
from hearth_outputs import Outputs

# Rows of a DataFrame that are shown.
SHOWN_ROWS = 20
# Seconds a query runs before its progress is shown.
QUIET = 0.5
# Seconds the next cell waits at most for Spark to have cancelled the operations of an interrupted one.
CANCEL_LIMIT = 5.0
# How often Spark is asked to cancel what an interrupted cell still runs, and how many seconds apart.
CANCEL_TIMES, CANCEL_AGAIN = 20, 0.5


def run(host, connection_file, up, interrupts, port):
    """Runs the kernel until it is shut down. Writes to `up` once the connection file holds its ports, and reads from `port` where
    Spark listens."""
    os.environ.update(host.settings["env"])
    # The notebook's folder and its own packages come first; the folder of this program is nothing to a notebook.
    sys.path[0:1] = ["", host.packages]
    sys.argv = ["kernel"]

    from tornado.ioloop import IOLoop

    ahead = host.kernels == 1 and "HEARTH_SESSION" not in os.environ
    driver = None
    if host.settings["spark"] is None:
        driver = Driver(host)
        session = driver.session()
    app = kernel_app(connection_file, up, kernel_class=Kernel)
    app.initialize([])
    if driver is None:
        binding = RemoteBinding(app.shell, host.settings["spark"]["host"], port, show_progress)
    else:
        binding = ClassicBinding(app.shell, driver, session)
    show_dataframes(app.shell)
    obey_interrupts(app.shell, binding, interrupts)
    install_packages(app.shell, binding, host)
    if ahead:
        binding.now()
    else:
        binding.soon(IOLoop.current())
    app.start()
    return 0


def kernel_app(connection_file, up, **settings):
    """A kernel for the relay that the host has started, not yet initialized."""
    import zmq
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.config import Config

    class App(IPKernelApp):
        def _session_default(self):
            return Outputs(parent=self)

        def _bind_socket(self, socket, port):
            if socket.type == zmq.XPUB:
                # The relay reads always. What waits for it must not be dropped, as it is by default after 1000 messages.
                socket.sndhwm = 0
            return super()._bind_socket(socket, port)

        def write_connection_file(self, **kwargs):
            super().write_connection_file(**kwargs)
            os.write(up, b"+")
            os.close(up)

        def log_connection_info(self):
            pass

        def init_kernel(self):
            with left_out():
                super().init_kernel()

        def init_signal(self):
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    config = Config()
    # The host ends this process; polling for its parent would only cost time.
    config.IPKernelApp.parent_handle = 0
    config.IPKernelApp.connection_file = connection_file
    config.HistoryManager.enabled = False
    return App.instance(config=config, **settings)


def show_dataframes(shell):
    """Shows a DataFrame as a table of its first rows."""

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
    # By their names: not both are ever imported.
    for module in ("pyspark.sql.connect.dataframe", "pyspark.sql.dataframe"):
        formatters["text/html"].for_type_by_name(module, "DataFrame", html)


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
        finished = sum(1 for stage in stages if stage.done)
        text = progress(complete, total, finished, len(stages), inflight_tasks)
        if shown is None:
            shown = display({"text/plain": text}, raw=True, display_id=True)
        else:
            shown.update({"text/plain": text}, raw=True)
        running[operation_id] = (begun, shown)

    spark.registerProgressHandler(on_progress)


def progress(complete, total, finished, stages, running):
    """How far a query is, in words."""
    percent = 100 * complete // total if total else 0
    return f"Spark: {percent} % ({complete} of {total} tasks, {finished} of {stages} stages, {running} running)"


def obey_interrupts(shell, binding, interrupts):
    """Ends the cell that runs, and cancels its Spark operations, for each byte that the host writes."""
    main = threading.main_thread().ident
    over = threading.Event()
    idle = threading.Event()
    over.set()
    idle.set()

    # A thread of its own, there from the start. A signal to the process might be taken by any thread, and would then not
    # wake the main one; and what a signal interrupts may hold any lock that a call to Spark would need.
    def obey():
        while os.read(interrupts, 1):
            if over.is_set():
                continue
            idle.clear()
            signal.pthread_kill(main, signal.SIGINT)
            # Again and again: an operation that was on its way to Spark is cancelled only once it is there, and the
            # interrupt may have come where Python passes over exceptions.
            for _ in range(CANCEL_TIMES):
                try:
                    binding.cancel()
                except Exception as error:
                    print(f"Spark could not cancel what runs: {error}", file=sys.stderr)
                if over.wait(CANCEL_AGAIN):
                    break
            idle.set()
        binding.end()

    threading.Thread(target=obey, name="interrupts", daemon=True).start()
    kernel = shell.kernel
    # The kernel sets the handler for each request with these two.
    outside = [signal.SIG_IGN]

    def before():
        outside[0] = signal.signal(signal.SIGINT, signal.default_int_handler)
        over.clear()

    def after():
        signal.signal(signal.SIGINT, outside[0])
        over.set()
        # Or the query of the next cell would be cancelled too.
        idle.wait(CANCEL_LIMIT)

    kernel.pre_handler_hook = before
    kernel.post_handler_hook = after


def install_packages(shell, binding, host):
    """Makes `%pip install` put packages into the session's own environment, over its runtime's."""
    import importlib
    import importlib.metadata
    import shlex
    import subprocess

    uv = host.settings["uv"]

    def pip(line):
        words = shlex.split(line)
        if words in (["list"], ["freeze"]):
            for name, version in sorted(there().items()):
                print(f"{name}=={version}")
        elif words[:1] not in (["install"], ["uninstall"]):
            print("%pip knows install, uninstall, list and freeze.")
        elif uv is None:
            print("This session cannot install packages: there is no uv. Run `hearth doctor` where the service runs.")
        elif words[0] == "install":
            index = binding.index()
            if index is None and host.settings["uv-withheld"]:
                # Without them packages would come from somewhere else.
                names = ", ".join(host.settings["uv-withheld"])
                print(f"The service installs packages with credentials that notebooks do not get ({names}).")
                print("Name packages in the session's property spark.dataproc.python.packages, or give the session an index of its own.")
                return
            own = ["--no-config", "--default-index", index] if index else []
            run("install", "--overrides", "/dev/stdin", *own, *words[1:], stdin=overrides(words[1:]))
            importlib.invalidate_caches()
        else:
            run("uninstall", *(word for word in words[1:] if word not in ("-y", "--yes")))

    def run(command, *words, stdin=""):
        ended = subprocess.run(
            [uv, "--color", "never", "pip", command, "--python", sys.executable, "--target", host.packages, *words],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **host.settings["uv-env"], "UV_PYTHON_DOWNLOADS": "never"},
        )
        print(ended.stdout, end="")

    def there():
        packages = importlib.metadata.distributions()
        return {package.metadata["Name"]: package.version for package in packages if package.metadata["Name"]}

    def overrides(words):
        """Leaves out what is there already, unless it is named: Spark was tested with these versions."""
        named = {re.split(r"[^A-Za-z0-9._-]", word)[0].lower() for word in words}
        names = {name.lower() for name in there()}
        if "pyspark-client" in names:
            names.add("pyspark")
        return "".join(f'{name} ; python_version < "0"\n' for name in sorted(names - named))

    shell.register_magic_function(pip, "line", "pip")
