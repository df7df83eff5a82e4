"""Law: without its extra the language server says in one line how to get it."""

import subprocess
import sys

WITHOUT = "import sys; sys.modules['pygls'] = None; from service.cli import main; main(['policy', 'lsp'])"


def test_without_the_extra_the_command_says_how_to_get_it() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: the language server needs the extra `lsp`: `pip install 'magistrate[lsp]'`\n"
    assert done.stdout == ""
