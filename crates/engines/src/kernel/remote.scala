// The part of a Scala notebook whose REPL is a client of Spark Connect, in Scala 2.13.
trait HearthNotebookSpark {
  import org.apache.spark.connect.proto.ExecutePlanResponse
  import org.apache.spark.sql.connect.SparkSession
  import org.apache.spark.sql.connect.client.REPLClassDirMonitor
  import org.sparkproject.io.grpc.{CallOptions, Channel, ClientCall, ClientInterceptor, Metadata, MethodDescriptor, Status}
  import org.sparkproject.io.grpc.ForwardingClientCall.SimpleForwardingClientCall
  import org.sparkproject.io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener
  import scala.jdk.CollectionConverters._
  import scala.tools.nsc.interpreter.{IMain, Results}
  import scala.tools.nsc.interpreter.shell.ReplCompletion

  type Dataset[T] = org.apache.spark.sql.Dataset[T]

  // Says something to the kernel, in a line.
  protected def say(what: String): Unit

  protected var repl: IMain = _
  protected var session: SparkSession = _
  private var finder: NewClasses = _

  def spark: SparkSession = session

  def connect(remote: String, classes: String): Unit = {
    val builder = SparkSession.builder().remote(remote)
    // Not called as usual: the compiler looks for gRPC by the name that it had before Spark's jar was put together.
    builder.getClass.getMethod("interceptor", classOf[ClientInterceptor]).invoke(builder, Progress)
    session = builder.getOrCreate()
    finder = new NewClasses(classes)
    session.registerClassFinder(finder)
    session.version
  }

  // Tells how far queries are, which Spark says beside their rows and its client passes over.
  private object Progress extends ClientInterceptor {
    override def interceptCall[Q, A](method: MethodDescriptor[Q, A], options: CallOptions, next: Channel): ClientCall[Q, A] =
      new SimpleForwardingClientCall[Q, A](next.newCall(method, options)) {
        override def start(listener: ClientCall.Listener[A], headers: Metadata): Unit = super.start(new Answers(listener), headers)
      }

    private class Answers[A](listener: ClientCall.Listener[A]) extends SimpleForwardingClientCallListener[A](listener) {
      // The query that was said to be somewhere last.
      private var query = ""

      override def onMessage(message: A): Unit = {
        message match {
          case answer: ExecutePlanResponse if answer.hasExecutionProgress && answer.getExecutionProgress.getStagesCount > 0 =>
            val progress = answer.getExecutionProgress
            val stages = progress.getStagesList.asScala
            val (complete, total) = (stages.map(_.getNumCompletedTasks).sum, stages.map(_.getNumTasks).sum)
            query = answer.getOperationId
            say(s"progress $query $complete $total ${stages.count(_.getDone)} ${stages.size} ${progress.getNumInflightTasks}")
          case answer: ExecutePlanResponse if answer.hasResultComplete => say(s"progress ${answer.getOperationId}")
          case _ =>
        }
        super.onMessage(message)
      }

      override def onClose(status: Status, trailers: Metadata): Unit = {
        // A query that takes long goes on in another call.
        if (!status.isOk && query.nonEmpty) say(s"progress $query")
        super.onClose(status, trailers)
      }
    }
  }

  // The classes of cells, each once: the client sends all that it is told of with every request. None changes, once it is there.
  private class NewClasses(folder: String) extends REPLClassDirMonitor(folder) {
    private val sent = java.util.concurrent.ConcurrentHashMap.newKeySet[String]()

    override def findClasses() = super.findClasses().filter(found => sent.add(found.path.toString))

    def again(): Unit = sent.clear()
  }

  // It may be that those of a cell that failed have not arrived.
  protected def forgetClasses(): Unit = finder.again()

  // Cancels what Spark does for this client; how many operations there were.
  protected def cancel(): Int = session.interruptAll().size

  // Runs all of a cell. What is missing at its end is an error.
  protected def interpretAll(code: String): Results.Result = repl.interpretFinally(code)

  protected def parsed(code: String): Results.Result = repl.parseString(code)

  protected def quietly[T](body: => T): T = repl.reporter.suppressOutput {
    try body
    finally repl.reporter.reset()
  }

  // The names of the terms that the last expression has defined.
  protected def lastTerms: Seq[String] = repl.lastRequest.definesTermNames

  // What may stand at a place of a cell, and where it would begin.
  protected def candidates(code: String, cursor: Int): (Int, Seq[String]) = {
    val found = new ReplCompletion(repl).complete(code, cursor)
    (found.cursor, found.candidates.map(_.name))
  }

  protected def typed(code: String, start: Int, end: Int): String = repl.presentationCompile(end, code) match {
    case Right(compiled) =>
      try compiled.typeAt(start, end)
      finally compiled.cleanup()
    case Left(_) => ""
  }
}
