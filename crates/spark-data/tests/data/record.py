"""Records what a real Spark answers, for the tests: `record.py UI_ADDRESS EVENT_LOG`, after a few queries.

Writes `answers.json` (path below the application -> answer) and `events.jsonl` (the records of the event log that
the crate reads) beside itself. Long texts are cut and paths of the machine dropped, to keep both small.
"""

import json
import pathlib
import re
import sys
import urllib.request

HERE = pathlib.Path(__file__).parent
TEXT_LIMIT = 120
ui, log = sys.argv[1:]


def get(path):
    try:
        with urllib.request.urlopen(f"{ui}/api/v1/applications{path}") as answer:
            return json.load(answer)
    except urllib.error.HTTPError:
        return None


def cut(value, key=""):
    """The same with long texts cut and what names this machine left out."""
    if isinstance(value, dict):
        return {k: cut(v, k) for k, v in value.items()}
    if isinstance(value, list):
        few = 3 if key in ("classpathEntries", "systemProperties", "hadoopProperties") else len(value)
        return [cut(v) for v in value[:few] if not (isinstance(v, list) and "Java" in str(v[0]))]
    if isinstance(value, str):
        return re.sub(r"/(tmp|home|root|work)/[\w./-]*/", "/somewhere/", value)[:TEXT_LIMIT]
    return value


app = get("")[0]["id"]
answers = {"": get("")[:1]}
paths = ["", "/jobs", "/stages", "/allexecutors", "/environment"]
paths += ["/sql?details=false&planDescription=false&offset=0&length=500"]
answers.update({f"/{app}{path}": get(f"/{app}{path}") for path in paths})
for stage in answers[f"/{app}/stages"]:
    if stage["status"] == "SKIPPED":
        continue
    at = f"/{app}/stages/{stage['stageId']}"
    attempt = f"{at}/{stage['attemptId']}"
    quantiles = "&withSummaries=true&quantiles=0.0,0.25,0.5,0.75,1.0"
    for path in (
        f"{attempt}?details=true&taskStatus=unknown&withSummaries=false",
        f"{attempt}?details=true&taskStatus=unknown{quantiles}",
        f"{attempt}/taskList?offset=0&length=500&sortBy=ID",
    ):
        answers[path] = get(path)
for query in answers[f"/{app}/sql?details=false&planDescription=false&offset=0&length=500"]:
    path = f"/{app}/sql/{query['id']}?details=true&planDescription=true"
    answers[path] = get(path)
(HERE / "answers.json").write_text(json.dumps(cut(answers), separators=(",", ":")).replace(',"/', ',\n"/') + "\n")

(HERE / "id.txt").write_text(app + "\n")

wanted = ("SparkListenerStageSubmitted", "SparkListenerJobStart", "SparkListenerSQL")
with open(log) as lines, open(HERE / "events.jsonl", "w") as out:
    for line in lines:
        event = json.loads(line)
        if event["Event"].rsplit(".", 1)[-1].startswith(wanted):
            event.pop("Properties", None)
            out.write(json.dumps(cut(event), separators=(",", ":")) + "\n")
