"""The atlas page in Chromium: what a reader sees, clicks and types, and nothing from outside.

Needs Debian's chromium (or one named by CHROMIUM), or the tests are skipped.
"""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from kernel_atlas.family.fit import make_members

pytestmark = pytest.mark.slow

VIEWS = {  # by address, what stands in the view alone
    "models": "One row per model and kernel size",
    "model/beta/5": "Classes by layer",
    "code/5/0.42": "Code 0.42",
    "code/3/0.5": "Each centre stands for a kernel",
    "family/5/on_cross": "The DoG family: On cross",
    "compare/alpha": "Models side by side",
}
MEMBERS = pd.DataFrame(
    [
        ("on_centre", 0.8, 1.6, 0.0, 1.0, 0.2, -0.1),
        ("off_cross", 0.6, np.inf, 0.0, 1.0, 0.0, 0.3),
        ("first_derivative_up", 1.0, np.nan, -100.0, 1.3, -0.2, 0.0),
        ("off_second_derivative", 0.9, np.nan, 30.0, 0.8, 0.0, 0.0),
        ("on_square", 0.9, np.nan, 0.0, 1.0, 0.5, 0.5),
    ],
    columns=["member", "sigma", "ratio", "direction", "aspect", "shift_x", "shift_y"],
)


@pytest.fixture(scope="module")
def browser():
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.skip("no chromium here: install it, or name one by CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, finished):
    """The page of the finished project; in the end, nothing was logged or asked for elsewhere."""
    url = (finished / "results/atlas.html").as_uri()
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    faults, requests = [], []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: requests.append(request.url.partition("#")[0]))
    page.atlas = url
    visit(page, "models")
    yield page
    page.close()
    assert faults == []
    assert {request for request in requests if not request.startswith("data:")} == {url}


def visit(page, address):
    """Open an address as from a link in a mail."""
    page.goto("about:blank")
    page.goto(f"{page.atlas}#{address}")
    page.wait_for_selector("html[data-ready]")


def kernels_shown(page):
    """Layer and channel of the kernels in view, as numbers."""
    cards = page.locator("li[data-channel]").evaluate_all(
        "cards => cards.map(card => [Number(card.dataset.layer), Number(card.dataset.channel)])"
    )
    return {tuple(card) for card in cards}


def pixels_of(page, selector):
    return page.eval_on_selector(selector, "image => image.src")


@pytest.mark.parametrize(("ruler", "column"), [("paper", "class"), ("family", "member")])
def test_a_click_on_a_bar_shows_the_kernels_of_the_class_table(page, finished, ruler, column):
    table = pd.read_parquet(finished / "results/classes/beta/k5.parquet")
    if ruler == "family":
        table = table[table["matched"]]
    counts = table.astype({column: str, "layer": str}).value_counts(["layer", column])
    (layer, label), count = next(iter(counts.items()))
    visit(page, f"model/beta/5?ruler={ruler}")
    row = page.locator(".bars li", has=page.locator(f'a[title="{layer}"]'))
    row.locator(f'.bar a[href*="/{label}"]').click()
    expect(page.locator("#side h2").first).to_have_text(f"Layer {layer}")
    shown = kernels_shown(page)
    asked = table[(table["layer"] == layer) & (table[column].astype(str) == label)]
    assert shown <= set(zip(asked["layer_index"], asked["channel"], strict=True))
    assert len(shown) >= min(count, 24)
    assert f"{count:,} kernels" in page.locator("#side").inner_text()


def test_the_slider_moves_the_kernel_and_the_address(page):
    visit(page, "code/5/0.42")
    before = pixels_of(page, "#code img.big")
    page.focus("#slider")
    for _ in range(3):
        page.keyboard.press("PageUp")
    assert pixels_of(page, "#code img.big") != before
    address = page.evaluate("location.hash")
    assert float(address.rpartition("/")[2]) > 0.42
    sent = pixels_of(page, "#code img.big")
    visit(page, address.removeprefix("#"))
    assert pixels_of(page, "#code img.big") == sent


def test_near_kernels_have_the_codes_of_the_class_table(page, finished):
    visit(page, "code/5/0.3")
    (near, *_) = page.locator("#code li[data-channel]").all()
    link = near.locator("a").first
    model, layer = link.inner_text().split(", ")
    table = pd.read_parquet(finished / f"results/classes/{model}/k5.parquet")
    channel = int(near.get_attribute("data-channel"))
    (kernel,) = table[(table["layer"] == layer) & (table["channel"] == channel)].itertuples()
    assert kernel.near
    assert f"code {kernel.code:.3f} ({kernel.dissimilarity:.3f})" in near.inner_text()
    link.click()
    expect(page.locator("h1")).to_have_text(model)


@pytest.mark.parametrize("address", VIEWS)
def test_each_address_opens_its_view_and_axe_finds_nothing(page, address):
    visit(page, address)
    assert VIEWS[address] in page.locator("main").inner_text()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page).response["violations"]
        assert [(fault["id"], fault["nodes"][0]["html"]) for fault in found] == []


def press_until(page, is_there):
    """Press Tab until the element in focus is the one that is asked for."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate(f"(here => {is_there})(document.activeElement)"):
            return
    raise AssertionError(f"Tab does not reach an element with {is_there}")


def test_keyboard_alone_goes_from_the_table_to_the_kernels_of_a_bar(page):
    press_until(page, "here.textContent === 'beta'")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("beta")
    press_until(page, "here.closest('.bar')")
    page.keyboard.press("Enter")
    expect(page.locator("#side h2").first).to_contain_text("Layer")
    assert kernels_shown(page)
    # the focus stays where it was, so that the next key goes on from there
    assert page.evaluate("document.activeElement.closest('.bar') !== null")


def test_the_table_is_sorted_and_searched(page, finished):
    table = finished.table("clustered")
    page.get_by_role("button", name="near", exact=True).click()
    shown = [float(text.split()[0]) for text in column(page, 6) if text != "–"]
    assert shown == sorted(table["near_percent"].round(1), reverse=True)
    page.get_by_label("Search").fill("ALPH")
    assert {text for text in column(page, 2) if text} == {"alpha"}
    assert "search=ALPH" in page.evaluate("location.hash")


def column(page, number):
    cells = page.locator(f"#models tbody tr:visible td:nth-child({number})")
    return cells.all_inner_texts()


def test_models_are_compared_side_by_side(page):
    for model in ("alpha", "gamma"):
        page.get_by_label(f"Compare {model}").first.check()
    page.get_by_text("Compare the 2 chosen").click()
    expect(page.locator("h1")).to_have_text("Models side by side")
    page.get_by_label("Add").select_option("beta")
    expect(page.locator("section h2 a:not([aria-label])")).to_have_text(["alpha", "gamma", "beta"])


def test_functions_of_the_family_are_those_of_the_library(page):
    for size in (3, 5, 7):
        made = make_members(MEMBERS, size)
        for (_, row), kernel in zip(MEMBERS.iterrows(), made, strict=True):
            label, parameters = row["member"], row.drop("member").to_dict()
            own = page.evaluate(
                "([...given]) => [...memberOf(...given)]", [label, parameters, size]
            )
            np.testing.assert_allclose(own, kernel.ravel(), atol=1e-12)


def test_a_moved_parameter_moves_the_function_and_its_nearest_kernels(page):
    visit(page, "family/5/first_derivative_right")
    before = pixels_of(page, "#function img.big"), page.locator("#function ul").inner_text()
    page.focus("#knob-shift_x")
    page.keyboard.press("End")
    after = pixels_of(page, "#function img.big"), page.locator("#function ul").inner_text()
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert "shift_x=1" in page.evaluate("location.hash")


def test_it_says_which_run_it_shows_and_gives_controls(page, finished):
    run = page.locator("footer").inner_text()
    assert "sheet.tsv; 3 models" in run
    row = finished.table("clustered").query("model == 'alpha' and kernel_size == 5").iloc[0]
    visit(page, "model/alpha/5")
    cells = page.locator("table.controls").inner_text()
    assert f"{row['near_percent']:.1f} %" in cells
    assert f"random {row['random_near_percent']:.1f} %" in cells


def test_what_is_not_in_the_atlas_is_named(page):
    for address in ("model/nobody", "model/alpha/5/no.such.layer"):
        visit(page, address)
        expect(page.locator("main")).to_contain_text(address.rpartition("/")[2])


@pytest.mark.parametrize("address", ["model/50%", "toString", "main", "models?ruler=toString"])
def test_an_address_with_a_slip_opens_a_view(page, address):
    visit(page, address)
    expect(page.locator("h1")).not_to_be_empty()


def test_a_change_of_ruler_keeps_what_the_slider_has_set(page):
    visit(page, "code/5/0.42")
    page.focus("#slider")
    page.keyboard.press("PageUp")
    address = page.evaluate("location.hash")
    page.get_by_role("link", name="the family's ruler").click()
    assert page.evaluate("location.hash") == f"{address}?ruler=family"
