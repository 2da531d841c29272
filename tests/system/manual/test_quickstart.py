"""docs/quickstart.md, from a clone to a curve that is shared and one that no longer is: all that is to type and to do."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from selenium.common.exceptions import TimeoutException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests.rigs.chrome import chromium
from tests.rigs.fleet import PASSWORD
from tests.rigs.manual import Reader, items_of, last, reader
from tests.rigs.places import REPOSITORY
from tests.rigs.waiting import HANG_S

PAGE = REPOSITORY / "docs/quickstart.md"
_LINE = "return document.getElementById('chart')?.curve?.data[1].filter((one) => one !== null).length ?? 0"


class Person:
    """Somebody in a browser of their own."""

    def __init__(self, browser: Chrome, folder: Path) -> None:
        self.browser, self.folder = browser, folder

    def until(self, condition: Callable[[], object], what: str = "it") -> None:
        try:
            WebDriverWait(self.browser, HANG_S, poll_frequency=0.1).until(lambda _: condition())
        except TimeoutException:
            self.browser.save_screenshot(str(self.folder / "seen.png"))
            seen = self.browser.execute_script("return document.body.innerText")
            raise AssertionError(
                f"{what} did not come; {self.folder}/seen.png is the page, which says:\n{seen}"
            ) from None

    def sees(self, text: str) -> None:
        self.until(lambda: text in self.browser.execute_script("return document.body.innerText"), text)

    def clicks(self, label: str) -> None:
        """A link or a button by what stands on it."""
        css = "a, button, input[type=submit]"
        pick = (
            "const said = (e) => (e.value || e.innerText).trim();"
            "const all = [...document.querySelectorAll(arguments[0])];"
            "return all.find((e) => said(e) === arguments[1]) || all.find((e) => said(e).startsWith(arguments[1]))"
        )
        self.until(lambda: self.browser.execute_script(pick, css, label), label)
        self.browser.execute_script("arguments[0].click()", self.browser.execute_script(pick, css, label))

    def fills(self, **fields: str) -> None:
        for name, text in fields.items():
            field = self.browser.find_element(By.NAME, name)
            field.clear()
            field.send_keys(text)

    def ticks(self, name: str) -> None:
        self.browser.execute_script("arguments[0].click()", self.browser.find_element(By.NAME, name))

    def logs_in(self, url: str, name: str, once: str) -> None:
        self.browser.get(url)
        self.fills(name=name, password=once)
        self.clicks("Log in")
        self.until(lambda: "/password" in self.browser.current_url)
        self.fills(password=PASSWORD, again=PASSWORD)
        self.browser.find_element(By.NAME, "submit").click()
        self.sees("Overview")

    def sees_a_curve_grow(self) -> None:
        self.until(lambda: self.browser.execute_script(_LINE) > 5, "a curve")
        before = self.browser.execute_script(_LINE)
        self.until(
            lambda: self.browser.execute_script(_LINE) > before + 2, f"a curve of more than {before + 2} readings"
        )


@pytest.fixture
def people(tmp_path: Path) -> Iterator[Callable[[str], Person]]:
    """A person by name; each has a browser of their own."""
    there: dict[str, Person] = {}
    with ExitStack() as stack:

        def person(name: str) -> Person:
            if name not in there:
                folder = tmp_path / name
                folder.mkdir()
                there[name] = Person(stack.enter_context(chromium(folder)), folder)
            return there[name]

        yield person


def steps(typist: Reader, person: Callable[[str], Person]) -> dict[str, Callable[[], None]]:
    """What to do for each numbered step of the page."""
    url = f"http://127.0.0.1:{typist.port('8080')}/"

    def said(pattern: str) -> str:
        return last(pattern)(typist.said)

    def demo() -> None:
        once = said(r"password +(\S+) +for one login")
        person("visitor").logs_in(said(r"page +(http://\S+)"), "visitor", once)

    def demo_curve() -> None:
        person("visitor").clicks("Sensors")
        person("visitor").until(
            lambda: len(person("visitor").browser.find_elements(By.CSS_SELECTOR, "a.sensor-row")) >= 50
        )
        person("visitor").clicks("House")
        person("visitor").sees_a_curve_grow()
        typist.interrupt()

    def first() -> None:
        person("ada").browser.get(said(r"(http://\S+/first#\S+)"))
        person("ada").fills(name="ada", password=PASSWORD, again=PASSWORD)
        person("ada").clicks("Make my account")
        person("ada").sees("Set up")

    def described() -> None:
        person("ada").fills(name="Mill Lane")
        person("ada").clicks("Keep it")
        person("ada").until(lambda: "Mill Lane" in person("ada").browser.title)

    def offer() -> None:
        person("ada").clicks("Grants")
        person("ada").clicks("Give one")
        person("ada").fills(user="anna", region="north/city-a")
        fine = person("ada").browser.find_element(By.NAME, "resolution")
        Select(fine).select_by_visible_text("every reading")
        person("ada").ticks("live")
        person("ada").clicks("Show what it would open")

    def give() -> None:
        person("ada").sees("anna would see")
        person("ada").sees("1 sensor")
        person("ada").clicks("Give it")
        person("ada").sees("Grant 1")

    def enter(name: str) -> None:
        person(name).logs_in(url, name, said(rf"One-time password for {name}: (\S+)"))

    def look(name: str) -> None:
        person(name).sees("12 Mill Lane")
        person(name).clicks("12 Mill Lane")
        person(name).sees_a_curve_grow()

    def revoke() -> None:
        person("ada").clicks("Grants")
        person("ada").clicks("2")
        person("ada").sees("ben")
        person("ada").clicks("Revoke it")
        person("ada").sees("revoked")

    def gone() -> None:
        person("ben").sees("There is nothing here, or it has not been granted to you")
        person("ben").browser.get(url)
        person("ben").sees("Nothing has been shared with you yet")

    return {
        "Open the page, log in as *visitor* with the password beside that name, and choose a password of your own.": demo,
        "*Sensors* lists the houses. Click one: its curve grows while you look.": demo_curve,
        "Open that address. Choose the name *ada* and a password, and press *Make my account*.": first,
        "*Set up* follows. Give the site a name, and see that its time zone is yours; press *Keep it*.": described,
        "As Ada, click *Grants*, then *Give one*. For the user type *anna*, for the region *north/city-a*; for *How finely* "
        "choose *every reading*, and tick *as they come, too*. Press *Show what it would open*.": offer,
        "The page says what Anna would see. Press *Give it*. (The form begins with the least: sums of whole months, when they "
        "are over.)": give,
        "In another browser, or a private window, open <http://127.0.0.1:8080/>, log in as *anna* with her one-time password, "
        "and choose a password of her own.": lambda: enter("anna"),
        "The overview has *12 Mill Lane*. Click it: the curve grows. What the relay held is fetched first, and while somebody "
        "looks everything is sent at once.": lambda: look("anna"),
        "Do the same as *ben*.": lambda: (enter("ben"), look("ben"))[0],
        "As Ada, click *Grants*, then the number of Ben's grant, then *Revoke it*.": revoke,
        "Ben's page goes: *there is nothing here, or it has not been granted to you*. His overview is empty.": gone,
        "Anna's curve goes on growing.": lambda: person("anna").sees_a_curve_grow(),
    }


def test_from_a_clone_to_a_curve_that_is_shared(tmp_path: Path, people: Callable[[str], Person]) -> None:
    if not shutil.which("git") or not shutil.which("make") or not shutil.which("curl"):
        pytest.skip("git, make or curl is not installed")
    if subprocess.run(["git", "-C", str(REPOSITORY), "rev-parse"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this is no clone that could be cloned")
    with reader(tmp_path / "empty", {"ADDRESS": str(REPOSITORY)}) as typist:
        known = steps(typist, people)
        done = []
        for item in items_of(PAGE):
            if item.kind == "step":
                assert item.text in known, f"{item}: nobody knows how to do this: {item.text}"
                known[item.text]()
                done.append(item.text)
            else:
                typist.does(item)
        assert done == list(known), "a step that is known is not on the page"
