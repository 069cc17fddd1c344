"""A window on the shop, which a test uses as a visitor does."""

import base64
from pathlib import Path
from typing import Any

from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from tests.e2e import chromium
from tests.e2e.services import ROOT, eventually
from tests.e2e.test_page_width import CUT_OFF, SCREENS, WIDTH

SCREENSHOTS = ROOT / "var" / "screenshots"
TEXTS = "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())"
CLICKED = "data-clicked-by-test"
FIND = "return [...document.querySelectorAll(arguments[0])].find(e => e.innerText.includes(arguments[1]))"
IN_VIEW = """
const {top, bottom} = arguments[0].getBoundingClientRect();
return top >= 0 && bottom <= innerHeight
"""
STATUS = "return performance.getEntriesByType('navigation')[0].responseStatus"
LOOK = f"return [location.href, ...[{', '.join(f'(() => {{{script}}})()' for script in (STATUS, WIDTH, CUT_OFF))}]]"


class Window:
    """``screen`` is one of SCREENS. After each step the page must fit it."""

    def __init__(self, tab: Chrome, url: str, screen: str, *, has_scripts: bool = True) -> None:
        self.tab, self.url, self.screen, self.has_scripts = tab, url, screen, has_scripts
        self._forgiven: list[str] = []
        size = SCREENS[screen] | {"deviceScaleFactor": 1, "mobile": screen == "telephone"}
        self.command("Emulation.setDeviceMetricsOverride", size)
        self.command("Emulation.setScriptExecutionDisabled", {"value": not has_scripts})

    def close(self) -> None:
        """Undo what a new visitor would not undo."""
        self.command("Emulation.setScriptExecutionDisabled", {"value": False})
        self.paint("light")

    def command(self, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
        return dict(self.tab.execute_cdp_cmd(name, parameters))

    def run(self, script: str, *arguments: object) -> Any:
        """Run a test's own script, which works without the page's scripts as well."""
        return self.tab.execute_script(script, *arguments)

    def open(self, path: str, status: int = 200) -> None:
        self.tab.get(self.url + path)
        self.looks_right(status)

    def looks_right(self, status: int = 200) -> None:
        """The page has this status and fits the screen."""
        if status != 200:
            self._forgiven.append(f"the server responded with a status of {status}")
        page, found, width, cut_off = self.run(LOOK)
        assert found == status, page
        assert width <= SCREENS[self.screen]["width"], page
        assert cut_off == [], page

    @property
    def path(self) -> str:
        return self.tab.current_url.removeprefix(self.url)

    def texts(self, selector: str) -> list[str]:
        return [str(text) for text in self.run(TEXTS, selector)]

    def text(self, selector: str = "main") -> str:
        return "\n".join(self.texts(selector))

    def sees(self, text: str, selector: str = "main") -> None:
        eventually(lambda: text in self.text(selector))

    def find(self, selector: str, text: str = "") -> WebElement:
        """The first element of this kind, with this text."""
        found = self.run(FIND, selector, text)
        assert isinstance(found, WebElement), f"{selector} {text} is not on {self.tab.current_url}"
        return found

    def is_in_view(self, selector: str) -> bool:
        """Whether a visitor sees the element without scrolling."""
        return bool(self.run(IN_VIEW, self.find(selector)))

    def press(self, selector: str, text: str = "", status: int = 200) -> None:
        """Press a button or follow a link, and wait for the next page, or for htmx to replace the element."""
        self._click(selector, text)
        eventually(lambda: self.run(f"return !document.querySelector('[{CLICKED}]')"))
        self.looks_right(status)

    def unfold(self, selector: str, text: str = "") -> None:
        """Open a <details> by its summary."""
        self._click(selector, text)
        self.looks_right()

    def _click(self, selector: str, text: str) -> None:
        element = self.find(selector, text)
        self.run(f"arguments[0].setAttribute('{CLICKED}', '')", element)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        # Unlike element.click() it takes what style sheets show of a closed <details>.
        ActionChains(self.tab).move_to_element(element).click().perform()

    def fill(self, selector: str, text: str) -> None:
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def choose(self, selector: str, text: str) -> None:
        Select(self.find(selector)).select_by_visible_text(text)

    def sign_in(self, password: str) -> None:
        """Fill in the page on which to sign in."""
        self.fill("[name=username]", "admin")
        self.fill("[name=password]", password)
        self.press("[type=submit]")
        eventually(lambda: "/login/" not in self.path)

    def paint(self, scheme: str) -> None:
        """Use the light or the dark colour scheme."""
        self.command("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def keep_picture(self, name: str) -> None:
        """Keep a picture of the whole page for people."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        taken = self.command("Page.captureScreenshot", {"captureBeyondViewport": True})["data"]
        Path(SCREENSHOTS, f"{name}-{self.screen}.png").write_bytes(base64.b64decode(taken))

    def complaints(self) -> list[str]:
        """Errors and violations in the console since the last call, without the answers that a test asked for."""
        return [
            entry["message"]
            for entry in chromium.console(self.tab)
            if (entry["level"] == "SEVERE" or "Content Security Policy" in entry["message"])
            and not any(text in entry["message"] for text in self._forgiven)
        ]
