"""The host of a session's kernel: starts the session's Spark, the relay and the kernel, and keeps them together. Where Spark is in the
kernel's own JVM the host starts none.

Run with the path of its settings, a JSON file (see `crates/engines/src/kernel.rs`). The kernel is forked from this process, which has
imported what a kernel needs to answer, so a restart takes a fifth of a second. For that this process has one thread only, opens
no channel, and uses nothing of what it imports. The kernel is forked while Spark is still starting; it is shown to nobody before
Spark is there.

The relay tells what to do in lines of JSON, and is told what happens (see `crates/relay/src/host.rs`).
"""

import ctypes
import fcntl
import importlib
import json
import os
import re
import secrets
import select
import signal
import subprocess
import sys
import time

from hearth_imports import import_what_kernels_need

# How often a kernel that ends by itself is started anew, and after how many seconds its earlier ends are forgotten.
RESTARTS, FORGIVEN_AFTER = 5, 60.0
# Seconds the relay has to say farewell, and Spark to end.
FAREWELL, SPARK_GRACE = 2.0, 1.0
# Seconds between looks at a kernel that is to end.
LOOK_AGAIN = 0.02
PR_SET_PDEATHSIG = 1
# The modules that are kernels, by the language of their cells.
KERNELS = {"python": "hearth_kernel", "scala": "hearth_scala"}


class Host:
    def __init__(self, settings):
        self.settings = settings
        self.language = settings["language"]
        # Where packages are put that are added to the session (see `crates/engines/src/packages.rs`): found by cells, and by
        # functions that Spark runs in processes of its own.
        self.packages = os.path.join(os.getcwd(), "packages")
        self.spark = None
        self.spark_said = b""
        self.spark_port = None
        self.spark_is_there = False
        self.relay = None
        self.relay_said = b""
        self.kernel = None
        self.kernel_ready = None
        self.connection_file = None
        self.interrupts = None
        self.port_to_kernel = None
        self.kernels = 0
        self.was_ready = False
        self.ends = []
        self.stopping = False
        self.failed = False

    def run(self):
        wakeup_read, wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        secret = os.environ.pop("HEARTH_ENGINE_SECRET")
        if self.settings["spark"] is not None:
            self.start_spark()
        self.start_relay(secret)
        import_what_kernels_need()
        # Every kernel has it, also one that is started anew.
        import hearth_kernel  # noqa: F401

        self.start_kernel()
        while not self.stopping:
            watched = [wakeup_read, self.relay.stdout.fileno()]
            if self.spark_speaks():
                watched.append(self.spark.stdout.fileno())
            if self.kernel_ready is not None:
                watched.append(self.kernel_ready)
            ready = select.select(watched, [], [])[0]
            if wakeup_read in ready:
                drain(wakeup_read)
            if self.spark_speaks() and self.spark.stdout.fileno() in ready:
                self.on_spark_output()
            if self.relay.stdout.fileno() in ready:
                self.on_relay_output()
            if self.kernel_ready in ready:
                self.on_kernel_up()
            self.look_after_children()
        return self.stop()

    def on_stop(self, *_):
        self.stopping = True

    def start_spark(self):
        spark = self.settings["spark"]
        self.spark = subprocess.Popen(
            [spark["program"], *spark["args"]],
            env={**os.environ, **spark["env"]},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        do_not_wait(self.spark.stdout)

    def spark_speaks(self):
        return self.spark is not None and not self.spark.stdout.closed

    def die_with_parent(self):
        """Of a process that a kernel starts, before it becomes another program."""
        die_with_parent()

    def on_spark_output(self):
        """Passes on what Spark writes, and looks in it for its port until that is known."""
        said = read(self.spark.stdout)
        if said is None:
            return
        if not said:
            self.spark.stdout.close()
            return
        sys.stderr.buffer.write(said)
        sys.stderr.buffer.flush()
        if self.spark_port is None:
            self.spark_said += said
            *lines, self.spark_said = self.spark_said.split(b"\n")
            for line in lines:
                self.spark_port = self.spark_port or port_in(line, self.settings["spark"]["listening"])
            if self.spark_port is not None:
                self.on_spark_there()
                self.tell_kernel_of_spark()
                self.tell_relay_of_kernel()

    def on_spark_there(self):
        self.spark_is_there = True
        self.tell({"event": "spark"})

    def tell_kernel_of_spark(self):
        """Tells the kernel where Spark is, once both are there."""
        if self.spark_port is not None and self.port_to_kernel is not None:
            try:
                os.write(self.port_to_kernel, b"%d" % self.spark_port)
            except OSError:
                # It has just ended.
                pass
            os.close(self.port_to_kernel)
            self.port_to_kernel = None

    def tell_relay_of_kernel(self):
        """Tells the relay of a kernel that has its sockets, unless its Spark is still starting."""
        if self.spark_is_there and self.connection_file is not None:
            self.tell({"event": "kernel", "connection-file": self.connection_file})
            self.connection_file = None

    def start_relay(self, secret):
        self.relay = subprocess.Popen(
            self.settings["relay"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=die_with_parent
        )
        do_not_wait(self.relay.stdout)
        self.tell({"secret": secret})

    def tell(self, what):
        try:
            self.relay.stdin.write(json.dumps(what).encode() + b"\n")
            self.relay.stdin.flush()
        except OSError:
            # It is gone, which is seen elsewhere.
            pass

    def on_relay_output(self):
        said = read(self.relay.stdout)
        if said is None:
            return
        if not said:
            complain("The kernel's relay has ended")
            self.stopping = True
            return
        self.relay_said += said
        *lines, self.relay_said = self.relay_said.split(b"\n")
        for line in lines:
            what = json.loads(line)["do"]
            if what == "ready":
                self.was_ready = True
            elif what == "interrupt" and self.kernel is not None:
                interrupt(self.interrupts)
            elif what == "restart":
                self.restart_kernel()

    def start_kernel(self):
        self.kernels += 1
        connection_file = os.path.join(os.getcwd(), "kernel", f"connection-{self.kernels}.json")
        with open(os.open(connection_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(
                {
                    # Sockets in this folder, which nobody else can enter. A longer path might not fit an address.
                    "transport": "ipc",
                    "ip": f"kernel/{self.kernels}",
                    "key": secrets.token_hex(32),
                    "signature_scheme": "hmac-sha256",
                    **{f"{name}_port": 0 for name in ("shell", "iopub", "stdin", "control", "hb")},
                },
                file,
            )
        self.kernel_ready, up = os.pipe2(os.O_CLOEXEC)
        if self.interrupts is not None:
            os.close(self.interrupts)
        interrupts, self.interrupts = os.pipe2(os.O_CLOEXEC)
        port, self.port_to_kernel = os.pipe2(os.O_CLOEXEC)
        host = os.getpid()
        self.kernel = os.fork()
        if self.kernel == 0:
            # Nothing of the host goes on in here, whatever happens.
            status = 1
            try:
                signal.set_wakeup_fd(-1)
                for number in (signal.SIGTERM, signal.SIGCHLD):
                    signal.signal(number, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                os.setsid()
                die_with_parent()
                os.close(self.port_to_kernel)
                if os.getppid() == host:
                    kernel = importlib.import_module(KERNELS[self.language])
                    status = kernel.run(self, connection_file, up, interrupts, port)
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else int(end.code is not None)
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        os.close(up)
        os.close(interrupts)
        os.close(port)
        self.tell_kernel_of_spark()

    def on_kernel_up(self):
        """The kernel has its ports, or has ended without them."""
        said = os.read(self.kernel_ready, 1)
        os.close(self.kernel_ready)
        self.kernel_ready = None
        if said:
            self.connection_file = os.path.join(os.getcwd(), "kernel", f"connection-{self.kernels}.json")
            if self.settings["spark"] is None and not self.spark_is_there:
                # It has one in a JVM of its own.
                self.on_spark_there()
            self.tell_relay_of_kernel()

    def restart_kernel(self):
        self.end_kernel()
        self.start_kernel()

    def end_kernel(self):
        """Ends the kernel with what it has started. Cells have no say in this: one that never returns is why people restart."""
        if self.kernel is None:
            return
        self.close_pipes()
        kernel, self.kernel = self.kernel, None
        ended = False
        if self.settings["spark"] is None:
            # Spark is in there, and finishes its event log.
            os.close(self.interrupts)
            self.interrupts = None
            ended = wait_for_pid(kernel, SPARK_GRACE)
        try:
            os.killpg(kernel, signal.SIGKILL)
        except ProcessLookupError:
            # It has not become the leader of its group yet, or nothing is left of that.
            if not ended:
                os.kill(kernel, signal.SIGKILL)
        if not ended:
            os.waitpid(kernel, 0)

    def close_pipes(self):
        """Forgets what a kernel would still have said, and been told."""
        for descriptor in (self.kernel_ready, self.port_to_kernel):
            if descriptor is not None:
                os.close(descriptor)
        self.kernel_ready = self.port_to_kernel = self.connection_file = None

    def look_after_children(self):
        if self.kernel is not None:
            ended, status = os.waitpid(self.kernel, os.WNOHANG)
            if ended:
                self.on_kernel_end(status)
        if not self.stopping and self.spark is not None and self.spark.poll() is not None:
            if not self.spark.stdout.closed:
                self.on_spark_output()
            complain(f"Spark has ended: {in_words(self.spark.returncode)}")
            self.stopping = True
            self.failed = True
        if not self.stopping and self.relay.poll() is not None:
            complain(f"The kernel's relay has ended: {in_words(self.relay.returncode)}")
            self.stopping = True
            self.failed = True

    def on_kernel_end(self, status):
        code = os.waitstatus_to_exitcode(status)
        try:
            # What it has started goes with it.
            os.killpg(self.kernel, signal.SIGKILL)
        except OSError:
            pass
        self.kernel = None
        self.close_pipes()
        text = f"The kernel has ended: {in_words(code)}."
        if code == -signal.SIGKILL:
            text = "The kernel was killed, most likely because the machine ran out of memory."
        complain(text)
        now = time.monotonic()
        self.ends = [at for at in self.ends if now - at < FORGIVEN_AFTER] + [now]
        if self.was_ready and len(self.ends) <= RESTARTS:
            self.tell({"event": "died", "text": f"{text} It is started anew; its variables are lost."})
            self.start_kernel()
        else:
            self.stopping = True
            self.failed = True

    def stop(self):
        """Lets the relay say farewell, and ends the rest. The order matters: a kernel that is killed says nothing more."""
        self.tell({"event": "ending"})
        try:
            self.relay.stdin.close()
        except OSError:
            pass
        wait(self.relay, FAREWELL)
        self.end_kernel()
        if self.spark is not None and self.spark.poll() is None:
            self.spark.send_signal(getattr(signal, self.settings["spark"]["stop-signal"]))
            wait(self.spark, SPARK_GRACE)
        for process in (self.relay, self.spark):
            if process is not None and process.poll() is None:
                process.kill()
        return 1 if self.failed else 0


def filled(settings):
    """The settings with the scratch directory, which is this process's own, where they say so."""
    if isinstance(settings, str):
        return settings.replace("{here}", os.getcwd())
    if isinstance(settings, list):
        return [filled(value) for value in settings]
    if isinstance(settings, dict):
        return {name: filled(value) for name, value in settings.items()}
    return settings


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def port_in(line, marker):
    """The port of the address that directly follows the marker. What comes after its digits does not matter."""
    before, found, after = line.partition(marker.encode())
    match = re.match(rb"\S*?:(\d+)(?![\d:])", after) if found else None
    return match and int(match.group(1))


def in_words(code):
    if code < 0:
        return f"signal {-code} ({signal.Signals(-code).name})"
    return f"exit code {code}"


def do_not_wait(stream):
    descriptor = stream.fileno()
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_NONBLOCK)


def read(stream):
    """What there is to read; nothing at the end, `None` where there is none yet."""
    try:
        return os.read(stream.fileno(), 65536)
    except BlockingIOError:
        return None


def interrupt(descriptor):
    try:
        os.write(descriptor, b"+")
    except OSError:
        # It has just ended.
        pass


def drain(descriptor):
    try:
        while os.read(descriptor, 512):
            pass
    except BlockingIOError:
        pass


def wait(process, seconds):
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        pass


def wait_for_pid(pid, seconds):
    """Whether this child has ended within so many seconds, and was waited for."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True
        time.sleep(LOOK_AGAIN)
    return False


def complain(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        host = Host(filled(json.load(file)))
    sys.exit(host.run())
