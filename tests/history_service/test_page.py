"""The page, in a real browser against the service as it runs in production."""

import json
import os
import shutil
import subprocess
import tarfile

import pytest
from real_parts import free_port, gunicorn, stand_in_model
from uploading import BLUE, RED, picture

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api")

ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory, stand_in, key_and_line):
    """The service with thumbnails and a key, for all tests of this file."""
    folder = tmp_path_factory.mktemp("page")
    environment = {
        "DATABASE_URL": f"sqlite:///{folder}/history.db",
        "SCORING_URL": stand_in.url,
        "KEEP_IMAGES": "thumb",
        "API_KEYS": key_and_line[1],
    }
    with gunicorn(**environment) as (url, _):
        yield url


@pytest.fixture
def page(browser, service, scoring_server):
    """A tab on the page; fails where the page itself logs an error."""
    context = browser.new_context(base_url=service)
    tab = context.new_page()
    errors = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda line: errors.append(line.text) if "Security" in line.text else None)
    tab.goto("/")
    yield tab
    context.close()
    assert errors == []


def choose(page, *files: tuple[str, bytes]) -> None:
    chosen = [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files]
    page.set_input_files("input[name=img]", chosen)


def expect(locator):
    return sync_api.expect(locator)


def test_a_chosen_picture_shows_its_result_and_enters_history_and_statistics(page):
    choose(page, ("serve ⚽.png", picture(BLUE)))
    result = page.locator("#results .result").first
    expect(result.locator("h3")).to_contain_text("Tennis ball 85 %")
    expect(result.locator(".bars li")).to_have_count(3)
    expect(result.locator(".warn")).to_have_count(0)
    first = page.locator("#history .card").first
    expect(first).to_contain_text("serve ⚽.png")
    expect(first.locator("img.thumb")).to_be_visible()
    expect(page.locator("#statistics .tiles")).to_be_visible()


def test_several_pictures_at_once_each_get_a_card(page):
    choose(page, ("a.png", picture(BLUE)), ("b.png", picture(RED)), ("c.png", picture(RED)))
    expect(page.locator("#results h3")).to_have_count(3)


def test_an_unsure_model_says_so_in_words(page):
    choose(page, ("grey.png", picture((120, 110, 100))))
    expect(page.locator("#results .warn")).to_contain_text("unsure")


def test_what_is_no_picture_is_explained(page):
    choose(page, ("notes.png", b"no picture at all"))
    expect(page.locator("#results [role=alert]")).to_contain_text("no JPEG, PNG")


def test_a_dropped_and_a_pasted_picture_are_classified(page):
    script = """([data, event]) => {
      const bytes = Uint8Array.from(data), transfer = new DataTransfer();
      transfer.items.add(new File([bytes], event + ".png", {type: "image/png"}));
      const target = event === "drop" ? document.querySelector("#upload") : document;
      const made = event === "drop"
        ? new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true})
        : new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true});
      target.dispatchEvent(made);
    }"""
    page.evaluate(script, [list(picture(RED)), "drop"])
    expect(page.locator("#results h3")).to_contain_text(["Basketball"])
    page.evaluate(script, [list(picture(RED)), "paste"])
    expect(page.locator("#results h3")).to_have_count(2)


def test_the_camera_can_be_used(page):
    assert page.locator("input[name=photo]").get_attribute("capture") == "environment"


def test_history_is_paged_and_filtered_without_losing_anything(page, service):
    choose(page, *[(f"row{i}.png", picture(RED)) for i in range(13)])
    expect(page.locator("#results h3")).to_have_count(13)
    page.goto("/?filename=row")
    expect(page.locator("#history .card")).to_have_count(12)
    page.get_by_role("link", name="Older").click()
    expect(page.locator("#history .card")).to_have_count(1)
    assert "cursor=" in page.url
    page.get_by_role("link", name="Newest").click()
    expect(page.locator("#history .card")).to_have_count(12)
    page.get_by_label("File name").fill("row3")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#history .card")).to_have_count(1)
    page.get_by_role("link", name="Clear").click()
    expect(page.locator("#history .card")).to_have_count(12)
    page.get_by_label("Label").select_option("tennis_ball")
    expect(page.locator("#history .card-title").first).to_contain_text("Tennis ball")


def test_deleting_asks_for_a_key_and_a_wrong_one_deletes_nothing(page, key_and_line):
    choose(page, ("to-delete.png", picture(RED)))
    first = page.locator("#history .card").filter(has_text="to-delete.png")
    first.get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("API key").fill("wrong")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not known")
    dialog.get_by_label("API key").fill(key_and_line[0])
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog).to_be_hidden()
    expect(first).to_have_count(0)


def test_file_names_are_text_never_markup(page):
    choose(page, ("<img src=x onerror=alert(1)>.png", picture(RED)))
    expect(page.locator("#history .card").first).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("#history img[src=x]").count() == 0


def test_everything_can_be_reached_by_keyboard(page):
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.name || document.activeElement.text"))
    assert {"Skip to the content", "img", "photo", "label", "filename"} <= reached


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_every_width_in_light_and_dark(browser, service, width, scheme):
    viewport = {"width": width, "height": 800}
    context = browser.new_context(base_url=service, viewport=viewport, color_scheme=scheme)
    tab = context.new_page()
    for path in ("/", "/docs"):
        tab.goto(path)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_an_offline_model_is_said_plainly_and_the_rest_works(browser, tmp_path):
    port = free_port()
    environment = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/history.db",
        "SCORING_URL": f"http://127.0.0.1:{port}",
        "MODEL_REFRESH_S": "0.2",
    }
    with gunicorn(**environment) as (url, _):
        tab = browser.new_page(base_url=url)
        tab.goto("/")
        expect(tab.get_by_text("The model is offline.")).to_be_visible()
        expect(tab.locator("#model-status")).to_have_text("Model offline")
        choose(tab, ("ball.png", picture()))
        expect(tab.locator("#results [role=alert]")).to_contain_text("does not answer")
        with stand_in_model(port):
            tab.get_by_role("button", name="Try again").click()
            expect(tab.locator("#results h3")).to_contain_text("Tennis ball")
        tab.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    """The source of axe-core, which looks for barriers; skips where npm cannot get it."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm here")
    command = [npm, "pack", "--silent", "axe-core@4"]
    environment = {**os.environ, "npm_config_fetch_retries": "0"}
    packed = subprocess.run(command, cwd=folder, check=False, env=environment, timeout=60)
    archives = list(folder.glob("*.tgz"))
    if packed.returncode != 0 or not archives:
        pytest.skip("axe-core cannot be had")
    with tarfile.open(archives[0]) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/docs"])
def test_axe_finds_nothing_serious(browser, service, axe, path, scheme):
    context = browser.new_context(base_url=service, bypass_csp=True, color_scheme=scheme)
    tab = context.new_page()
    tab.goto(path)
    if path == "/":
        choose(tab, ("a.png", picture((120, 110, 100))), ("bad.png", b"bad"))
        expect(tab.locator("#results .notice")).to_have_count(2)
    tab.evaluate(axe)
    violations = tab.evaluate("axe.run().then(found => found.violations)")
    serious = [
        {"rule": one["id"], "where": [node["target"] for node in one["nodes"]]}
        for one in violations
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == [], json.dumps(serious, indent=1)
    context.close()
