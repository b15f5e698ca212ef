"""Starts ``hobnob test`` and speaks with its control API. Nothing but the standard library."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

__all__ = ["Hobnob", "HobnobError", "User", "binary"]

READY = 20.0
# Longer than anything that is waited for.
ANSWER = 330.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class HobnobError(Exception):
    """A refusal of the control API or of the server's API."""

    def __init__(self, status: int, body: Any, what: str):
        error = body.get("error", {}) if isinstance(body, dict) else {}
        details = error.get("details") or {}
        fields = [sentence for sentences in details.values() for sentence in sentences]
        super().__init__(f"{what}: {' '.join([error.get('message', f'status {status}'), *fields])}")
        self.status, self.code, self.body = status, error.get("code"), body


def binary(named: str | None = None) -> str:
    """Where the program is: named, in this package, or on the path."""
    named = named or os.environ.get("HOBNOB_BIN")
    if named:
        return named
    program = "hobnob.exe" if os.name == "nt" else "hobnob"
    beside = Path(__file__).with_name("bin") / program
    if beside.exists():
        return str(beside)
    return shutil.which(program) or program


class Hobnob:
    """A server for tests. ``ready`` is what it said when it was ready."""

    def __init__(
        self,
        seed: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        flags: Sequence[str] = (),
        bin: str | None = None,
        env: Mapping[str, str] | None = None,
        origins: Sequence[str] = (),
    ):
        program = binary(bin)
        arguments = [program, "test"]
        folder = None
        if isinstance(seed, Mapping):
            folder = tempfile.mkdtemp(prefix="hobnob-seed-")
            file = os.path.join(folder, "seed.json")
            with open(file, "w", encoding="utf-8") as out:
                json.dump(seed, out, indent=1)
            arguments += ["--seed", file]
        elif seed is not None:
            arguments += ["--seed", os.fspath(seed)]
        for origin in origins:
            arguments += ["--origin", origin]
        if flags:
            arguments += ["--", *flags]
        try:
            # Its standard input is a pipe from here: it ends when this process does.
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **(env or {})},
            )
            self.ready: dict[str, Any] = self._line(program)
        except OSError as error:
            raise RuntimeError(f"cannot start {program}: {_why(program, error)}") from error
        except ValueError as error:
            self._process.kill()
            self._process.communicate()
            raise RuntimeError(f"{program} is no Hobnob, or says something before it is ready: {error}") from error
        finally:
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
        # What it says later must not fill the pipe.
        self._complaints = threading.Thread(target=self._process.stderr.read, daemon=True)
        self._complaints.start()

    def _line(self, program: str) -> dict[str, Any]:
        late = threading.Timer(READY, self._process.kill)
        late.start()
        line = self._process.stdout.readline()
        late.cancel()
        if not line:
            _, complaint = self._process.communicate()
            raise RuntimeError(f"{program} was not ready: {complaint.decode(errors='replace').strip()}")
        try:
            return json.loads(line)
        except ValueError:
            raise ValueError(line[:200].decode(errors="replace").strip()) from None

    def __enter__(self) -> Hobnob:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends it; nothing is left of it."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        self._process.wait()
        self._complaints.join()
        self._process.stdout.close()
        self._process.stderr.close()

    @property
    def url(self) -> str:
        return self.ready["url"]

    @property
    def app_id(self) -> str:
        return self.ready["appId"]

    @property
    def api_key(self) -> str:
        return self.ready["apiKey"]

    @property
    def auth_key(self) -> str:
        return self.ready["authKey"]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the control API."""
        return self._asked(method, self.ready["controlUrl"] + path, body, {}, f"{method} /_test{path}")

    def _asked(self, method: str, url: str, body: Any, headers: dict[str, str], what: str) -> Any:
        try:
            return _asked(method, url, body, headers, what)
        except OSError as error:
            if self._process.poll() is None:
                raise
            raise RuntimeError(f"{what}: the server has ended ({self._process.returncode})") from error

    def api(self, method: str, path: str, body: Any = None, as_user: str | None = None) -> Any:
        """A request of the API with the full key, on behalf of a user if one is named."""
        headers = {"appId": self.app_id, "apiKey": self.api_key}
        if as_user:
            headers["onBehalfOf"] = as_user
        return self._asked(method, f"{self.url}/v3{path}", body, headers, f"{method} {path}")

    def reset(self, **options: str) -> dict[str, Any]:
        """Back to the seed."""
        return self.control("POST", "/reset", options)

    def snapshot(self, name: str) -> None:
        self.control("POST", "/snapshot", {"name": name})

    def restore(self, name: str, **options: str) -> dict[str, Any]:
        return self.control("POST", "/restore", {"name": name, **options})

    def now(self) -> dict[str, Any]:
        return self.control("GET", "/clock")

    def advance(self, by: str | float, **more: str | float) -> dict[str, Any]:
        """Turns the clock; all that becomes due on the way is done when this returns. ``patience="5s"``: how long webhooks may
        take at each time on the way."""
        return self.control("POST", "/clock", {"advance": by, **more})

    def set_clock(self, to: str | float) -> dict[str, Any]:
        return self.control("POST", "/clock", {"set": to})

    def freeze(self, frozen: bool = True) -> dict[str, Any]:
        return self.control("POST", "/clock", {"freeze": frozen})

    def fault(self, **rule: Any) -> int:
        """Orders a fault: ``fault(on={"path": "/messages"}, times=1, status=503)``."""
        return self.control("POST", "/faults", rule)["id"]

    def faults(self) -> list[dict[str, Any]]:
        """Those that were ordered, with how many requests they befell (``hits``)."""
        return self.control("GET", "/faults")

    def clear_faults(self) -> None:
        self.control("DELETE", "/faults")

    def sockets(self, user: str, do: str, **more: int) -> int:
        """``drop``, ``close``, ``hold``, ``twice``, ``slow`` or ``mend`` the sockets of a user; how many there are."""
        return self.control("POST", "/sockets", {"user": user, "do": do, **more})["sockets"]

    def journal(self, **asked: Any) -> list[dict[str, Any]]:
        """What has happened: ``journal(kind="frameOut", user="ann")``."""
        asked = {name: value if isinstance(value, str) else json.dumps(value) for name, value in asked.items()}
        return self.control("GET", f"/journal?{urllib.parse.urlencode(asked)}")["entries"]

    def until(
        self, found: Callable[[dict[str, Any]], bool] | None = None, timeout: float = 5, **what: Any
    ) -> dict[str, Any]:
        """Waits until something has happened, before or after this is called: by what it must be like, by a function of an
        entry, or by both; ``timeout`` in seconds. The entry."""
        if found is None:
            return self.control("POST", "/wait", {"timeout": timeout, **what})["entries"][0]
        end, after, seen = time.monotonic() + timeout, 0, []
        while True:
            left = round(max(0.0, end - time.monotonic()), 3)
            try:
                told = self.control("POST", "/wait", {**what, "after": after, "timeout": left})
            except HobnobError as error:
                if error.code != "ERR_READ_TIMEOUT":
                    raise
                short = "; ".join(f"{one['kind']} {one['title']} ({', '.join(one['users'])})" for one in seen[-20:])
                raise TimeoutError(f"In {timeout} s nothing fitted. What happened last: {short or 'nothing'}.") from error
            seen += told["entries"]
            for entry in told["entries"]:
                if found(entry):
                    return entry
            after = told["last"]

    def act(self, who: str, **what: Any) -> Any:
        return self.control("POST", "/act", {"as": who, **what})

    def as_user(self, uid: str) -> User:
        return User(self, uid)


class User:
    """A user who acts without a client."""

    def __init__(self, chat: Hobnob, uid: str):
        self._chat, self.uid = chat, uid

    def send(self, **message: Any) -> Any:
        """``send(to="bob", text="hi")``"""
        return self._chat.act(self.uid, send=message)

    def type(self, **to: Any) -> Any:
        return self._chat.act(self.uid, type=to)

    def read(self, message_id: Any) -> Any:
        return self._chat.act(self.uid, read={"messageId": message_id})

    def deliver(self, message_id: Any) -> Any:
        return self._chat.act(self.uid, deliver={"messageId": message_id})

    def edit(self, message_id: Any, text: str) -> Any:
        return self._chat.act(self.uid, edit={"messageId": message_id, "text": text})

    def delete(self, message_id: Any) -> Any:
        return self._chat.act(self.uid, delete={"messageId": message_id})

    def react(self, message_id: Any, reaction: str) -> Any:
        return self._chat.act(self.uid, react={"messageId": message_id, "reaction": reaction})

    def unreact(self, message_id: Any, reaction: str) -> Any:
        return self._chat.act(self.uid, unreact={"messageId": message_id, "reaction": reaction})

    def call(self, **to: Any) -> Any:
        return self._chat.act(self.uid, call=to)

    def answer(self, session_id: str) -> Any:
        return self._chat.act(self.uid, answer={"sessionId": session_id})

    def reject(self, session_id: str) -> Any:
        return self._chat.act(self.uid, reject={"sessionId": session_id})

    def cancel(self, session_id: str) -> Any:
        return self._chat.act(self.uid, cancel={"sessionId": session_id})

    def end(self, session_id: str) -> Any:
        return self._chat.act(self.uid, end={"sessionId": session_id})

    def join(self, group: str) -> Any:
        return self._chat.act(self.uid, join={"group": group})

    def leave(self, group: str) -> Any:
        return self._chat.act(self.uid, leave={"group": group})

    def block(self, to: str) -> Any:
        return self._chat.act(self.uid, block={"to": to})

    def unblock(self, to: str) -> Any:
        return self._chat.act(self.uid, unblock={"to": to})

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Any request of the API on their behalf."""
        return self._chat.control(method, f"/as/{urllib.parse.quote(self.uid, safe='')}{path}", body)


def _why(program: str, error: OSError) -> str:
    """Why it cannot be started, and what to do."""
    why = str(error)
    if not os.path.dirname(program) and isinstance(error, FileNotFoundError):
        why = f"there is no program for {sysconfig.get_platform()} in the package, and none on the path"
    return f"{why}. Build Hobnob, and set HOBNOB_BIN to the program."


def _asked(method: str, url: str, body: Any, headers: dict[str, str], what: str) -> Any:
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        headers = {**headers, "content-type": "application/json"}
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with _OPENER.open(request, timeout=ANSWER) as answer:
            said = json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        text = error.read()
        try:
            refusal = json.loads(text)
        except ValueError:
            refusal = text.decode(errors="replace")
        raise HobnobError(error.code, refusal, what) from None
    return said["data"] if isinstance(said, dict) and "data" in said else said
