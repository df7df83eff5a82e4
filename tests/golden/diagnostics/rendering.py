"""What the golden files are compared with; run as a module, it writes them anew."""

from pathlib import Path

from policy_lang.diagnostics import PolicyError
from policy_lang.loading import load

FOLDER = Path(__file__).parent
SHARED = FOLDER / "shared.policy"
CASES = tuple(sorted(path for path in FOLDER.glob("*.policy") if path != SHARED))


def rendered(case: Path) -> str:
    """All that is wrong with a case, beside the shared declarations."""
    try:
        load({SHARED.name: SHARED.read_text(encoding="utf-8"), case.name: case.read_text(encoding="utf-8")})
    except PolicyError as error:
        return f"{error}\n"
    return "nothing is wrong\n"


if __name__ == "__main__":
    for path in CASES:
        path.with_suffix(".expected").write_text(rendered(path), encoding="utf-8")
