"""Walks every tab of a Spark UI as a person does: `walks_pages.py ADDRESS TOKEN CHROMIUM TAB...`.

Signs in, opens each tab, and follows every link from there on, once. Fails on an answer of 400 or more, on an error in a
script, on a table that stays empty, and on a link that leads out of the session.
"""

import re
import sys
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import sync_playwright

address, token, chromium, *tabs = sys.argv[1:]
base = urlsplit(address)
problems = []


def expected(url):
    # The browser asks for an icon of the whole site by itself. Of a stage in which no task succeeded, Spark has no summary.
    return url.endswith("/favicon.ico") or "/taskSummary?" in url


def answered(response):
    if response.status >= 400 and not expected(response.url):
        problems.append(f"{response.status} {response.url}")


def within(url):
    parts = urlsplit(url)
    return parts.netloc == base.netloc and parts.path.startswith(base.path.rstrip("/"))


def page_of(link):
    """What tells a page from others. How a table is sorted, and what of it is open, does not."""
    parts = urlsplit(link)
    query = [(name, value) for name, value in parse_qsl(parts.query) if "." not in name]
    return parts.path.rstrip("/"), tuple(sorted(query))


def links():
    """The pages that the one that is shown leads to. What ends a job is no page."""
    hrefs = page.eval_on_selector_all("a[href]", "all => all.map(one => one.href)")
    return [link for link in hrefs if within(link) and "/kill" not in link]


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    page = browser.new_page()
    # A history server starts, and reads the log, at the first request.
    page.set_default_timeout(180_000)
    # The page that asks for the token says 401, as it should.
    page.goto(address)
    page.on("response", answered)
    page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
    page.on("console", lambda said: said.type == "error" and not expected(said.location["url"])
            and problems.append(f"{page.url}: {said.text}"))
    page.on("request", lambda request: within(request.url) or request.url.startswith(("data:", "blob:"))
            or expected(request.url) or problems.append(f"left the session: {request.url}"))
    page.fill("input[name=token]", token)
    page.click("button")
    page.wait_for_selector(".navbar")
    page.wait_for_load_state("networkidle")
    seen, found, known = [], [], set()
    for tab in tabs:
        page.click(f".navbar a:text-is('{tab}')")
        page.wait_for_load_state("networkidle")
        if tab not in page.inner_text("body"):
            problems.append(f"{page.url}: is not {tab}")
        seen.append(f"{tab} {page.title()}")
        if tab == "Executors":
            page.wait_for_selector("#active-executors-table tbody tr td:has-text('driver')")
        found += links()
    while found:
        link = found.pop(0)
        if page_of(link) not in known:
            known.add(page_of(link))
            page.goto(link)
            page.wait_for_load_state("networkidle")
            seen.append(f"  {link[len(address):]} {page.title()}")
            found += links()
    browser.close()

print("\n".join(seen))
if problems:
    sys.exit("\n".join(problems))
print("walked")
