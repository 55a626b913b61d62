// What a Scala kernel's REPL has for its notebook. Compiled by the REPL itself as its first cell, while Spark starts, with one of the two
// parts that know where Spark is (`remote.scala`, `classic.scala`); `scala.py` calls it.
class HearthNotebook extends HearthNotebookSpark with java.io.Closeable {
  import java.io.{FileDescriptor, FileOutputStream, PrintStream, StringWriter}
  import java.nio.charset.StandardCharsets.UTF_8
  import java.util.{ArrayList, Base64}
  import scala.tools.nsc.interpreter.{IMain, Results}

  // Rows of a DataFrame that are shown.
  private val shownRows = 20
  private val out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8")
  private var printed: StringWriter = _
  private var mark: String = _
  // The thread that runs a cell, while it does.
  @volatile private var running: Thread = _

  def start(repl: IMain, printed: StringWriter, mark: String): Unit = {
    this.repl = repl
    this.printed = printed
    this.mark = mark
  }

  // Sets a property that the session does not have yet. Why it cannot be, nothing if it is.
  def set(key: String, value: String): String =
    try {
      if (session.conf.getOption(key) != Some(value)) session.conf.set(key, value)
      ""
    } catch {
      case error: Exception => String.valueOf(error.getMessage)
    }

  def close(): Unit = if (session != null) session.close()

  // Runs a cell: how it ended, what the REPL printed of it, and of an error its name and text; of a DataFrame its table.
  def run(code: String): ArrayList[String] = {
    val earlier = lastException
    val request = repl.lastRequest
    printed.getBuffer.setLength(0)
    val answer = new ArrayList[String]()
    running = Thread.currentThread
    running.setContextClassLoader(repl.classLoader)
    try {
      val result = interpret(code)
      answer.add(result.toString)
      answer.add(printed.toString)
      if (result == Results.Success) {
        if (repl.lastRequest ne request) table(shownValue).foreach(html => answer.add(html))
      } else {
        forgetClasses()
        val error = lastException
        if (error != null && (error ne earlier)) {
          answer.add(error.getClass.getName)
          answer.add(String.valueOf(error.getMessage))
        }
      }
    } catch {
      case error: Throwable =>
        forgetClasses()
        answer.clear()
        val trace = new StringWriter()
        error.printStackTrace(new java.io.PrintWriter(trace, true))
        for (text <- List("Error", trace.toString, error.getClass.getName, String.valueOf(error.getMessage))) answer.add(text)
    } finally {
      running = null
      Thread.interrupted()
    }
    answer
  }

  // A class that is still being defined cannot be loaded by Spark's executors: what a cell defines first is run apart from the rest,
  // unless it needs the rest.
  private def interpret(code: String): Results.Result = definitions(code) match {
    case Some(end) if interpretAll(code.take(end)) == Results.Success =>
      // Lines are counted from the cell's first.
      interpretAll("\n" * code.take(end).count(_ == '\n') + code.drop(end).replaceFirst("^[ \t]*;", ""))
    case _ =>
      printed.getBuffer.setLength(0)
      interpretAll(code)
  }

  // Where the classes and objects end that a cell begins with, if anything but such follows.
  private def definitions(code: String): Option[Int] = {
    val compiler = repl.global
    import compiler.{ImplDef, Import, newUnitParser}
    if (!code.matches("(?s).*\\b(class|object|trait)\\b.*")) return None
    val trees = quietly {
      if (parsed(code) == Results.Success) newUnitParser(code).parseStats() else Nil
    }
    val (imports, others) = trees.span(_.isInstanceOf[Import])
    val (classes, rest) = others.span(_.isInstanceOf[ImplDef])
    val whole = classes.isEmpty || rest.isEmpty || rest.exists(_.isInstanceOf[ImplDef]) || !classes.last.pos.isRange
    if (whole) None else Some(classes.last.pos.end).filter(end => parsed(code.drop(end)) == Results.Success)
  }

  private def lastException: Throwable = repl.valueOfTerm("lastException").orNull.asInstanceOf[Throwable]

  // The value of the last expression of the last cell that had a value without a name.
  private def shownValue: Any = {
    val name = repl.mostRecentVar
    val unnamed = lastTerms.lastOption.contains(name) && name.matches("res\\d+")
    if (unnamed) repl.valueOfTerm(name).orNull else null
  }

  // All that was written so far is out when a line with this number comes.
  def flush(number: Int): Unit = {
    Console.flush()
    System.out.flush()
    System.err.flush()
    say(s"end $number")
    System.err.print(s"${mark}end $number\n")
    System.err.flush()
  }

  protected def say(what: String): Unit = {
    System.out.flush()
    out.print(s"$mark$what\n")
    out.flush()
  }

  def display(value: Any): Unit = {
    val data = table(value) match {
      case Some(html) => List("text/html" -> html, "text/plain" -> String.valueOf(value))
      case None => List("text/plain" -> String.valueOf(value))
    }
    val words = data.map { case (kind, text) => s"$kind=${Base64.getEncoder.encodeToString(text.getBytes(UTF_8))}" }
    say(words.mkString("display ", " ", ""))
  }

  // A DataFrame's first rows as a table.
  private def table(value: Any): Option[String] = value match {
    case frame: Dataset[_] if session.conf.get("spark.sql.repl.eagerEval.enabled", "true") != "false" =>
      val rows = frame.limit(shownRows + 1).toDF().collect()
      val html = new StringBuilder("<table border=\"0\" class=\"dataframe\">\n<thead>\n<tr style=\"text-align: right;\">")
      frame.columns.foreach(name => html.append("<th>").append(escaped(name)).append("</th>"))
      html.append("</tr>\n</thead>\n<tbody>\n")
      for (row <- rows.take(shownRows)) {
        html.append("<tr>")
        for (i <- 0 until row.length) html.append("<td>").append(escaped(text(row.get(i)))).append("</td>")
        html.append("</tr>\n")
      }
      html.append("</tbody>\n</table>")
      if (rows.length > shownRows) html.append(s"<p>only the first $shownRows rows are shown</p>")
      Some(html.toString)
    case _ => None
  }

  private def text(value: Any): String = value match {
    case bytes: Array[Byte] => bytes.map("%02X".format(_)).mkString("[", " ", "]")
    case other => String.valueOf(other)
  }

  private def escaped(text: String): String =
    text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

  // Whether a cell is whole, in the words of Jupyter.
  def complete(code: String): String = parsed(code) match {
    case Results.Success => "complete"
    case Results.Incomplete => "incomplete"
    case Results.Error => "invalid"
  }

  // What may stand at a place of a cell: first where it would begin.
  def completions(code: String, cursor: Int): ArrayList[String] = {
    val (begin, names) = candidates(code, cursor)
    val answer = new ArrayList[String]()
    answer.add(begin.toString)
    names.distinct.foreach(name => answer.add(name))
    answer
  }

  // The type of what stands between two places of a cell, nothing where it has none.
  def typeAt(code: String, start: Int, end: Int): String = typed(code, start, end)

  // Cancels what Spark does for the cell that runs, and wakes the cell where it waits otherwise. How many operations there were,
  // -1 where no cell runs.
  def interrupt(again: Boolean): Int = {
    val thread = running
    if (thread == null) return -1
    val cancelled = if (session == null) 0 else cancel()
    if ((again || cancelled == 0) && isInCell(thread)) thread.interrupt()
    cancelled
  }

  // Ends a cell that computes without ever waiting, where this Java still can.
  def stop(): Boolean = {
    val thread = running
    try {
      if (thread != null && isInCell(thread)) classOf[Thread].getMethod("stop").invoke(thread)
      true
    } catch {
      case _: ReflectiveOperationException => false
    }
  }

  // Whether the thread is in a cell's own code, and not in the compiler, which takes an interrupt badly.
  private def isInCell(thread: Thread): Boolean =
    thread.getStackTrace.map(_.getClassName).exists(name => name.startsWith("$line") && !name.contains("HearthNotebook"))
}
@transient val hearth = new HearthNotebook
@transient lazy val spark = hearth.spark
import spark.implicits._
import spark.sql
import org.apache.spark.sql.functions._
def display(value: Any): Unit = hearth.display(value)
