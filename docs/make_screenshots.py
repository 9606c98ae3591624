"""Take the screenshots of docs/atlas_page.md from the page of a run, in chromium.

Usage: python docs/make_screenshots.py results/atlas.html (of the default run)
"""

import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
MODEL = "efficientnet_lite0"
VIEWS = {
    "models": "models",
    "model": f"model/{MODEL}/5/_blocks.3._depthwise_conv/on_square",
    "code": "code/5/0.7",
    "family": "family/5/first_derivative_right?sigma=0.9&direction=20&shift_x=0.2",
    "compare": f"compare/{MODEL}/efficientnet_lite2",
}
HEIGHT = 820
GAP = 16  # pixels between narrow screens


def main(page: Path) -> None:
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for width in (1400, 400):
            tab = browser.new_page(viewport={"width": width, "height": HEIGHT})
            for name, address in VIEWS.items():
                tab.goto("about:blank")
                tab.goto(f"{page.resolve().as_uri()}#{address}")
                tab.wait_for_selector("html[data-ready]")
                tab.screenshot(path=IMAGES / f"atlas-{name}-{width}.png")
        browser.close()
    narrow = [Image.open(IMAGES / f"atlas-{name}-400.png") for name in VIEWS]
    joined = Image.new("RGB", (len(narrow) * (400 + GAP) - GAP, HEIGHT), "#888888")
    for i, image in enumerate(narrow):
        joined.paste(image, (i * (400 + GAP), 0))
    joined.save(IMAGES / "atlas-400.png", optimize=True)
    for name in VIEWS:
        (IMAGES / f"atlas-{name}-400.png").unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
