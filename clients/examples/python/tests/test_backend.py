import json
import urllib.error
import urllib.request

import pytest
from hobnob_test import HobnobError

# Of webhooks: what the bot says is told, too.
OF_ANN = {"bodies": {"data": {"message": {"sender": "ann"}}}}


def test_who_logs_in_gets_a_token_that_the_chat_takes(hobnob, back_end):
    token = back_end.login("dora", "Dora")["token"]
    headers = {"appId": hobnob.app_id, "authToken": token}
    with urllib.request.urlopen(urllib.request.Request(f"{hobnob.url}/v3/me", headers=headers)) as answer:
        me = json.load(answer)["data"]
    assert (me["uid"], me["name"]) == ("dora", "Dora")
    assert back_end.login("dora", "Dora")["token"] != token


def test_an_order_is_taken(hobnob, back_end):
    hobnob.as_user("ann").send(to="kitchen", text="soup")
    hobnob.until(kind="event", title="message", user="ann", text="One soup, coming up")
    hobnob.until(kind="webhook", status=200, like=OF_ANN)
    assert back_end.orders == ["soup"]


def test_the_chat_fails_and_the_order_is_taken_later(hobnob, back_end):
    # The bot cannot answer, so the event is not taken.
    hobnob.fault(on={"method": "POST", "path": "/messages", "user": "kitchen"}, times=2, status=503)
    hobnob.as_user("ann").send(to="kitchen", text="soup")
    hobnob.until(kind="webhook", status=503)
    hobnob.advance(0)
    assert back_end.orders == []
    # It is told again after 10 seconds, and after 30.
    hobnob.advance("30s")
    hobnob.until(kind="webhook", status=200, like=OF_ANN)
    assert [one["status"] for one in hobnob.journal(kind="webhook", like=OF_ANN)] == [503, 503, 200]
    assert back_end.orders == ["soup"]


def test_only_the_chat_is_believed(server, back_end):
    url = f"http://127.0.0.1:{server.server_port}/hooks/chat"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(url, b"{}", {"authorization": "Basic wrong"}))
    assert refused.value.code == 401


def test_what_was_asked_of_the_chat_is_in_its_journal(hobnob, back_end):
    back_end.login("dora", "Dora")
    asked = [(one["title"], one["status"]) for one in hobnob.journal(kind="request")]
    assert asked == [("POST /users", 200), ("POST /users/dora/auth_tokens", 200)]


def test_a_wrong_request_says_what_is_wrong(hobnob):
    with pytest.raises(HobnobError, match="nobody"):
        hobnob.as_user("nobody").send(to="ann", text="hi")
