"""The page where the service does not answer, and for those who use no mouse or see little."""

import json

import pytest
from browsing import choose, expect
from uploading import RED, picture

pytestmark = pytest.mark.browser


def problem(status: int, detail: str) -> dict:
    """An answer as the service gives it."""
    return {
        "status": status,
        "content_type": "application/problem+json",
        "body": json.dumps({"status": status, "detail": detail}),
    }


@pytest.mark.parametrize("status", [401, 429, 503])
def test_a_list_that_could_not_be_loaded_says_so_and_can_be_asked_for_again(page, status):
    choose(page, ("stale.png", picture(RED)))
    expect(page.locator("#history .card").first).to_contain_text("stale.png")
    page.route("**/page/history?*", lambda route: route.fulfill(**problem(status, "Not now.")))
    page.get_by_label("Label").select_option("tennis_ball")
    alert = page.locator("#history [role=alert]")
    expect(alert).to_contain_text("Not now. What is below is not up to date.")
    page.unroute("**/page/history?*")
    alert.get_by_role("button", name="Try again").click()
    expect(alert).to_have_count(0)
    expect(page.locator("#history .card-title").filter(has_text="Basketball")).to_have_count(0)
    expect(page.locator("#history-title")).to_be_focused()


def test_a_list_that_cannot_be_reached_says_so_once(page):
    page.route("**/page/history?*", lambda route: route.abort())
    for label in ("tennis_ball", "basketball"):
        page.get_by_label("Label").select_option(label)
    expect(page.locator("#history [role=alert]")).to_have_count(1)
    expect(page.locator("#history [role=alert]")).to_contain_text("cannot be reached")


def test_a_picture_that_came_too_slowly_can_be_sent_again(page):
    page.route("**/predict", lambda route: route.fulfill(**problem(408, "It came too slowly.")))
    choose(page, ("slow.png", picture(RED)))
    expect(page.locator("#results [role=alert]")).to_have_text("It came too slowly.")
    page.unroute("**/predict")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#results h3")).to_contain_text("Basketball")


def test_after_a_deletion_by_keyboard_the_focus_is_at_the_history(page, key_and_line):
    choose(page, ("by-keyboard.png", picture(RED)))
    card = page.locator("#history .card").filter(has_text="by-keyboard.png")
    card.get_by_role("button").press("Enter")
    page.get_by_role("dialog").get_by_label("API key").fill(key_and_line[0])
    page.keyboard.press("Enter")
    expect(card).to_have_count(0)
    expect(page.locator("#history-title")).to_be_focused()


def test_how_much_is_left_is_told_by_a_region_that_stays(page):
    status = page.locator("#history > [role=status]")
    status.evaluate("region => { window.region = region; }")
    choose(page, ("told.png", picture(RED)))
    expect(status).to_contain_text("prediction")
    page.get_by_label("File name").fill("no such file")
    page.get_by_role("button", name="Apply").click()
    expect(status).to_have_text("Nothing here fits the filters.")
    assert status.evaluate("region => region === window.region")


CONTRASTS = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const bare = ".primary, .danger, .quiet, .unseen";  // told by their colour or their words
  const controls = [...document.querySelectorAll("input, select, .button")];
  return controls.filter((one) => !one.matches(bare)).map((one) => {
    const style = getComputedStyle(one);
    const lights = [light(style.borderColor), light(style.backgroundColor)];
    return (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_edges_of_fields_and_buttons_can_be_seen(browser, service, scheme):
    """WCAG 2.2, 1.4.11: 3 to 1 against what is beside them."""
    context = browser.new_context(base_url=service, color_scheme=scheme)
    tab = context.new_page()
    tab.goto("/")
    contrasts = tab.evaluate(CONTRASTS)
    assert len(contrasts) > 5
    assert min(contrasts) >= 3
    context.close()
