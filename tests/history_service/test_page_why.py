"""Show why: a heat map over the picture, for who sees it and for who does not."""

import io

import pytest
import urllib3
from browsing import choose, expect
from PIL import Image
from uploading import RED, picture

pytestmark = pytest.mark.browser


def lit_below_right(size=(120, 60)) -> bytes:
    """A dark picture, bright below on the right: there the stand-in's heat map is highest."""
    dark = Image.new("RGB", size, (40, 0, 0))
    dark.paste((250, 200, 200), (size[0] * 3 // 4, size[1] * 2 // 3, *size))
    encoded = io.BytesIO()
    dark.save(encoded, "PNG")
    return encoded.getvalue()


@pytest.fixture
def classified(page):
    """The page with the result of one picture."""
    choose(page, ("lit.png", lit_below_right()))
    expect(page.locator("#results h3")).to_contain_text("Basketball")
    return page


def why(page):
    return page.get_by_role("button", name="Show why")


def total(url: str) -> int:
    return urllib3.request("GET", f"{url}/predictions").json()["total"]


def test_the_map_lies_on_the_picture_and_goes_again(classified):
    expect(why(classified)).to_have_attribute("aria-pressed", "false")
    why(classified).click()
    canvas = classified.locator("#results canvas")
    expect(canvas).to_be_visible()
    expect(why(classified)).to_have_attribute("aria-pressed", "true")
    over = canvas.bounding_box()
    under = classified.locator("#results img.preview").bounding_box()
    assert over == pytest.approx(under, abs=1)
    why(classified).click()
    expect(canvas).to_have_count(0)
    expect(why(classified)).to_have_attribute("aria-pressed", "false")


def test_it_is_told_in_words_too(classified):
    why(classified).click()
    named = "Heat map: what speaks most for Basketball is in the lower right of the picture."
    expect(classified.get_by_role("img", name=named)).to_be_visible()
    expect(classified.locator("#results")).to_contain_text("Bright places speak for “Basketball”")


def test_it_has_the_shape_of_the_picture_is_brightest_where_most_is_and_has_no_steps(classified):
    why(classified).click()
    expect(classified.locator("#results canvas")).to_be_visible()
    script = """canvas => {
      const {width, height} = canvas, context = canvas.getContext("2d");
      const red = (x, y) => context.getImageData(x * width, y * height, 1, 1).data[0];
      const row = context.getImageData(0, height * 0.83, width, 1).data;
      const reds = new Set(row.filter((_, i) => i % 4 === 0));
      return [width / height, red(0.9, 0.9), red(0.1, 0.1), reds.size];
    }"""
    ratio, most, least, shades = classified.locator("#results canvas").evaluate(script)
    assert ratio == pytest.approx(2, abs=0.02)
    assert most > least + 100
    assert shades > 20  # of 4 places in a row


def test_it_works_by_keyboard(classified):
    why(classified).focus()
    classified.keyboard.press("Enter")
    expect(classified.locator("#results canvas")).to_be_visible()
    expect(why(classified)).to_be_focused()
    classified.keyboard.press("Space")
    expect(classified.locator("#results canvas")).to_have_count(0)


def test_asking_why_stores_nothing_more_and_asks_once(classified, service, scoring_server):
    stored = total(service)
    canvas = classified.locator("#results canvas")
    # An impatient user: the second and third click come while the model is still being asked.
    why(classified).evaluate("button => { for (let i = 0; i < 3; i++) button.click(); }")
    expect(canvas).to_be_visible()
    why(classified).click()
    expect(canvas).to_have_count(0)
    why(classified).click()
    expect(canvas).to_be_visible()
    assert total(service) == stored
    assert scoring_server.control()["explained"] == 1


def test_a_model_that_cannot_say_why_is_said_plainly(classified, scoring_server):
    scoring_server.control(older=True)
    why(classified).click()
    expect(classified.locator("#results")).to_contain_text("The model cannot say why.")
    expect(classified.locator("#results canvas")).to_have_count(0)


def test_a_model_that_is_away_is_said_plainly_and_another_try_works(classified, scoring_server):
    scoring_server.control(status=503)
    why(classified).click()
    expect(classified.locator("#results")).to_contain_text("The model does not answer.")
    scoring_server.control(status=200)
    why(classified).click()
    expect(classified.locator("#results canvas")).to_be_visible()


def test_what_was_deleted_cannot_be_asked_about_and_so_stored_again(page, key_and_line):
    choose(page, ("gone.png", picture(RED)))
    expect(why(page)).to_be_visible()
    page.locator("#history .card").filter(has_text="gone.png").get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("API key").fill(key_and_line[0])
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog).to_be_hidden()
    expect(why(page)).to_have_count(0)
