"""Walks every tab of a Spark UI as a person does: `walks_pages.py ADDRESS TOKEN CHROMIUM TAB...`.

Signs in, opens each tab, follows the first link to a job, a stage and a query, and fails on an answer of 400 or more, on
an error in a script, on a table that stays empty, and on a link that leads out of the session.
"""

import re
import sys
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

address, token, chromium, *tabs = sys.argv[1:]
base = urlsplit(address)
problems = []


def answered(response):
    # The browser asks for an icon of the whole site by itself.
    if response.status >= 400 and not response.url.endswith("/favicon.ico"):
        problems.append(f"{response.status} {response.url}")


def within(url):
    parts = urlsplit(url)
    return parts.netloc == base.netloc and parts.path.startswith(base.path.rstrip("/"))


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    page = browser.new_page()
    # A history server starts, and reads the log, at the first request.
    page.set_default_timeout(180_000)
    # The page that asks for the token says 401, as it should.
    page.goto(address)
    page.on("response", answered)
    page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
    page.on("console", lambda said: said.type == "error" and "favicon" not in said.location["url"]
            and problems.append(f"{page.url}: {said.text}"))
    page.on("request", lambda request: within(request.url) or request.url.startswith(("data:", "blob:"))
            or request.url.endswith("/favicon.ico") or problems.append(f"left the session: {request.url}"))
    page.fill("input[name=token]", token)
    page.click("button")
    page.wait_for_selector(".navbar")
    page.wait_for_load_state("networkidle")
    seen = []
    for tab in tabs:
        page.click(f".navbar a:text-is('{tab}')")
        page.wait_for_load_state("networkidle")
        if tab not in page.inner_text("body"):
            problems.append(f"{page.url}: is not {tab}")
        seen.append(f"{tab} {page.title()}")
        if tab == "Executors":
            page.wait_for_selector("#active-executors-table tbody tr td:has-text('driver')")
        for pattern in ("jobs/job/", "stages/stage/", "SQL/execution/", "storage/rdd/", "connect/session/"):
            links = [link for link in page.eval_on_selector_all("a", "all => all.map(one => one.href)")
                     if re.search(pattern, link) and "/kill" not in link]
            if links:
                back = page.url
                page.goto(links[0])
                page.wait_for_load_state("networkidle")
                seen.append(f"  {pattern} {page.title()}")
                page.goto(back)
                page.wait_for_load_state("networkidle")
    browser.close()

print("\n".join(seen))
if problems:
    sys.exit("\n".join(problems))
print("walked")
