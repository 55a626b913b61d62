"""Uses JupyterLab in a browser as a person does: `uses_jupyterlab.py SCENE ADDRESS CHROMIUM PICTURES [ARGUMENT]`.

Signs in, clicks, types, and looks at what the page shows. What happens outside of the page is up to the test: both tell each
other how far they are in lines. Pictures of the page are written to the folder PICTURES.
"""

import pathlib
import re
import sys

from playwright.sync_api import expect, sync_playwright

scene, address, chromium, pictures, *arguments = sys.argv[1:]
# As large as pictures are in the guides.
SIZE = {"width": 1200, "height": 750}
# Milliseconds that anything may take that takes a second on an idle machine.
PATIENCE = 90_000
# Prints numbers until there is a file of this name.
PRINTING = """import os, time
n = 0
while not os.path.exists({stop!r}):
    print(n, end=" ", flush=True)
    n += 1
    time.sleep(0.02)
print("counted", n)"""


class Lab:
    """JupyterLab in a page."""

    def __init__(self, context):
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.notebook = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook")
        self.cells = self.notebook.locator(".jp-CodeCell")

    def open(self):
        self.page.goto(f"{address}/lab?token=lab")
        self.page.wait_for_selector(".jp-LauncherCard, .jp-NotebookPanel")
        # What is clicked before all is there is lost, or done twice.
        self.page.wait_for_load_state("networkidle")

    def cards(self):
        titles = "all => all.map(card => card.title)"
        return self.page.eval_on_selector_all(".jp-LauncherCard[data-category=Notebook]", titles)

    def new(self, card):
        """Clicks a card, and waits until the kernel of the notebook that it opens is idle."""
        self.page.click(f".jp-LauncherCard[data-category=Notebook][title='{card}']")
        self.idle(card)

    def idle(self, name):
        self.page.wait_for_selector(f"#jp-main-statusbar :text('{name} | Idle')")

    def start(self, code):
        """Types the last cell and runs it; the cell."""
        cell = self.cells.nth(self.cells.count() - 1)
        cell.locator(".cm-content").click()
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Shift+Enter")
        return cell

    def run(self, code):
        """The same, and waits for the cell's end."""
        cell = self.start(code)
        ended(cell)
        return cell

    def click(self, command):
        self.page.click(f".jp-NotebookPanel:not(.lm-mod-hidden) [data-command='notebook:{command}']")

    def save(self):
        def saved(response):
            return response.request.method == "PUT" and "/api/contents/" in response.url

        with self.page.expect_response(saved):
            self.page.keyboard.press("Control+s")

    def picture(self, name):
        self.page.screenshot(path=f"{pictures}/{name}.png")


def ended(cell):
    expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"), timeout=PATIENCE)


def shows(cell, text):
    expect(cell.locator(".jp-Cell-outputArea")).to_contain_text(text, timeout=PATIENCE)


def output(cell):
    return cell.locator(".jp-Cell-outputArea").inner_text()


def numbers(cell):
    """The numbers that a cell has printed, in their order."""
    said = re.match(r"[\d\s]*", output(cell)).group()
    return [int(number) for number in said.split()]


def tell(line):
    print(line, flush=True)


def wait_for(line):
    said = sys.stdin.readline().strip()
    assert said == line, f"the test said {said!r}, not {line!r}"


def works(lab):
    """A table, a plot, an interrupt, a restart."""
    lab.open()
    print("\n".join(lab.cards()))
    lab.picture("launcher")
    lab.new("Flights")
    lab.run(
        "import sys\n"
        "from pyspark.sql.functions import avg, count, desc\n"
        'data = sys.prefix + "/share/datasets/flights.csv"\n'
        "flights = spark.read.csv(data, header=True, inferSchema=True)"
    )
    table = lab.run(
        'late = flights.groupBy("carrier").agg(avg("dep_delay").alias("delay"), count("*"))\n'
        'late.orderBy(desc("delay")).limit(3)'
    )
    shown = [row.split() for row in table.locator("table tr").all_inner_texts()]
    assert len(shown) == 4 and shown[0][:2] == ["carrier", "delay"], shown
    assert shown[1][0] == "F9" and shown[1][1].startswith("20.2") and shown[1][2] == "685", shown
    plot = lab.run(
        'months = flights.groupBy("month").agg(avg("dep_delay").alias("delay")).orderBy("month")\n'
        'months.toPandas().plot.bar("month", "delay", figsize=(7, 2.3), rot=0, color="#f06a1f");'
    )
    width = plot.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert width > 300, width
    lab.picture("notebook")

    waits = lab.start("import time\nprint('begun')\ntime.sleep(1000)")
    shows(waits, "begun")
    lab.click("interrupt-kernel")
    shows(waits, "KeyboardInterrupt")
    lab.picture("interrupted")
    lab.click("restart-kernel")
    lab.page.click(".jp-Dialog .jp-mod-accept")
    # Of the new kernel, whose cells are counted anew.
    fresh = lab.run("'flights' in globals(), spark.range(3).count()")
    expect(fresh.locator(".jp-InputPrompt")).to_have_text("[1]:")
    shows(fresh, "(False, 3)")
    lab.picture("restarted")


def service_is_killed(lab):
    """The service is killed and started again while a cell prints."""
    lab.open()
    lab.new(arguments[1])
    cell = lab.start(PRINTING.format(stop=arguments[0]))
    shows(cell, " 20 ")
    tell("it prints")
    wait_for("the service is back")
    there = numbers(cell)[-1]
    shows(cell, f" {there + 20} ")
    tell("it goes on")
    shows(cell, "counted")
    ended(cell)
    lab.picture("after-a-kill")
    printed = numbers(cell)
    # What was on its way when the service was killed may be there twice.
    assert sorted(set(printed)) == list(range(printed[-1] + 1)), printed
    assert f"counted {printed[-1] + 1}" in output(cell)
    tell(f"{len(printed) - len(set(printed))} twice")


def session_is_ended(lab):
    """The session is ended while a cell prints."""
    lab.open()
    lab.new(arguments[1])
    cell = lab.start(PRINTING.format(stop=arguments[0]))
    shows(cell, " 20 ")
    tell("it prints")
    wait_for("the session has ended")
    shows(cell, "is ending")
    lab.picture("ended")
    printed = numbers(cell)
    assert printed == list(range(len(printed))), printed
    tell(output(cell)[output(cell).index("Session"):].strip())


def page_is_closed(lab):
    """The page is closed while a cell prints, and opened again: while the cell runs, and after its end."""
    lab.open()
    lab.new(arguments[1])
    for number, when in enumerate(["while it runs", "after its end"]):
        stop = arguments[0] + str(number)
        # The test sees by a file that the cell has gone on for a while.
        far = f'    if n == 150: open({stop + "-far"!r}, "w").close()\n    n += 1'
        cell = lab.start(PRINTING.format(stop=stop).replace("    n += 1", far))
        shows(cell, " 20 ")
        lab.save()
        lab.page.close()
        tell("closed")
        wait_for(f"open it {when}")
        # Another browser, that has nothing of what the first one knew.
        lab = Lab(lab.page.context.browser.new_context(viewport=SIZE))
        lab.page.goto(f"{address}/lab/tree/Untitled.ipynb?token=lab")
        cell = lab.cells.nth(number)
        if when == "while it runs":
            shows(cell, " 200 ")
            expect(cell.locator(".jp-InputPrompt")).to_have_text("[*]:")
            tell("it shows")
        shows(cell, "counted")
        ended(cell)
        expect(cell.locator(".jp-InputPrompt")).to_have_text(f"[{number + 1}]:")
        printed = numbers(cell)
        assert printed == list(range(len(printed))), printed
        assert f"counted {len(printed)}" in output(cell)
        lab.picture("reopened")
        lab.idle(arguments[1])
        # What it has shown is the notebook's own, and is saved with it.
        lab.save()
    fresh = lab.run("n > 100, spark.range(3).count()")
    shows(fresh, "(True, 3)")


def works_in_scala(lab):
    """A notebook in Scala, on Apache Spark."""
    lab.open()
    lab.new(arguments[0])
    lab.run('val flights = spark.read.option("header", true).option("inferSchema", true)\n  .csv(sys.env("FLIGHTS"))')
    counted = lab.run("spark.range(10).count()")
    shows(counted, "Long = 10")
    table = lab.run('flights.groupBy("carrier").agg(avg("dep_delay").as("delay")).orderBy(desc("delay")).limit(3)')
    expect(table.locator("table")).to_contain_text("F9", timeout=PATIENCE)
    waits = lab.start('println("begun")\nThread.sleep(1000000)')
    shows(waits, "begun")
    lab.click("interrupt-kernel")
    ended(waits)
    lab.picture("scala")


SCENES = {
    "works-in-scala": works_in_scala,
    "works": works,
    "service-is-killed": service_is_killed,
    "session-is-ended": session_is_ended,
    "page-is-closed": page_is_closed,
}


def look(browser):
    try:
        SCENES[scene](Lab(browser.new_context(viewport=SIZE)))
    except BaseException:
        for page in (page for context in browser.contexts for page in context.pages):
            page.screenshot(path=f"{pictures}/failed-{scene}.png")
        raise
    tell("seen")


pathlib.Path(pictures).mkdir(parents=True, exist_ok=True)
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    look(browser)
    browser.close()
