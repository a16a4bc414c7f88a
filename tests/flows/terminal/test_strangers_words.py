"""Texts of strangers do nothing where they are shown, and honest ones stay as they are."""

import io
import json
import os
import sys

import pytest
from typer.testing import CliRunner

from tests.drawn.films import flat, write_video
from tests.drawn.outputs import add_sharded
from tests.drawn.strip_rows import draw_record, draw_strip
from tinyvideo.flows import cli
from tinyvideo.flows.report import page
from tinyvideo.flows.terminal import screen
from tinyvideo.flows.terminal.strangers_words import (
    json_text,
    markdown,
    printable,
    tame,
    web_link,
)

ESCAPE = "\x1b]0;owned\x07\x1b[2J\x9b31m"
TURNED = "gpj.\u202eexe\u2066x"
EVIL = f"{ESCAPE}{TURNED}<script>x</script>[a](javascript:x)|`b`[/bold]\nForged: all is well"
HONEST = ["שלום עולם", "مرحبا\u200f 123", "👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "日本語のビデオ", "naïve café", "e\u0301"]
DOES = "\x1b\x07\x9b\u202e\u2066"


@pytest.mark.parametrize("text", HONEST)
def test_letters_of_every_script_stay_whole(text):
    assert tame(text) == printable(text) == markdown(text) == text
    assert json.loads(json_text([text])) == [text]


def test_what_does_something_is_shown_instead():
    assert tame("a\x1b[2Jb\x9bc\n") == "a\\x1b[2Jb\\x9bc\\n"
    assert printable("a\x1b[2J\nb\t\x00") == "a\\x1b[2J\nb\t\\x00"
    assert tame(TURNED) == "gpj.\\u202eexe\\u2066x"
    assert tame("film-\udcff.mp4") == "film-\\udcff.mp4"


def test_markdown_shows_words_only():
    assert markdown("[a](javascript:x) <b>|`") == "\\[a\\]\\(javascript:x\\) \\<b\\>\\|\\`"
    assert markdown("# a\n\n- b") == "\\# a - b"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://example.org/a?b=c#d", "https://example.org/a?b=c#d"),
        ("http://example.org/a(b)<c>\x1b", "http://example.org/a%28b%29%3Cc%3E%1B"),
        ("javascript:alert(1)", ""),
        ("\x01javascript:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("https:", ""),
        ("http://[::1", ""),
    ],
)
def test_only_an_address_of_the_web_is_a_link(address, expected):
    assert web_link(address) == expected


def test_json_is_utf8_or_ascii_and_says_the_same():
    told = {"name": "film-\udcff.mp4", "title": f"é 👍 {DOES}", "n": (1, None)}

    for encoding in ("utf-8", "UTF8", "ascii", "latin-1"):
        text = json_text(told, encoding)
        assert not set(text) & set(DOES)
        text.encode(encoding)
        assert json.loads(text) == {
            "name": "film-\\udcff.mp4", "title": f"é 👍 {DOES}", "n": [1, None]
        }  # fmt: skip


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """An output of one video whose title, owner, addresses and license are somebody's attack."""
    folder = tmp_path_factory.mktemp("out")
    record = draw_record(
        title=EVIL, owner_name=EVIL, license=EVIL, page_url="javascript:alert(1)", license_url=EVIL
    )
    add_sharded(folder, [(record, [draw_strip()])])
    return folder


def run(capfd, *words):
    """Run a command in this process, as `main` does; return code, standard output and error."""
    sys.argv = ["tinyvideo", *map(str, words)]
    with pytest.raises(SystemExit) as ended:
        cli.main()
    sys.stdout.flush()
    sys.stderr.flush()
    said = capfd.readouterr()
    return ended.value.code or 0, said.out, said.err


def test_explain_shows_a_title_and_obeys_nothing_in_it(out, capfd):
    code, _, said = run(capfd, "explain", draw_record().video_id, "--out", out)

    assert code == 0
    assert not set(said) & set(DOES)
    assert "\\x1b]0;owned" in said
    assert "\nForged" not in said


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "latin-1"])
def test_json_ends_in_no_traceback_where_the_terminal_has_few_letters(out, monkeypatch, encoding):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    monkeypatch.setattr(
        sys, "argv", ["tinyvideo", "explain", draw_record().video_id, "--out", str(out), "--json"]
    )
    with pytest.raises(SystemExit) as ended:
        cli.main()
    sys.stdout.flush()

    assert not ended.value.code
    assert json.loads(raw.getvalue())["video"]["title"] == EVIL


def test_a_word_that_the_terminal_lacks_ends_no_command(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    monkeypatch.setattr(sys, "argv", ["tinyvideo", "words", "--language", "ru"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    sys.stdout.flush()
    assert not ended.value.code


def test_credits_hold_no_link_and_no_tag_of_a_stranger(out, tmp_path):
    answer = CliRunner().invoke(
        cli.app, ["credits", "--out", str(out), "--to", str(tmp_path / "c.md")]
    )

    assert answer.exit_code == 0
    text = (tmp_path / "c.md").read_text(encoding="utf-8")
    assert not set(text) & set(DOES)
    assert "](" not in text
    assert "<script>" not in text.replace("\\<", "")
    assert len(text.splitlines()) == 5  # a title has no lines


def test_the_page_holds_nothing_that_does_something(out):
    text = page.write_report(out).read_text(encoding="utf-8")
    assert not set(text) & set(DOES)
    assert "javascript:alert" not in text


def test_markup_in_a_folders_name_is_no_traceback(monkeypatch, capfd):
    monkeypatch.setenv("TINYVIDEO_FOLDER", "/tmp/[/x]:warning:[bold]")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(screen, "_made", [])

    code, _, said = run(capfd, "settings")

    assert code == 0
    assert "/tmp/[/x]:warning:[bold]" in said


def test_a_film_whose_name_is_no_text_gives_json_that_is(tmp_path):
    film = tmp_path / os.fsdecode(b"film-\xff\x1b.mp4")
    write_video(tmp_path / "a.mp4", flat(33)).rename(film)

    answer = CliRunner().invoke(
        cli.app, ["stabilize", str(film), "-o", str(tmp_path / "out"), "--json"]
    )

    assert answer.exit_code == 3
    told = json.loads(answer.stdout_bytes.decode("utf-8"))
    assert told[0]["film"] == str(tmp_path / "film-\\udcff\x1b.mp4")
    assert "\x1b" not in answer.stderr
