"""The page of the metrics has every metric that is declared, as it is declared, and no other."""

from docs.generate_metrics import FILE, page


def test_the_page_says_what_is_declared() -> None:
    assert FILE.read_text() == page(), "`make metrics` writes it anew"
