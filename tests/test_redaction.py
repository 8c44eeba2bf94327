"""A secret is hidden in whatever dress somebody else has put it, and innocent text stays."""

from __future__ import annotations

import base64
import json
from html import escape
from math import ceil
from urllib.parse import quote, quote_plus

import pytest

from airflow_provider.redaction import SEARCHED, without_secrets

SECRET = 'Qx7+/e&T"z9=Lm<4'
LONG = "Basic dXNlcjpwYXNzd29yZC1vZi10aGUtdXNlcg=="


def characters(form: str, secret: str = SECRET) -> str:
    return "".join(form.format(ord(character)) for character in secret)


def encoded(before: str = "", after: str = "", secret: str = SECRET) -> str:
    return base64.b64encode(f"{before}{secret}{after}".encode()).decode()


def lower_escapes(text: str) -> str:
    return quote(text, safe="").replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d")


WHOLE = {
    "as it is": SECRET,
    "in capitals": SECRET.upper(),
    "in a URL": quote(SECRET),
    "in a URL, slashes too": quote(SECRET, safe=""),
    "in a URL, with small escapes": lower_escapes(SECRET),
    "in a URL, every character": characters("%{:02X}"),
    "in a URL in a URL": quote(quote(SECRET, safe=""), safe=""),
    "in a page": escape(SECRET),
    "in a page in a page": escape(escape(SECRET)),
    "in a page, by numbers": characters("&#{};"),
    "in a page, by hexadecimal numbers": characters("&#x{:X};"),
    "in a page, by small hexadecimal numbers": characters("&#x{:04x};"),
    "in a page, by names": SECRET.replace("+", "&plus;").replace("/", "&sol;").replace("=", "&equals;"),
    "in JSON": json.dumps(SECRET)[1:-1],
    "in JSON with slashes escaped": json.dumps(SECRET)[1:-1].replace("/", r"\/"),
    "in JSON in JSON": json.dumps(json.dumps(SECRET)[1:-1])[1:-1],
    "in JSON, by numbers": characters(r"\u{:04x}"),
    "in JSON, by numbers in capitals": characters(r"\u{:04X}"),
    "in a script, by bytes": characters(r"\x{:02x}"),
    "in a URL in a page": escape(quote(SECRET, safe="!&")),
    "in a page in JSON": json.dumps(escape(SECRET))[1:-1],
    "over two lines": f"{SECRET[:7]}\r\n  {SECRET[7:]}",
    "over two lines in JSON": f"{SECRET[:7]}\\n{SECRET[7:]}",
    "over two lines of a mail": f"{SECRET[:7]}=\n{SECRET[7:]}",
    "in base64": encoded(),
    "in base64 over two lines": f"{encoded()[:9]}\r\n{encoded()[9:]}",
    "in base64 of URLs": encoded().translate(str.maketrans("+/", "-_")),
    "in base64 in a URL": quote(encoded(), safe="").replace("%3D", ""),
    "in base64 in JSON": encoded().replace("/", r"\/"),
}


@pytest.mark.parametrize("shown", WHOLE.values(), ids=WHOLE)
def test_a_secret_is_hidden(shown):
    assert without_secrets(f"the token {shown} is not valid", [SECRET]) == "the token *** is not valid"


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("after", ["", ":", ":x", ":xy"])
def test_a_secret_is_hidden_in_base64_of_more_than_itself(before, after):
    for text in (encoded(before, after), quote(encoded(before, after), safe="")):
        told = without_secrets(f"not {text} at all", [SECRET])
        assert told.startswith("not ")
        assert told.endswith(" at all")
        assert "***" in told
        # What is left of it has no bit of the secret.
        left, _, right = told.removeprefix("not ").removesuffix(" at all").partition("***")
        end = ceil(len(before + SECRET) * 8 / 6)
        assert len(left) <= len(before) * 8 // 6
        assert len(right.replace("%3D", "").rstrip("=")) <= len(encoded(before, after).rstrip("=")) - end


@pytest.mark.parametrize(
    "shown",
    [
        LONG[:24],
        LONG.upper()[:24],
        quote(LONG[:24]),
        quote_plus(LONG),
        encoded(secret=LONG)[:32],
        encoded("x", secret=LONG)[:40],
    ],
)
def test_the_larger_part_of_a_long_secret_is_hidden(shown):
    told = without_secrets(f'"{shown}…" is refused', [LONG])
    assert "***" in told
    assert shown[8:16] not in told


def test_a_secret_that_has_escapes_itself_is_hidden():
    secret = "abc%2Fdef%3D&amp;x"
    for shown in (secret, quote(secret), escape(secret), quote(quote(secret)), escape(quote(secret))):
        assert without_secrets(f"not {shown}.", [secret]) == "not ***."


def test_letters_beyond_ascii_are_hidden_too():
    secret = "Žltý-kôň-77"
    shown = [
        secret,
        secret.upper(),
        secret.lower(),
        quote(secret),
        json.dumps(secret)[1:-1],
        encoded("", "", secret),
    ]
    for text in shown:
        assert without_secrets(f"ž {text} ž", [secret]) == "ž *** ž"


@pytest.mark.parametrize(
    ("text", "secret", "told"),
    [
        # A short secret is a part of many words.
        ("the latest test is contested", "test", "the latest *** is contested"),
        ("a request for a token", "a", "*** request for *** token"),
        ("code 1 of 11", "1", "code *** of 11"),
        ("user:test@host", "test", "user:***@host"),
        ("password=t%65st", "test", "password=***"),
        ("žtest", "test", "žtest"),
        ("nothing", "", "nothing"),
        # Escapes that are no secret stay as they are written.
        ("100&#37; of %7Bnames%7D\r\n and \\n", "s3cret-value", "100&#37; of %7Bnames%7D\r\n and \\n"),
        ("&unknown; &#99999999; \\uZZZZ %ZZ", "s3cret-value", "&unknown; &#99999999; \\uZZZZ %ZZ"),
        ("the tok\nen", "token of mine", "the tok\nen"),
    ],
)
def test_innocent_text_stays(text, secret, told):
    assert without_secrets(text, [secret]) == told


def test_of_two_secrets_in_one_another_nothing_is_left():
    assert without_secrets("not abcdefgh!", ["cdefgh", "abcdefgh"]) == "not ***!"
    assert without_secrets("not abcdefghij!", ["abcdefgh", "efghij"]) == "not ***!"
    assert without_secrets("xabcdefghabcdefghx", ["abcdefgh"]) == "x******x"


@pytest.mark.parametrize("short", range(1, len(characters(r"\u{:04x}"))))
def test_a_secret_at_the_cut_of_a_long_text_is_not_shown_in_part(short):
    shown = characters(r"\u{:04x}")
    told = without_secrets("z" * (SEARCHED - short) + shown, [SECRET])
    assert told == "z" * (SEARCHED - short) + "***"


def test_a_text_of_any_length_takes_little_time_for_its_end_is_not_read():
    told = without_secrets("%41&amp;" * 2_000_000, [SECRET])
    assert len(told) == SEARCHED
