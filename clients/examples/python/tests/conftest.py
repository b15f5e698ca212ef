import threading

import pytest
from backend import BackEnd, Chat, serve

HOOK = {"username": "chat", "password": "the secret of the webhook"}


@pytest.fixture(scope="session")
def server():
    """Where the back end listens: before the chat does, which has to know."""
    with serve(0) as it:
        threading.Thread(target=it.serve_forever, daemon=True).start()
        yield it
        it.shutdown()


@pytest.fixture(scope="session")
def hobnob_options(server):
    url = f"http://127.0.0.1:{server.server_port}/hooks/chat"
    return {
        "seed": {
            "clock": "2026-03-01T12:00:00Z",
            "users": ["ann", "kitchen"],
            "webhooks": [{"url": url, "triggers": ["message_sent"], "retries": True, **HOOK}],
        }
    }


@pytest.fixture
def back_end(server, hobnob):
    """As new for each test, as the chat is: ids are the same again."""
    chat = Chat(hobnob.url, hobnob.app_id, hobnob.api_key)
    server.back_end = BackEnd(chat, HOOK["username"], HOOK["password"])
    yield server.back_end
    # Webhooks that are on their way arrive before the next test.
    hobnob.advance(0)
