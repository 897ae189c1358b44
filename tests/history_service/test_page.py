"""The page, in a real browser against the service as it runs in production."""

import json

import pytest
from browsing import choose, expect
from real_parts import free_port, gunicorn, stand_in_model
from uploading import BLUE, RED, WHITE, picture

pytestmark = pytest.mark.browser


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


def test_a_picture_like_no_category_is_said_to_be_so_and_its_label_to_be_a_guess(page):
    choose(page, ("white.png", picture(WHITE)))
    result = page.locator("#results .result").first
    expect(result.locator("h3")).to_have_text("This does not look like any of the categories")
    expect(result).to_contain_text("Best guess: Basketball, 33 %")
    first = page.locator("#history .card").first
    expect(first).to_contain_text("white.png")
    expect(first).to_contain_text("This does not look like any of the categories")
    expect(first).to_contain_text("Best guess: Basketball, 33 %")
    expect(page.locator("#statistics .tiles")).to_contain_text("Looks like no category")


def test_history_shows_only_what_looks_like_no_category(page):
    choose(page, ("white.png", picture(WHITE)), ("red.png", picture(RED)))
    expect(page.locator("#results h3")).to_have_count(2)
    page.get_by_label("Looks like").select_option("None of them")
    titles = page.locator("#history .card-title")
    expect(titles.filter(has_not_text="does not look like")).to_have_count(0)
    expect(titles).not_to_have_count(0)
    assert "known=false" in page.url


def test_an_older_model_that_cannot_tell_says_nothing_of_it(page, scoring_server):
    scoring_server.control(older=True)
    choose(page, ("older.png", picture((255, 200, 200))))
    expect(page.locator("#results h3")).to_contain_text("Basketball")
    expect(page.locator("#results")).not_to_contain_text("does not look like")


def test_what_is_no_picture_is_explained(page):
    choose(page, ("notes.png", b"no picture at all"))
    expect(page.locator("#results [role=alert]")).to_contain_text("no JPEG, PNG")


def test_answers_that_are_cut_short_hold_up_nobody(page):
    names = [f"{i}.png" for i in range(6)]  # more than are sent at one time
    page.route("**/predict", lambda route: route.fulfill(status=200, body='{"id": 7,'))
    choose(page, *((name, picture(BLUE)) for name in names))
    expect(page.locator("#results [role=alert]")).to_have_count(6)
    expect(page.locator("#results [role=alert]").first).to_contain_text("cannot be reached")
    page.unroute("**/predict")
    page.get_by_role("button", name="Try again").first.click()
    expect(page.locator("#results h3")).to_contain_text("Tennis ball")


def test_deleting_says_so_where_the_service_cannot_be_reached(page, key_and_line):
    choose(page, ("to-keep.png", picture(RED)))
    first = page.locator("#history .card").filter(has_text="to-keep.png")
    first.get_by_role("button").click()
    page.route("**/predictions/*", lambda route: route.abort())
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("API key").fill(key_and_line[0])
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_contain_text("cannot be reached")


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


def test_labels_versions_and_headers_are_text_never_markup(page, service, scoring_server):
    script = "<img src=x onerror=alert(1)>"
    model = {"name": script, "version": script, "run_id": script}
    scores = {script: 0.9, "'\"><script>alert(1)</script>": 0.1}
    answer = {"label": script, "confidence": 0.9, "scores": scores, "model": model, "error": None}
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    scoring_server.control(body=json.dumps({"predictions": [answer]}))
    # The page and a program with a header of its own; the request id is shown in neither case.
    page.set_extra_http_headers({"X-Request-ID": script})
    choose(page, ("ball.png", picture(RED)))
    # Not the history alone: its first card may be another test's, whose file has such a name.
    expect(page.locator("#results h3")).to_contain_text(script)
    expect(page.locator("#history .card").first).to_contain_text(script)
    page.reload()
    expect(page.locator("#history .card").first).to_contain_text(script)
    expect(page.locator("#statistics")).to_contain_text(script)
    page.goto(f"/?label={script}&model_version={script}&filename={script}")
    assert page.locator("img[src=x], script:not([src])").count() == 0
    assert dialogs == []


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/docs"])
def test_axe_finds_nothing_serious(browser, service, axe, path, scheme):
    context = browser.new_context(base_url=service, bypass_csp=True, color_scheme=scheme)
    tab = context.new_page()
    tab.goto(path)
    if path == "/":
        grey = picture((120, 110, 100))
        choose(tab, ("a.png", grey), ("bad.png", b"bad"), ("white.png", picture(WHITE)))
        expect(tab.locator("#results .notice")).to_have_count(2)
        tab.get_by_role("button", name="Show why").first.click()
        expect(tab.locator("#results canvas")).to_be_visible()
    tab.evaluate(axe)
    violations = tab.evaluate("axe.run().then(found => found.violations)")
    serious = [
        {"rule": one["id"], "where": [node["target"] for node in one["nodes"]]}
        for one in violations
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == [], json.dumps(serious, indent=1)
    context.close()
