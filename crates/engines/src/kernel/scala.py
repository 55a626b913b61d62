"""A Scala kernel with `spark` bound to its session's Spark. Runs in a process that its host has forked.

The cells run in Scala's own REPL, in a JVM that this process starts and drives through Py4J: `notebook.scala` is the REPL's side of it.
The JVM starts together with Spark, and has compiled that by the time Spark answers. Where Spark has no Connect server its driver is in the
same JVM.
"""

import base64
import codecs
import json
import os
import re
import secrets
import subprocess
import sys
import threading
import time

from ipykernel.kernelbase import Kernel

import hearth_jvm
import hearth_kernel

# How often a cell that was interrupted is told again, and how many seconds apart.
TELL_TIMES, TELL_AGAIN = 20, 0.5
# How often it is told before the cell is ended without its consent.
PATIENCE = 6
# What a driver has beside its session.
CONTEXT = "@transient lazy val sc = spark.sparkContext\n"
# What a kernel knows of a cell that the REPL wants to show beside its text.
STOPS_NOT = (
    "The cell computes without ever waiting, and this Java cannot end it. Restart the kernel to go on; the session's tables stay.\n"
)


def run(host, connection_file, up, interrupts, port):
    """Runs the kernel until it is shut down. Writes to `up` once the connection file holds its ports, and reads from `port` where
    Spark listens."""
    repl = Repl(host)
    if repl.classic:
        repl.make_driver()
    else:
        repl.connect(host, int(os.read(port, 16)))
    # Cells write in the JVM, and not here.
    app = hearth_kernel.kernel_app(connection_file, up, kernel_class=ScalaKernel, outstream_class=None)
    app.initialize([])
    kernel = app.kernel
    kernel.use(repl)
    obey_interrupts(kernel, repl, interrupts)
    app.start()
    return 0


class Repl:
    """The JVM with the REPL in it."""

    def __init__(self, host):
        # Spark is in there too.
        self.classic = host.settings["spark"] is None
        self.classes = os.path.join(os.getcwd(), "kernel", f"classes-{host.kernels}")
        os.mkdir(self.classes, 0o700)
        self.mark = f"\x1e{secrets.token_hex(16)} "
        pipe = subprocess.PIPE
        self.process = hearth_jvm.start(host, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
        self.port = int(self.first_words(rb"\d+\n"))
        self.token = self.first_words(rb"\S+\n")
        self.said = threading.Condition()
        self.finished = {"stdout": 0, "stderr": 0}
        self.flushes = 0
        self.kernel = None
        for name in self.finished:
            threading.Thread(target=self.listen, args=[name], name=name, daemon=True).start()
        self.start()

    def first_words(self, form):
        """The next line of this form that the JVM writes. What it says otherwise, such as warnings of its own, is for the log."""
        for line in self.process.stdout:
            if re.fullmatch(form, line):
                return line.decode().strip()
            sys.stderr.buffer.write(line)
        sys.stderr.buffer.write(self.process.stderr.read())
        sys.stderr.flush()
        raise SystemExit(hearth_jvm.ended(self.process))

    def start(self):
        from py4j.java_gateway import GatewayParameters, JavaGateway

        parameters = GatewayParameters(port=self.port, auth_token=self.token, auto_convert=True)
        self.jvm = JavaGateway(gateway_parameters=parameters).jvm
        settings = self.jvm.scala.tools.nsc.Settings()
        settings.usejavacp().tryToSetFromPropertyValue("true")
        # Files of classes are what Spark is given of a cell's functions; a class around each cell is what can be sent.
        settings.processArgumentString(f"-Yrangepos -Yrepl-class-based -Yrepl-outdir {self.classes}")
        printed = self.jvm.java.io.StringWriter()
        writer = self.jvm.java.io.PrintWriter(printed)
        if not self.classic:
            writer = self.jvm.scala.tools.nsc.interpreter.shell.ReplReporterImpl(settings, writer)
        interpreter = self.jvm.scala.tools.nsc.interpreter.IMain(settings, writer)
        parts = [own("classic.scala"), own("notebook.scala"), CONTEXT] if self.classic else [own("remote.scala"), own("notebook.scala")]
        result = interpreter.interpret("".join(parts))
        if result.toString() != "Success":
            raise RuntimeError(f"the notebook's part of the REPL does not compile: {printed.toString()}")
        self.notebook = interpreter.valueOfTerm("hearth").get()
        self.notebook.start(interpreter, printed, self.mark)

    def connect(self, host, port):
        token = host.settings["env"]["SPARK_CONNECT_AUTHENTICATE_TOKEN"]
        remote = f"sc://{host.settings['spark']['host']}:{port}/;token={token}"
        self.notebook.connect(remote, self.classes)

    def make_driver(self):
        from py4j.protocol import Py4JJavaError

        try:
            pages = self.notebook.connect(self.classes)
        except Py4JJavaError as error:
            hearth_jvm.refuse(error.java_exception)
        hearth_jvm.keep_port_of_pages(pages)

    def listen(self, name):
        """Passes on what the JVM writes, and does what it marks."""
        stream = getattr(self.process, name)
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        rest = ""
        while True:
            data = os.read(stream.fileno(), 65536)
            rest = self.take(name, rest + decode(data, not data))
            if not data:
                break
        self.write(name, rest)
        if name == "stdout":
            self.on_end()

    def take(self, name, text):
        """Takes whole marked lines and what is outside of them; the rest, which may be the beginning of one."""
        while True:
            before, mark, after = text.partition(self.mark)
            line, end, after = after.partition("\n")
            if mark and end:
                self.write(name, before)
                self.obey(name, line)
                text = after
                continue
            begun = text.find(self.mark[0])
            # The beginning of a mark is kept for the next time, but not what cannot be one.
            while begun >= 0 and not mark and not self.mark.startswith(text[begun : begun + len(self.mark)]):
                begun = text.find(self.mark[0], begun + 1)
            keep = len(before) if mark else begun if begun >= 0 else len(text)
            self.write(name, text[:keep])
            return text[keep:]

    def write(self, name, text):
        if not text:
            return
        if self.kernel is None:
            sys.stderr.write(text)
            sys.stderr.flush()
        else:
            self.kernel.tell("stream", {"name": name, "text": text})

    def obey(self, name, line):
        what, _, rest = line.partition(" ")
        if what == "end":
            with self.said:
                self.finished[name] = int(rest)
                self.said.notify_all()
        elif what == "display" and self.kernel is not None:
            pairs = (word.partition("=") for word in rest.split(" "))
            data = {kind: base64.b64decode(text).decode() for kind, _, text in pairs}
            self.kernel.tell("display_data", {"data": data, "metadata": {}, "transient": {}})
        elif what == "progress" and self.kernel is not None:
            query, *numbers = rest.split(" ")
            self.kernel.show_progress(query, [int(number) for number in numbers])

    def flush(self):
        """Returns once everything is passed on that the cell has written."""
        self.flushes += 1
        self.notebook.flush(self.flushes)
        with self.said:
            self.said.wait_for(lambda: min(self.finished.values()) >= self.flushes)

    def on_end(self):
        """Without its JVM there is no kernel."""
        code = hearth_jvm.ended(self.process)
        if self.kernel is not None:
            self.kernel.last_words()
        os._exit(code)


class ScalaKernel(Kernel):
    """Jupyter's side of the REPL."""

    implementation = "hearth-scala"
    implementation_version = "1"
    banner = "Scala with Apache Spark"
    language_info = {
        "name": "scala",
        "version": "2.13",
        "mimetype": "text/x-scala",
        "file_extension": ".scala",
        "pygments_lexer": "scala",
        "codemirror_mode": "text/x-scala",
    }

    def use(self, repl):
        self.repl = repl
        self.cell = {}
        self.learnt = False
        # When a query was first said to be somewhere, and whether that is shown, by the queries' ids.
        self.queries = {}
        self.told_in = os.path.join(os.getcwd(), "kernel", "session.json")
        self.over = threading.Event()
        self.idle = threading.Event()
        self.over.set()
        self.idle.set()
        properties = repl.jvm.scala.util.Properties
        self.language_info = {**self.language_info, "version": properties.versionNumberString()}
        repl.kernel = self

    def learn(self):
        """Takes over what is known only since somebody has the session: see `binding.py`."""
        if self.learnt:
            return
        self.learnt = True
        with open(self.told_in) as file:
            properties = json.load(file)["properties"]
        for key, value in properties.items():
            failure = self.repl.notebook.set(key, value)
            if failure:
                self.tell("stream", {"name": "stderr", "text": f"The property {key} could not be set: {failure}\n"})

    def tell(self, kind, content):
        """Publishes something about the cell that runs, or that ran last. For any thread."""
        self.session.send(self.iopub_socket, kind, content, parent=self.cell, ident=self._topic(kind))

    def show_progress(self, query, numbers):
        """Shows how far a query is, once it runs for a while, as long as it does; no numbers are the end of it."""
        begun, shown = self.queries.pop(query, (time.monotonic(), False))
        if not numbers and not shown:
            return
        if numbers and not shown and time.monotonic() - begun < hearth_kernel.QUIET:
            self.queries[query] = (begun, False)
            return
        text = hearth_kernel.progress(*numbers) if numbers else ""
        content = {"data": {"text/plain": text}, "metadata": {}, "transient": {"display_id": query}}
        self.tell("update_display_data" if shown else "display_data", content)
        if numbers:
            self.queries[query] = (begun, True)

    def last_words(self):
        """Returns once what was published has left this process, or nobody takes it."""
        left = threading.Event()
        self.iopub_thread.schedule(left.set)
        left.wait(1.0)

    async def do_execute(self, code, silent, store_history=True, user_expressions=None, allow_stdin=False, **_):
        self.cell = self.get_parent()
        answer = {"status": "ok", "execution_count": self.execution_count, "payload": [], "user_expressions": {}}
        if not code.strip():
            return answer
        self.learn()
        self.over.clear()
        try:
            status, printed, *more = self.repl.notebook.run(code)
        finally:
            self.over.set()
            # Or what the next cell does would be cancelled too.
            self.idle.wait(hearth_kernel.CANCEL_LIMIT)
        self.repl.flush()
        if status == "Success":
            self.show(silent, printed, more)
            return answer
        error = failure(printed, more)
        self.tell("error", error)
        return {"status": "error", "execution_count": self.execution_count, **error}

    def show(self, silent, printed, html):
        text = printed.rstrip("\n")
        if silent or not text and not html:
            return
        data = {"text/plain": text, **{"text/html": table for table in html}}
        content = {"execution_count": self.execution_count, "data": data, "metadata": {}}
        self.tell("execute_result", content)

    async def do_complete(self, code, cursor_pos):
        start, *matches = self.repl.notebook.completions(code, cursor_pos)
        return {
            "status": "ok",
            "matches": matches,
            "cursor_start": int(start),
            "cursor_end": cursor_pos,
            "metadata": {},
        }

    async def do_inspect(self, code, cursor_pos, detail_level=0, omit_sections=()):
        start, end = word_at(code, cursor_pos)
        kind = self.repl.notebook.typeAt(code, start, end) if start < end else ""
        data = {"text/plain": f"{code[start:end]}: {kind}"} if kind else {}
        return {"status": "ok", "found": bool(kind), "data": data, "metadata": {}}

    async def do_is_complete(self, code):
        status = self.repl.notebook.complete(code)
        return {"status": status, **({"indent": "  "} if status == "incomplete" else {})}


def own(name):
    """A file of this program."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name)) as file:
        return file.read()


def failure(printed, exception):
    """An error as Jupyter has it. What the compiler refuses has no exception, but a line that says what it is."""
    lines = printed.rstrip("\n").split("\n")
    thrown = re.fullmatch(r"((?:[\w$]+\.)+[\w$]+)(?:: (.*))?", lines[0])
    if exception:
        name, message = exception
    elif thrown and any(line.startswith("  at ") for line in lines):
        # One that ends a thread by force is nobody's last exception.
        name, message = thrown.group(1), thrown.group(2) or ""
    else:
        name = "CompileError"
        said = (re.search(r"error: (.*)", line) for line in lines)
        message = next((found.group(1) for found in said if found), printed.strip())
    return {"ename": name, "evalue": message, "traceback": lines}


def word_at(code, place):
    """Where the name at a place of a cell begins and ends."""
    before = re.search(r"[\w$]*\Z", code[:place])
    after = re.match(r"[\w$]*", code[place:])
    return before.start(), place + after.end()


def obey_interrupts(kernel, repl, interrupts):
    """Ends the cell that runs, and cancels its Spark operations, for each byte that the host writes."""

    def obey():
        while os.read(interrupts, 1):
            if kernel.over.is_set():
                continue
            kernel.idle.clear()
            # Again and again: an operation that was on its way to Spark is cancelled only once it is there.
            for times in range(TELL_TIMES):
                try:
                    repl.notebook.interrupt(times > 0)
                    if times >= PATIENCE and not repl.notebook.stop():
                        kernel.tell("stream", {"name": "stderr", "text": STOPS_NOT})
                        break
                except Exception as error:
                    print(f"The cell could not be interrupted: {error}", file=sys.stderr, flush=True)
                if kernel.over.wait(TELL_AGAIN):
                    break
            kernel.idle.set()
        if repl.classic:
            # Lets Spark finish its event log. This process ends with it.
            repl.process.terminate()

    threading.Thread(target=obey, name="interrupts", daemon=True).start()
