"""A back end with two jobs: it gives tokens for the chat to people who are logged in to it, and its bot takes orders there.

Nothing but the standard library. ``python backend.py`` serves it.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BODY = 1 << 20


class ChatError(Exception):
    def __init__(self, status: int, error: dict[str, Any]):
        super().__init__(error.get("message", f"status {status}"))
        self.status, self.code = status, error.get("code")


@dataclass
class Chat:
    """The chat server's REST API. The key is one with full access: it stays in the back end."""

    url: str
    app_id: str
    api_key: str

    def ask(self, method: str, path: str, body: Any = None, as_user: str | None = None) -> Any:
        headers = {"appId": self.app_id, "apiKey": self.api_key, "content-type": "application/json"}
        if as_user:
            headers["onBehalfOf"] = as_user
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/v3{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise ChatError(refused.code, json.load(refused).get("error", {})) from None

    def provision(self, uid: str, name: str) -> None:
        """Makes the user if there is none."""
        try:
            self.ask("POST", "/users", {"uid": uid, "name": name})
        except ChatError as error:
            if error.code != "ERR_UID_ALREADY_EXISTS":
                raise

    def token(self, uid: str) -> str:
        """What a client of this user logs in with."""
        return self.ask("POST", f"/users/{urllib.parse.quote(uid, safe='')}/auth_tokens", {})["authToken"]

    def say(self, sender: str, to: str, text: str) -> None:
        message = {"category": "message", "type": "text", "receiver": to, "receiverType": "user", "data": {"text": text}}
        self.ask("POST", "/messages", message, as_user=sender)


@dataclass
class BackEnd:
    chat: Chat
    #: The name and the password that the chat server's webhook was given.
    hook_user: str
    hook_password: str
    #: In production these are tables.
    orders: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    def login(self, user: str, name: str) -> dict[str, str]:
        # Here your own login would be checked.
        self.chat.provision(user, name)
        return {"token": self.chat.token(user)}

    def is_from_chat(self, authorization: str) -> bool:
        expected = base64.b64encode(f"{self.hook_user}:{self.hook_password}".encode()).decode()
        return hmac.compare_digest(authorization.encode(), f"Basic {expected}".encode())

    def told(self, event_id: str, event: dict[str, Any]) -> None:
        """An event comes at least once, and is dealt with once."""
        message = event["data"].get("message", {})
        if event_id in self.done or event["trigger"] != "message_sent" or message.get("receiver") != "kitchen":
            return
        order = message["data"]["text"]
        self.chat.say("kitchen", message["sender"], f"One {order}, coming up")
        self.orders.append(order)
        self.done.add(event_id)


class Handler(BaseHTTPRequestHandler):
    """Finds the back end at its server."""

    def do_POST(self) -> None:
        back_end: BackEnd = self.server.back_end  # type: ignore[attr-defined]
        length = int(self.headers.get("content-length", 0))
        if length > BODY:
            return self.end(413)
        body = json.loads(self.rfile.read(length) or b"{}")
        try:
            if self.path == "/login":
                return self.end(200, back_end.login(body["user"], body["name"]))
            if self.path != "/hooks/chat":
                return self.end(404)
            if not back_end.is_from_chat(self.headers.get("authorization", "")):
                return self.end(401)
            back_end.told(self.headers["webhook-id"], body)
            return self.end(200)
        except (ChatError, OSError) as error:
            # The chat server tells it again later.
            return self.end(503, {"error": str(error)})

    def end(self, status: int, body: Any = None) -> None:
        content = json.dumps(body or {}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def serve(port: int, back_end: BackEnd | None = None) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    server.back_end = back_end  # type: ignore[attr-defined]
    return server


if __name__ == "__main__":
    env = os.environ
    of_env = Chat(env["CHAT_URL"], env["CHAT_APP"], env["CHAT_KEY"])
    serve(int(env.get("PORT", "3000")), BackEnd(of_env, env["HOOK_USER"], env["HOOK_PASSWORD"])).serve_forever()
