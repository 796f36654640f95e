"""Open notebooks in JupyterLab in a headless Chromium, run all cells, look: ``python tests/browser.py [NAMES]``.

``python tests/browser.py --site FOLDER`` looks at the site that ``python -m cvhelpers.course site FOLDER`` made: every
page on a laptop and a phone, light and dark, with axe (the accessibility checker of the package axe-playwright-python);
every slide at 1280×720, what overflows and the smallest letters; no request to another host.

The first form works on a copy of the course. Checks that every cell ran without error, that pictures, animation,
control and the messages of the homework checks are on the page, and keeps screenshots.

Needs ``pip install -e ".[browser]"`` and a Chromium (the system's, or that of ``playwright install chromium``).
"""

import argparse
import json
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import nbformat

ROOT = pathlib.Path(__file__).resolve().parents[1]
LAPTOP = {"width": 1366, "height": 768}
SETTINGS = {
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false"},
}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def start_server(course, port, token):
    """JupyterLab over a copy of the course; returns the process once it answers."""
    settings = course / "settings"
    for name, value in SETTINGS.items():
        path = settings / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    environment = {**os.environ, "JUPYTERLAB_SETTINGS_DIR": str(settings), "CVHELPERS_PROGRESS": "0"}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1"]
    command += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={course}", "--LabApp.news_url="]
    log = open(course / "server.log", "w")
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    for _ in range(120):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={token}", timeout=5)
            return server
        except OSError:
            time.sleep(0.5)
    raise SystemExit((course / "server.log").read_text())


def problems_of(path):
    """What went wrong in a notebook that the browser ran and saved."""
    notebook = nbformat.read(path, 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    found = [f"{cell.id} did not run" for cell in code if cell.execution_count is None]
    for cell in code:
        for output in cell.outputs:
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                found.append(f"{cell.id}: {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                found.append(f"{cell.id} writes to stderr: {output.text[:200]}")
    return found


def forget_outputs(path):
    """Nothing that a cell shows afterwards is left from before."""
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, path)


def visit(page, address, path, course, shots, timeout):
    """Open one notebook, run all, save; returns problems and what is on the page."""
    forget_outputs(path)
    page.goto(f"{address}/lab/tree/{path.relative_to(course).as_posix()}?reset")
    page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell", timeout=60_000)
    page.get_by_text("| Idle").first.wait_for(timeout=60_000)  # in the status bar: the kernel has answered
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    deadline = time.time() + timeout
    while time.time() < deadline:
        page.wait_for_timeout(1000)
        prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
        if prompts and all(text.strip("[]: \u00a0").isdigit() for text in prompts):
            break
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1500)
    page.screenshot(path=shots / f"{path.stem}-end.png")
    page.locator(".jp-Notebook .jp-Cell").first.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    page.screenshot(path=shots / f"{path.stem}-start.png")
    count = lambda selector: page.locator(selector).count()  # noqa: E731
    seen = {
        "pictures": count(".jp-OutputArea-output img"),
        "animations": count(".jp-OutputArea-output .animation"),
        "controls": count(".jp-OutputArea-output .widget-interact, .jp-OutputArea-output .jupyter-widgets"),
        "check messages": sum(mark in page.inner_text(".jp-Notebook") for mark in ("✅", "⬜", "❌")),
    }
    for name, selector in (("animation", ".animation"), ("control", ".jupyter-widgets")):
        if count(f".jp-OutputArea-output {selector}"):
            page.locator(f".jp-OutputArea-output {selector}").first.scroll_into_view_if_needed()
            page.wait_for_timeout(500)
            page.screenshot(path=shots / f"{path.stem}-{name}.png")
    return problems_of(path), seen


PHONE = {"width": 390, "height": 844}
PROJECTOR = {"width": 1280, "height": 720}
SLIDES = """() => [...document.querySelectorAll('.slides section:not(:has(> section))')].map(s => {
  for (const one of [s, s.parentElement]) if (one.tagName === 'SECTION') one.style.display = 'block';
  s.querySelectorAll('.fragment').forEach(f => f.classList.add('visible'));
  const walker = document.createTreeWalker(s, NodeFilter.SHOW_TEXT), sizes = [];
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (walker.currentNode.textContent.trim() && !e.closest('aside, script, style, math') && e.getClientRects().length)
      sizes.push(parseFloat(getComputedStyle(e).fontSize));
  }
  const pictures = [...s.querySelectorAll('.picture img')].map(i => i.getBoundingClientRect().height);
  const found = {down: s.scrollHeight - s.clientHeight, across: s.scrollWidth - s.clientWidth,
                 letters: Math.min(...sizes), picture: Math.min(...pictures), begins: s.innerText.trim().slice(0, 40)};
  for (const one of [s, s.parentElement]) one.style.display = '';
  return found;
})"""


def slide_problems(slides, smallest=20, picture=200):
    """What a projector shows badly: one line for each slide that overflows, or whose letters or pictures are small."""
    problems = []
    for number, slide in enumerate(slides, start=1):
        for way in ("down", "across"):
            if slide[way] > 1:
                problems.append(f"slide {number} ({slide['begins']!r}) overflows {way} by {slide[way]:.0f} px")
        if slide["letters"] is not None and slide["letters"] < smallest:
            problems.append(f"slide {number} ({slide['begins']!r}) has letters of {slide['letters']:.1f} px")
        if slide["picture"] is not None and slide["picture"] < picture:
            problems.append(f"slide {number} ({slide['begins']!r}) has a picture {slide['picture']:.0f} px high")
    return problems


def page_faults(page, axe, serious=("serious", "critical")):
    """What axe finds on the page that keeps somebody from reading it: rule, how bad, and where first."""
    found = axe.run(page).response["violations"] if axe else []
    return [f"axe {v['id']} ({v['impact']}): {v['nodes'][0]['target']}" for v in found if v["impact"] in serious]


def open_page(browser, problems, **context):
    """A new page that notes every request to another host among the problems."""
    page = browser.new_context(**context).new_page()
    page.on("request", lambda r: r.url.startswith("http") and problems.append(f"{page.url} asks for {r.url}"))
    return page


def look_at_site(browser, site, shots, only=("",)):
    """Open pages (those whose names start so) and all slides of a site; returns the number of problems."""
    try:
        from axe_playwright_python.sync_playwright import Axe

        axe = Axe()
    except ImportError:
        axe = print("axe is left out: pip install axe-playwright-python")
    pages = [path for path in sorted(site.rglob("*.html")) if path.parent.name not in ("slides", "reveal", "_static")]
    pages = [path for path in pages if path.name.startswith(only)]
    problems, counts = [], {"pages": 0, "slides": 0}
    for name, size, scheme in (("laptop", LAPTOP, "light"), ("dark", LAPTOP, "dark"), ("phone", PHONE, "light")):
        page = open_page(browser, problems, viewport=size, color_scheme=scheme)
        for path in pages:
            page.goto(path.as_uri())
            page.wait_for_timeout(200)
            where = f"{path.relative_to(site)} ({name})"
            problems += [f"{where}: {fault}" for fault in page_faults(page, axe)]
            wide = page.evaluate("document.documentElement.scrollWidth")
            problems += [f"{where} is {wide} px wide"] if wide > size["width"] else []
            page.screenshot(path=shots / f"site-{path.stem}-{name}.png")
            counts["pages"] += 1
    page = open_page(browser, problems, viewport=PHONE)
    first = min((site / "slides").glob("*.html"))
    page.goto(first.as_uri())
    page.wait_for_timeout(500)
    if page.url != (site / "notebooks" / first.name).as_uri():
        problems.append(f"{first.name}: on a phone, slides should lead to the page of the lesson, not to {page.url}")
    page = open_page(browser, problems, viewport=PROJECTOR)
    for path in sorted((site / "slides").glob("*.html")):
        page.goto(path.as_uri())
        page.wait_for_timeout(200)
        slides = page.evaluate(SLIDES)
        problems += [f"{path.stem}: {problem}" for problem in slide_problems(slides)]
        counts["slides"] += len(slides)
        page.screenshot(path=shots / f"slides-{path.stem}.png")
    print(*problems, sep="\n")
    print(f"{counts['pages']} pages, {counts['slides']} slides: {len(problems)} problems; screenshots in {shots}")
    return len(problems)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["01", "03", "hw1"], help="for instance 03 hw1")
    parser.add_argument("--screenshots", type=pathlib.Path, default=ROOT / "look")
    parser.add_argument("--timeout", type=float, default=240, help="seconds for one notebook")
    parser.add_argument("--site", type=pathlib.Path, help="folder of a site to look at instead")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    options.screenshots.mkdir(parents=True, exist_ok=True)
    system = shutil.which("chromium") or shutil.which("google-chrome")
    if options.site:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=system, args=FLAGS)
            return look_at_site(browser, options.site.resolve(), options.screenshots) > 0
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="browser-"))
    course = scratch / "course"
    for part in ("cvhelpers", "data", "notebooks"):
        shutil.copytree(ROOT / part, course / part, ignore=shutil.ignore_patterns("cache", "__pycache__"))
    notebooks = [p for p in sorted((course / "notebooks").rglob("*.ipynb")) if p.parent.name != "solutions"]
    chosen = [p for name in options.names for p in notebooks if p.name.startswith(name)]
    if not chosen:
        raise SystemExit(f"no notebook starts with {' or '.join(options.names)}")
    port, token, failed = free_port(), secrets.token_hex(8), False
    address = f"http://127.0.0.1:{port}"
    server = start_server(course, port, token)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=system, args=FLAGS)
            page = browser.new_page(viewport=LAPTOP)
            page.goto(f"{address}/lab?token={token}")
            for path in chosen:
                start = time.time()
                problems, seen = visit(page, address, path, course, options.screenshots, options.timeout)
                failed |= bool(problems)
                things = ", ".join(f"{count} {name}" for name, count in seen.items())
                print(f"{path.stem}: {'FAILED' if problems else 'ok'}, {things}, {time.time() - start:.0f} s")
                for problem in problems:
                    print(f"  {problem}")
            browser.close()
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"screenshots in {options.screenshots}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
