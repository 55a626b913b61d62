"""`spark` in a kernel's namespace, bound to its session's Spark: while clients connect, or before there are any."""

import json
import os
import sys
import threading

# Seconds that a new kernel has to itself before modules are imported beside it, unless a cell needs them sooner. Whoever asks for a
# kernel waits for its first answers, and imports beside them held those up by more than a tenth of a second.
HEAD_START = 0.25


class Binding:
    """What a kernel knows of its Spark, and of whose session it is."""

    def __init__(self, shell):
        self.shell = shell
        # What was said of the session, and where that is. In an engine that was made ahead it comes later.
        self.facts = None
        self.told_in = os.path.join(os.getcwd(), "kernel", "session.json")
        self.session = None
        shell.events.register("pre_execute", self.before_cell)

    def before_cell(self):
        self.learn()

    def cancel(self):
        """Cancels what Spark does for the cell that runs. For any thread."""
        raise NotImplementedError

    def end(self):
        """The kernel is about to be killed."""

    def index(self):
        """The session's own package index, if it has one."""
        self.learn()
        return self.facts["index"]

    def warm_up(self):
        """Asks what costs nothing but the time that a first question takes more than others."""
        try:
            self.session.sql("select 1").toPandas()
        except Exception as error:
            # The cell that needs it will say so.
            print(f"Spark does not answer yet: {error}", file=sys.stderr)

    def learn(self):
        """Takes over what is known only since somebody has the session."""
        if self.facts is not None:
            return
        with open(self.told_in) as file:
            facts = json.load(file)
        os.environ.update(facts["variables"])
        for key, value in facts["properties"].items():
            try:
                # An engine that was launched with them has them already, and some could not be set any more.
                if self.session.conf.get(key, None) != value:
                    self.session.conf.set(key, value)
            except Exception as error:
                print(f"The property {key} could not be set: {error}", file=sys.stderr)
        self.facts = facts


class RemoteBinding(Binding):
    """Brings a client of Spark Connect into a kernel. What takes time is done in a thread of its own, so that the kernel answers
    meanwhile; the first cell waits for it."""

    def __init__(self, shell, host, port, settle):
        super().__init__(shell)
        self.host = host
        # Its port is read from here, once Spark listens.
        self.port = port
        # Called with the session once there is one.
        self.settle = settle
        self.failure = None
        self.wanted = threading.Event()
        self.imported = threading.Event()
        self.bound = threading.Event()

    def now(self):
        """Does everything at once: nobody waits for an engine that is made ahead, and whoever gets it waits for nothing."""
        self.import_all()
        self.bind()
        self.warm_up()

    def soon(self, loop):
        """Does everything while the kernel is there already."""

        def prepare():
            self.wanted.wait(HEAD_START)
            try:
                self.import_all()
            except BaseException as failure:
                self.failure = failure
                self.imported.set()
                return
            loop.add_callback(self.bind)
            self.bound.wait()
            self.warm_up()

        threading.Thread(target=prepare, name="binding", daemon=True).start()

    def cancel(self):
        """Not in the active session alone, which each thread has its own of."""
        known = {id(session): session for session in (self.session, self.shell.user_ns.get("spark")) if session is not None}
        for session in known.values():
            if not getattr(session, "is_stopped", True):
                session.interruptAll()

    def before_cell(self):
        self.wanted.set()
        self.imported.wait()
        if self.failure is not None:
            raise self.failure
        self.bind()
        self.learn()

    def import_all(self):
        import grpc  # noqa: F401
        import pandas  # noqa: F401
        import pyarrow  # noqa: F401
        import pyspark.sql.connect.session  # noqa: F401
        import pyspark.sql.functions  # noqa: F401

        os.environ["SPARK_REMOTE"] = f"sc://{self.host}:{int(os.read(self.port, 16))}"
        os.close(self.port)
        self.imported.set()

    def bind(self):
        """In the main thread, whose active session it becomes."""
        if self.session is not None:
            return
        from pyspark.sql import SparkSession

        self.session = SparkSession.builder.getOrCreate()
        self.shell.push({"spark": self.session})
        self.settle(self.session)
        self.bound.set()
