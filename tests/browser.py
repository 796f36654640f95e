"""Open notebooks in JupyterLab in a headless Chromium, run all cells, look: ``python tests/browser.py [NAMES]``.

Works on a copy of the course. Checks that every cell ran without error, that pictures, animation, control and the
messages of the homework checks are on the page, and keeps screenshots. Needs ``pip install -e ".[browser]"`` and a
Chromium (``playwright install chromium``, or the system's: it is looked for first).
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["01", "03", "hw1"], help="for instance 03 hw1")
    parser.add_argument("--screenshots", type=pathlib.Path, default=ROOT / "look")
    parser.add_argument("--timeout", type=float, default=240, help="seconds for one notebook")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    options.screenshots.mkdir(parents=True, exist_ok=True)
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
            system = shutil.which("chromium") or shutil.which("google-chrome")
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
