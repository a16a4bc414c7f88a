"""The page in a real browser: it fits, it plays, it is quiet, and strangers' titles stay text."""

import pytest

from tests.drawn.outputs import EVIL_TITLE, draw_everything
from tests.servers.browser import find_chromium, opened_tab
from tinyvideo.flows.report.page import write_report

CHROMIUM = find_chromium()
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on the PATH; on Debian: apt-get install chromium"
)

PHONE, DESKTOP = (390, 844), (1280, 900)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return write_report(draw_everything(tmp_path_factory.mktemp("everything")))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with opened_tab(CHROMIUM, tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def tab(browser, report):
    browser.resize(*PHONE)
    browser.prefer(color_scheme="light", reduced_motion="no-preference")
    browser.open(report)
    return browser


WIDTHS = [320, 390, 600, 768, 1000, 1280]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_never_scrolls_sideways(tab, width):
    tab.resize(width, 900)

    # Not compared with innerWidth, which grows: a phone zooms out from a page that is too wide.
    assert tab.run("document.documentElement.scrollWidth") <= width
    too_wide = tab.run(
        f"""
        [...document.querySelectorAll("body *")]
          .filter((element) => !element.closest(".scroll, nav ul"))
          .filter((element) => element.getBoundingClientRect().right > {width} + 0.5)
          .map((element) => element.outerHTML.slice(0, 80))
        """
    )
    assert too_wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_complained_about_and_nothing_fetched(tab, report, scheme):
    tab.prefer(color_scheme=scheme)
    tab.open(report)

    tab.run("document.body.offsetHeight")  # whatever it has to say comes before the answer
    complaints = {"Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"}
    assert tab.names().isdisjoint(complaints)
    addresses = [
        event["params"]["request"]["url"]
        for event in tab.events
        if event.get("method") == "Network.requestWillBeSent"
    ]
    assert [a for a in addresses if not a.startswith("data:")] == [report.as_uri()]


def test_what_a_stranger_planted_did_not_run(tab):
    assert tab.run("typeof window.planted") == "undefined"
    assert tab.run("document.scripts.length") == 1
    assert tab.run("document.images.length") == 0
    assert EVIL_TITLE in tab.run("document.body.innerText")


def test_a_style_that_the_page_does_not_name_is_refused(tab):
    # The policy is at work, not only written down.
    tab.run("document.body.insertAdjacentHTML('beforeend', '<p id=x style=color:red>x</p>')")
    red = "rgb(255, 0, 0)"
    assert tab.run("getComputedStyle(document.getElementById('x')).color") != red


def test_every_film_shows_one_of_32_frames_at_a_time(tab):
    films = tab.run("document.querySelectorAll('.film:not(.still, .missing)').length")
    # 2 of the clip before and after, 4 clips after only, 4 figures x (3 + 2), 2 x 3 generated
    assert films == 2 + 4 + 20 + 6
    timing = tab.run(
        """
        [...new Set([...document.querySelectorAll(".film:not(.still, .missing)")]
          .map((film) => getComputedStyle(film))
          .map((style) => `${style.animationTimingFunction} ${style.animationIterationCount}`))]
        """
    )
    assert timing == ["steps(32) infinite"]
    shown = tab.run(
        """
        (() => {
          const film = document.querySelector(".film");
          const [animation] = film.getAnimations();
          animation.pause();
          const frame = animation.effect.getComputedTiming().duration / 32;
          return [0, 1, 16, 31].map((number) => {
            animation.currentTime = (number + 0.5) * frame;
            return parseFloat(getComputedStyle(film).backgroundPositionY);
          });
        })()
        """
    )
    # A shift by 100 % shows the last frame, number 31.
    assert shown == pytest.approx([0, 100 / 31, 1600 / 31, 100], abs=1e-4)


def test_a_film_is_shown_in_whole_pixels(tab):
    for width in WIDTHS:
        tab.resize(width, 900)
        sizes = tab.run(
            """
            [...document.querySelectorAll(".film")]
              .map((film) => film.getBoundingClientRect())
              .flatMap((box) => [box.width, box.height])
            """
        )
        assert all(size == int(size) >= 64 for size in sizes)


def test_before_and_after_play_in_step(tab):
    progress = tab.run(
        """
        [...document.querySelectorAll(".pair")]
          .map((pair) => [...pair.querySelectorAll(".film:not(.missing)")])
          .filter((films) => films.length === 2)
          .map((films) => films.map((film) => film.getAnimations()[0].effect))
          .map((effects) => effects.map((effect) => effect.getComputedTiming().progress))
        """
    )
    ((before, after),) = progress
    assert before == after


def states(tab):
    return tab.run("[...new Set(document.getAnimations().map((a) => a.playState))]")


def label(tab):
    return tab.run("document.getElementById('play').textContent")


def press_enter(tab):
    key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
    tab.call("Input.dispatchKeyEvent", type="keyDown", **key)
    tab.call("Input.dispatchKeyEvent", type="keyUp", **key)


def test_the_keyboard_stops_and_starts_the_films(tab):
    assert (states(tab), label(tab)) == (["running"], "Pause")

    tab.run("document.getElementById('play').focus()")
    press_enter(tab)
    assert (states(tab), label(tab)) == (["paused"], "Play")

    press_enter(tab)
    assert (states(tab), label(tab)) == (["running"], "Pause")


def test_who_prefers_less_motion_starts_with_stills(tab, report):
    tab.prefer(reduced_motion="reduce")
    tab.open(report)
    assert (states(tab), label(tab)) == (["paused"], "Play")

    tab.run("document.getElementById('play').click()")
    assert states(tab) == ["running"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_text_is_readable(tab, size, scheme):
    tab.resize(*size)
    tab.prefer(color_scheme=scheme)

    contrasts = tab.run(
        """
        (() => {
          const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
          const light = (color) => {
            const [r, g, b] = numbers(color).map((v) => v / 255)
              .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const paper = (element) => {
            for (let e = element; e; e = e.parentElement) {
              const color = getComputedStyle(e).backgroundColor;
              if (numbers(color)[3] !== 0) return color;
            }
          };
          return [...document.querySelectorAll("p, dd, dt, td, th, a, button, figcaption, h1, h2")]
            .map((e) => [light(getComputedStyle(e).color), light(paper(e))])
            .map(([a, b]) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
        })()
        """
    )
    assert len(contrasts) > 100
    assert min(contrasts) >= 4.5  # WCAG 2.2, level AA
    assert tab.run("matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
