"""Look at the built site as a reader does: in a headless Chromium, and link by link.

    python docs/check_site.py [--pictures FOLDER]

It serves docs/_build/html on localhost and checks that every page renders without a message on the
browser's console and without asking another host for anything, and does not scroll sideways on a
phone; that a few pages, among them galleries and API, show what they must; that the search finds
"dropout"; and that every internal link, image and anchor exists. With --pictures it leaves
screenshots of those few.
Chromium is driven through its DevTools protocol over a pipe, so that nothing has to be installed
but the browser itself.
"""

import argparse
import base64
import functools
import http.server
import json
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlparse

SITE = Path(__file__).parent / "_build" / "html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PAGES = {  # what each must show
    "index.html": "My network does not learn",
    "tutorial.html": "ten minutes",
    "from_sklearn.html": "nesterovs_momentum",
    "batch_norm.html": "running averages",
    "signals.html": "vanishing",
    "tuning.html": "Turn what the symptom names",
    "benchmarks.html": "JAX",
    "auto_course/index.html": "chapter by chapter",
    "auto_course/plot_3_weight_initialization.html": "What to take away",
    "auto_course/plot_14_right_scale.html": "What to take away",
    "auto_examples/plot_batch_norm.html": "What to take away",
    "auto_examples/plot_layers_by_hand.html": "What to take away",
    "auto_examples/layers_by_hand/lstm.html": "(great)",
    "auto_examples/plot_signals.html": "What to take away",
    "generated/sknn_opt.MLPClassifier.html": "hidden_layer_sizes",
    "generated/sknn_opt.check_gradients.html": "relative_error",
}
DESKTOP, PHONE = (1280, 900), (390, 844)
PATIENCE = 30  # seconds
# The page and what holds its text; code, tables and formulas may scroll by themselves.
SCROLLS = """
['html', 'body', 'main', '.bd-content', '.bd-article-container', 'article']
    .map(part => [part, document.querySelector(part)])
    .filter(([_, box]) => box && box.scrollWidth > Math.min(box.clientWidth, WIDTH) + 1)
    .map(([part, box]) => [part, box.scrollWidth])
"""


class Browser:
    """A headless Chromium with one page, driven through its DevTools protocol."""

    def __init__(self, program):
        commands, self._commands = os.pipe()
        self._replies, replies = os.pipe()

        def as_3_and_4():  # where Chromium looks for its pipe
            high = [os.dup2(fd, 60 + k) for k, fd in enumerate((commands, replies))]
            for k, fd in enumerate(high):
                os.dup2(fd, 3 + k)

        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
        self._process = subprocess.Popen(
            [
                program,
                *options,
                "--hide-scrollbars",
                "--remote-debugging-pipe",
                f"--user-data-dir={self._folder.name}",
                "about:blank",
            ],
            preexec_fn=as_3_and_4,
            close_fds=False,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(replies)
        self._buffer, self._number, self._session, self.events = b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _receive(self, deadline):
        """The next message, or None when time is up."""
        while b"\0" not in self._buffer:
            wait = deadline - time.monotonic()
            if wait <= 0 or not select.select([self._replies], [], [], wait)[0]:
                return None
            data = os.read(self._replies, 1 << 20)
            if not data:
                raise RuntimeError("Chromium ended.")
            self._buffer += data
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        """Send a command and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while reply := self._receive(deadline):
            if reply.get("id") == self._number:
                if "error" in reply:
                    raise RuntimeError(f"{method}: {reply['error']}")
                return reply["result"]
            self.events.append(reply)
        raise TimeoutError(f"no answer to {method}")

    def evaluate(self, expression):
        """The value of a JavaScript expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    def wait_for(self, expression):
        """Whether an expression becomes true in time."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.evaluate(expression):
                return True
            time.sleep(0.1)
        return False

    def open(self, address, size):
        """Load an address in a window of (width, height)."""
        self.events.clear()
        width, height = size
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=size == PHONE,
        )
        self.call("Page.navigate", url=address)
        loaded = f"location.href === {json.dumps(address)} && document.readyState === 'complete'"
        if not self.wait_for(loaded):
            raise TimeoutError(f"{address} does not load")
        time.sleep(0.3)  # for what scripts add

    def complaints(self, origin):
        """Errors and warnings on the console, failed requests, requests to other hosts."""
        found = []
        for event in self.events:
            method, what = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(what["exceptionDetails"].get("text", "exception"))
            elif method == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning"):
                found.append(" ".join(str(arg.get("value")) for arg in what["args"]))
            elif method == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
                found.append(what["entry"]["text"] + " " + what["entry"].get("url", ""))
            elif method == "Network.requestWillBeSent":
                url = what["request"]["url"]
                if not url.startswith((origin, "data:", "blob:", "about:")):
                    found.append(f"asks another host: {url}")
        return found

    def picture(self, path):
        """Save the whole page, or its first 8,000 pixels."""
        width, height = self.evaluate("[innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, 8000), "scale": 1}
        data = self.call(
            "Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True
        )["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self):
        """End the browser."""
        try:
            self._session = None
            self.call("Browser.close")
            self._process.wait(PATIENCE)
        except (RuntimeError, OSError, TimeoutError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()


class Links(HTMLParser):
    """The links and anchors of a page."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.anchors = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        self.targets |= {attributes[key] for key in ("href", "src") if attributes.get(key)}
        for candidate in (attributes.get("srcset") or "").split(","):
            self.targets |= set(candidate.split()[:1])


def broken_links(site):
    """(page, link, reason) of every internal link that leads nowhere; number of links; pages."""
    pages = {
        path.relative_to(site).as_posix(): Links(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.html")
        if "_static" not in path.parts  # templates of the theme
    }
    broken, n_links = [], 0
    for name, page in pages.items():
        for link in sorted(page.targets):
            if urlparse(link).scheme or link.startswith("//"):
                continue
            n_links += 1
            address, anchor = urldefrag(urljoin(f"/{name}", link))
            target = unquote(urlparse(address).path).lstrip("/") or "index.html"
            target = target + "index.html" if target.endswith("/") else target
            if not (site / target).is_file():
                broken.append((name, link, "no such file"))
            elif anchor and target in pages and unquote(anchor) not in pages[target].anchors:
                broken.append((name, link, "no such anchor"))
    return broken, n_links, list(pages)


def look(browser, origin, page, size, pictures):
    """Sentences on what is wrong with a page, in a window of a size."""
    where = "phone" if size == PHONE else "desktop"
    browser.open(f"{origin}/{page}", size)
    found = browser.complaints(origin)
    body = browser.evaluate("(document.querySelector('main') || {}).innerText || ''")
    text = PAGES.get(page, "")
    if not browser.evaluate("document.title") or not body or text.lower() not in body.lower():
        found.append(f"no title, no main text, or no {text!r} in it")
    for part, wide in browser.evaluate(SCROLLS.replace("WIDTH", str(size[0]))):
        found.append(f"{part} scrolls sideways, {wide} pixels wide")
    broken = browser.evaluate(
        "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    )
    found += [f"image {image} does not show" for image in broken]
    if pictures and page in PAGES:
        name = re.sub(r"\W+", "_", page.removesuffix(".html"))
        browser.picture(pictures / f"{name}_{where}.png")
    return [f"{page}, {where}: {what}" for what in found]


def search(browser, origin, word, pictures):
    """Sentences on what is wrong with the search."""
    browser.open(f"{origin}/search.html?q={word}", DESKTOP)
    if not browser.wait_for("document.querySelectorAll('#search-results li a').length > 2"):
        return [f"the search finds nothing for {word!r}"]
    n_results = browser.evaluate("document.querySelectorAll('#search-results li a').length")
    print(f"search for {word!r}: {n_results} results")
    if pictures:
        browser.picture(pictures / "search_desktop.png")
    return [f"search: {complaint}" for complaint in browser.complaints(origin)]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that does not print its requests."""

    def log_message(self, *args):
        """Say nothing."""


def main():
    """Run all checks; the exit status is 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="folder for screenshots")
    pictures = parser.parse_args().pictures
    if not (SITE / "index.html").is_file():
        sys.exit("There is no built site: run make docs first.")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit(f"A browser is needed, one of {', '.join(BROWSERS)}.")
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)

    broken, n_links, pages = broken_links(SITE)
    found = [f"{page}: {link}: {reason}" for page, link, reason in broken]
    print(f"{n_links} internal links on {len(pages)} pages, {len(broken)} broken")

    handler = functools.partial(Quiet, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        origin = f"http://127.0.0.1:{server.server_port}"
        browser = Browser(program)
        try:
            for page in PAGES:
                found += look(browser, origin, page, DESKTOP, pictures)
            for page in sorted({*PAGES, *pages}):
                found += look(browser, origin, page, PHONE, pictures)
            print(f"{len(PAGES)} pages seen on a desktop, {len(pages)} on a phone")
            found += search(browser, origin, "dropout", pictures)
        finally:
            browser.close()
            server.shutdown()
    print(*found or ["all is well"], sep="\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
