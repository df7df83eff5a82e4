"""AuthZEN over HTTP: one question about alice and her plan, and whether it is allowed."""

import httpx

from tests.e2e.running import Server

QUESTION = {
    "subject": {"type": "User", "id": "alice"},
    "action": {"name": "read"},
    "resource": {"type": "Document", "id": "plan"},
}


def is_evaluated(client: httpx.Client, server: Server) -> bool:
    """Whether the answer is that she may."""
    answer = client.post(
        "/access/v1/evaluation", json=QUESTION, headers={"Authorization": f"Bearer {server.token('User:alice')}"}
    )
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["decision"])
