// The part of a Scala notebook whose REPL is in the driver's JVM, in Scala 2.12.
trait HearthNotebookSpark {
  import org.apache.spark.{SparkConf, Success}
  import org.apache.spark.scheduler._
  import org.apache.spark.sql.SparkSession
  import scala.collection.mutable
  import scala.tools.nsc.interpreter.{IMain, PresentationCompilerCompleter, Results}

  type Dataset[T] = org.apache.spark.sql.Dataset[T]

  // Says something to the kernel, in a line.
  protected def say(what: String): Unit

  protected var repl: IMain = _
  protected var session: SparkSession = _

  def spark: SparkSession = session

  // Makes the driver; where its web pages are, nothing if it has none. Executors get the classes of cells from it.
  def connect(classes: String): String = {
    // Threads that read results inherit it.
    Thread.currentThread.setContextClassLoader(repl.classLoader)
    val conf = new SparkConf().set("spark.repl.class.outputDir", classes)
    session = SparkSession.builder().config(conf).getOrCreate()
    // Until it is asked something it does not read its properties.
    session.conf.get("spark.sql.warehouse.dir")
    session.sparkContext.addSparkListener(new Progress(session.sparkContext.applicationId))
    session.sparkContext.uiWebUrl.getOrElse("")
  }

  // Tells how far jobs are, but not for each of a thousand tasks. Called by one thread.
  private class Progress(application: String) extends SparkListener {
    private class Stage(val total: Int, var complete: Int = 0, var running: Int = 0)
    private val jobs = mutable.Map.empty[Int, Map[Int, Stage]]
    private var saidAt = 0L

    override def onJobStart(start: SparkListenerJobStart): Unit = {
      val stages = start.stageInfos.map(stage => stage.stageId -> new Stage(stage.numTasks)).toMap
      jobs(start.jobId) = stages
      tell(start.jobId, stages)
    }

    override def onTaskStart(start: SparkListenerTaskStart): Unit = of(start.stageId) { stage => stage.running += 1 }

    override def onTaskEnd(end: SparkListenerTaskEnd): Unit = of(end.stageId) { stage =>
      stage.running -= 1
      if (end.reason == Success) stage.complete += 1
    }

    override def onJobEnd(end: SparkListenerJobEnd): Unit =
      if (jobs.remove(end.jobId).isDefined) say(s"progress ${id(end.jobId)}")

    private def of(stageId: Int)(change: Stage => Unit): Unit =
      for ((job, stages) <- jobs; stage <- stages.get(stageId)) {
        change(stage)
        if (System.currentTimeMillis - saidAt > 200) tell(job, stages)
      }

    private def tell(job: Int, stages: Map[Int, Stage]): Unit = {
      saidAt = System.currentTimeMillis
      val all = stages.values
      val finished = all.count(stage => stage.complete >= stage.total)
      say(s"progress ${id(job)} ${all.map(_.complete).sum} ${all.map(_.total).sum} $finished ${all.size} ${all.map(_.running).sum}")
    }

    private def id(job: Int): String = s"$application-job-$job"
  }

  // Executors ask for what they miss.
  protected def forgetClasses(): Unit = ()

  // Cancels all jobs; how many there were.
  protected def cancel(): Int = {
    val context = session.sparkContext
    val running = context.statusTracker.getActiveJobIds().length
    context.cancelAllJobs()
    running
  }

  // Runs all of a cell. What is missing at its end is an error.
  protected def interpretAll(code: String): Results.Result = repl.interpret(code) match {
    case Results.Incomplete =>
      repl.reporter.printMessage("error: the cell is not complete: something in it is not closed")
      Results.Error
    case result => result
  }

  protected def parsed(code: String): Results.Result = {
    val interpreter = repl
    quietly(interpreter.parse(code)) match {
      case _: interpreter.parse.Success => Results.Success
      case _: interpreter.parse.Incomplete => Results.Incomplete
      case _: interpreter.parse.Error => Results.Error
    }
  }

  protected def quietly[T](body: => T): T =
    try repl.beSilentDuring(body)
    finally repl.reporter.reset()

  // The names of the terms that the last expression has defined.
  protected def lastTerms: Seq[String] = repl.lastRequest.termNames.map(_.toString)

  // What may stand at a place of a cell, and where it would begin.
  protected def candidates(code: String, cursor: Int): (Int, Seq[String]) = {
    val found = new PresentationCompilerCompleter(repl).complete(code, cursor)
    (found.cursor, found.candidates)
  }

  // The type of the name that ends there, with the names and dots before it.
  protected def typed(code: String, start: Int, end: Int): String = {
    val name = "(?<![\\w$.)\\]}])[a-zA-Z_$][\\w$.]*\\z".r.findFirstIn(code.take(end))
    name.fold("") { name =>
      val found = quietly(repl.typeOfExpression(name))
      if (found == null || found == repl.global.NoType) "" else found.toString
    }
  }
}
