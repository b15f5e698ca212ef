#!/usr/bin/env python3
"""Soaks a server: people write, read, edit, upload, come and go for a while; in the middle a crowd of sockets connects,
is cut and connects again, three times. What the process holds is sampled all the time.

The rule: with the crowd gone, and under the same traffic as before it came, the server holds no more than 1.3 times the
memory it held then; descriptors and threads are as many as then; the log stays within its bound. No request ends in a
fault of the server. Needs nothing but Python.
"""

import argparse
import asyncio
import base64
import json
import os
import random
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

# Memory, and what may be more at the end than before the storm.
RATIO = 1.3
# A server that has run for minutes only is still filling its caches (pages of the database, the allocator's own).
YOUNG_SECONDS, YOUNG_MIB = 600, 16
# Messages that are there before a long soak begins: enough for the pages of the database to fill SQLite's caches, which
# would else grow all the time and look like what the storm left.
KEPT_MESSAGES = 150_000
# Descriptors and threads that may be more: connections that come and go are not the same at any moment.
SLACK = 16
# The log is written back all the time, and begins anew when it has been. Where that lags behind, the writer does it itself
# at 16,384 pages (64 MiB, and 24 bytes for each); the batch it was at comes on top.
LOG_MIB = 72
TOKEN = "the-soak-reads-the-metrics"
PEOPLE = 200
GROUPS = 20
WORKERS = 24
# Sockets of people who chat, besides the storm.
ORDINARY = 100
WAVES = 3
SAMPLE = 2.0


class Failed(Exception):
    pass


class Server:
    def __init__(self, binary):
        self.folder = tempfile.mkdtemp(prefix="hobnob-soak-")
        self.out = open(os.path.join(self.folder, "out.txt"), "w+")
        self.log = open(os.path.join(self.folder, "log.txt"), "w+")
        self.data = os.path.join(self.folder, "data")
        command = [binary, "serve", "--data", self.data, "--http", "127.0.0.1:0", "--https", "off", "--rate-limits", "off",
                   "--metrics-token", TOKEN]
        self.process = subprocess.Popen(command, stdout=self.out, stderr=self.log)
        for _ in range(300):
            said = open(self.out.name).read()
            address = re.search(r"http://127\.0\.0\.1:(\d+)", said)
            if address and re.search(r"REST API key +(\S+)", said):
                break
            time.sleep(0.1)
        else:
            raise Failed("the server does not come up: " + open(self.log.name).read())
        self.port = int(address[1])
        self.app = re.search(r"app id +(\S+)", said)[1]
        self.key = re.search(r"REST API key +(\S+)", said)[1]

    def sample(self):
        pid = self.process.pid
        status = open(f"/proc/{pid}/status").read()
        log = os.path.join(self.data, "hobnob.db-wal")
        return {
            "rss": int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024,
            "threads": int(re.search(r"Threads:\s+(\d+)", status)[1]),
            "fds": len(os.listdir(f"/proc/{pid}/fd")),
            "wal": (os.path.getsize(log) if os.path.exists(log) else 0) / 1048576,
            "sqlite": self.sqlite_memory() / 1048576,
        }

    def sqlite_memory(self):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        try:
            page = urllib.request.urlopen(request, timeout=30).read().decode()
        except OSError:
            return 0.0
        return float(re.search(r"^hobnob_sqlite_memory_bytes (\S+)", page, re.M)[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Http:
    """One keep-alive connection."""

    def __init__(self, server):
        self.server, self.reader, self.writer = server, None, None

    async def call(self, method, path, body=None, headers=None):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.server.port, limit=1 << 22)
        given = {"Host": "127.0.0.1", "appid": self.server.app, **(headers or {"apikey": self.server.key})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            given["Content-Type"] = "application/json"
        given["Content-Length"] = str(len(body or b""))
        head = f"{method} {path if path.startswith('/media') else '/v3' + path} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in given.items()) + "\r\n"
        self.writer.write(head.encode() + (body or b""))
        raw = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        status = int(raw.split(" ", 2)[1])
        length = re.search(r"content-length: (\d+)", raw)
        if length:
            answer = await self.reader.readexactly(int(length[1]))
        else:
            answer = b""
            while True:
                size = int((await self.reader.readline()).strip() or b"0", 16)
                piece = await self.reader.readexactly(size + 2)
                if size == 0:
                    break
                answer += piece[:-2]
        if "connection: close" in raw:
            self.close()
        return status, (json.loads(answer) if answer[:1] == b"{" else {})

    def close(self):
        if self.writer:
            self.writer.close()
        self.writer = None


class Socket(asyncio.Protocol):
    """A socket that authenticates and then only counts what it hears."""

    heard = 0

    def __init__(self, server, person, ready):
        self.server, self.person, self.ready, self.opened, self.start = server, person, ready, False, b""

    def connection_made(self, transport):
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )

    def data_received(self, data):
        if self.opened:
            Socket.heard += len(data)
            return
        self.start += data
        if b"\r\n\r\n" in self.start and not hasattr(self, "asked"):
            self.asked = True
            device = f"SOAK-{self.person['uid']}-{id(self)}"
            self.say({"appId": self.server.app, "deviceId": device, "type": "auth", "sender": self.person["uid"],
                      "body": {"auth": self.person["jwt"], "deviceId": device}})
        if b'"code":"200"' in self.start:
            self.opened, self.start = True, b""
            if not self.ready.done():
                self.ready.set_result(True)

    def connection_lost(self, _):
        if not self.ready.done():
            self.ready.set_result(False)

    def say(self, value):
        text = json.dumps(value).encode()
        mask = b"\0\0\0\0"
        length = bytes([0x80 | len(text)]) if len(text) < 126 else bytes([0x80 | 126]) + len(text).to_bytes(2, "big")
        self.transport.write(b"\x81" + length + mask + text)


async def connect(server, person):
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    try:
        _, socket = await loop.create_connection(lambda: Socket(server, person, ready), "127.0.0.1", server.port)
    except OSError:
        return None
    try:
        return socket if await asyncio.wait_for(ready, 60) else None
    except asyncio.TimeoutError:
        socket.transport.abort()
        return None


class Soak:
    def __init__(self, server, options):
        self.server, self.options, self.dice = server, options, random.Random(options.seed)
        self.people, self.samples, self.times, self.answers = [], [], [], {}
        self.ended, self.phase, self.sent, self.refused = False, "start", [], 0

    async def set_up(self):
        http = Http(self.server)
        for number in range(PEOPLE):
            uid = f"u{number}"
            await http.call("POST", "/users", {"uid": uid, "name": f"Person {number}"})
            _, made = await http.call("POST", f"/users/{uid}/auth_tokens", {})
            token = made["data"]["authToken"]
            _, me = await http.call("GET", "/me", None, {"authtoken": token})
            self.people.append({"uid": uid, "token": token, "jwt": me["data"]["jwt"]})
        for number in range(GROUPS):
            some = [f"u{(number * 7 + n) % PEOPLE}" for n in range(1, 41)]
            await http.call("POST", "/groups", {"guid": f"g{number}", "name": f"Group {number}", "type": "public", "owner": some[0]})
            for at in (1, 21):
                await http.call("POST", f"/groups/g{number}/members", {"participants": some[at:at + 20]})
        http.close()

    async def fill(self, messages):
        """Messages in all groups, as fast as they are taken."""
        left = iter(range(messages))

        async def some():
            http = Http(self.server)
            for number in left:
                group = f"g{number % GROUPS}"
                text = "soak river stone " * (number % 12 + 1)
                body = {"receiver": group, "receiverType": "group", "category": "message", "type": "text", "data": {"text": text}}
                status, answer = await http.call("POST", "/messages", body)
                if status != 200:
                    raise Failed(f"filling: {status} {answer}")
            http.close()

        await asyncio.gather(*(some() for _ in range(WORKERS)))

    def act(self):
        """One request: method, path, body, headers."""
        dice = self.dice
        me, other, group = dice.choice(self.people), dice.choice(self.people), dice.randrange(GROUPS)
        headers = {"authtoken": me["token"], "resource": "SOAK-" + me["uid"]}
        to = ("g%d" % group, "group") if dice.random() < 0.6 else (other["uid"], "user")
        where = ("/groups/%s" if to[1] == "group" else "/users/%s") % to[0]
        roll = dice.random()
        if roll < 0.40:
            text = " ".join(dice.choice("soak storm river cloud stone light salt wind".split()) for _ in range(dice.randint(1, 40)))
            body = {"receiver": to[0], "receiverType": to[1], "category": "message", "type": "text", "data": {"text": text}}
            return "POST", "/messages", body, headers
        if roll < 0.43:
            return self.upload(to, headers)
        if roll < 0.58:
            return "GET", f"{where}/messages?limit={dice.choice((20, 50, 100))}", None, headers
        if roll < 0.68:
            return "GET", "/conversations?perPage=30", None, headers
        if roll < 0.72:
            return "GET", f"/messages?searchKey={dice.choice(('soak', 'river', 'salt%20wind'))}&limit=20", None, headers
        if roll < 0.78:
            return "POST", f"{where}/conversation/read", {}, headers
        if roll < 0.82:
            return dice.choice(("POST", "DELETE")), f"/groups/g{group}/members", {}, headers
        if roll < 0.84:
            return "POST", "/groups", {"guid": f"s{dice.randrange(1 << 30)}", "name": "Soak", "type": "public"}, headers
        if roll < 0.86:
            return "GET", "/users?perPage=50", None, headers
        if not self.sent:
            return "GET", "/me", None, headers
        message, headers = dice.choice(self.sent)
        if roll < 0.92:
            return "PUT", f"/messages/{message}", {"data": {"text": "edited " * dice.randint(1, 20)}}, headers
        if roll < 0.98:
            return "POST", f"/messages/{message}/reactions/x", {}, headers
        return "DELETE", f"/messages/{message}", None, headers

    def upload(self, to, headers):
        mark = "----soak"
        fields = {"receiver": to[0], "receiverType": to[1], "category": "message", "type": "file"}
        body = "".join(f'--{mark}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items())
        body += f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="f.bin"\r\nContent-Type: application/octet-stream\r\n\r\n'
        whole = body.encode() + os.urandom(self.dice.randint(2_000, 200_000)) + f"\r\n--{mark}--\r\n".encode()
        return "POST", "/messages", whole, {**headers, "Content-Type": f"multipart/form-data; boundary={mark}"}

    async def work(self):
        http, pause = Http(self.server), WORKERS / self.options.rate
        while not self.ended:
            began = time.monotonic()
            method, path, body, headers = self.act()
            try:
                status, answer = await asyncio.wait_for(http.call(method, path, body, headers), 60)
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
                http.close()
                status, answer = type(error).__name__, {}
            took = time.monotonic() - began
            self.times.append((self.phase, took))
            self.answers[status] = self.answers.get(status, 0) + 1
            if status == 200 and method == "POST" and path == "/messages":
                self.sent.append((answer["data"]["id"], {k: v for k, v in headers.items() if k != "Content-Type"}))
                if len(self.sent) > 500:
                    self.sent.pop(0)
            await asyncio.sleep(max(0.0, pause * self.dice.uniform(0.5, 1.5) - took))
        http.close()

    async def come_and_go(self):
        while not self.ended:
            socket = await connect(self.server, self.dice.choice(self.people))
            until = time.monotonic() + self.dice.uniform(3, 40)
            while socket and not self.ended and time.monotonic() < until:
                await asyncio.sleep(min(14, max(0.1, until - time.monotonic())))
                if not socket.transport.is_closing():
                    socket.say({"action": "ping", "ack": "true"})
            if socket:
                socket.transport.close()
            else:
                await asyncio.sleep(1)

    async def storm(self, seconds):
        """All come at once, are cut, and come again."""
        crowd = self.options.sockets
        for wave in range(WAVES):
            began, open_now, gate = time.monotonic(), [], asyncio.Semaphore(400)

            async def one(number):
                async with gate:
                    for _ in range(5):
                        socket = await connect(self.server, self.people[number % PEOPLE])
                        if socket:
                            return open_now.append(socket)
                        self.refused += 1
                        await asyncio.sleep(0.5)

            await asyncio.gather(*(one(number) for number in range(crowd)))
            print(f"wave {wave + 1}: {len(open_now)} sockets in {time.monotonic() - began:.1f} s", flush=True)
            if len(open_now) < crowd:
                raise Failed(f"only {len(open_now)} of {crowd} sockets came in")
            end = time.monotonic() + max(3.0, seconds / WAVES)
            while time.monotonic() < end:
                await asyncio.sleep(min(10, max(0.1, end - time.monotonic())))
                for socket in open_now:
                    if not socket.transport.is_closing():
                        socket.say({"action": "ping", "ack": "true"})
            for socket in open_now:
                socket.transport.abort()

    async def watch(self):
        while not self.ended:
            sample = await asyncio.to_thread(self.server.sample)
            self.samples.append((time.monotonic(), self.phase, sample))
            await asyncio.sleep(SAMPLE)

    async def run(self):
        await self.set_up()
        seconds = self.options.seconds
        if seconds >= YOUNG_SECONDS:
            await self.fill(KEPT_MESSAGES)
        started = time.monotonic()
        tasks = [asyncio.create_task(self.work()) for _ in range(WORKERS)]
        tasks += [asyncio.create_task(self.come_and_go()) for _ in range(min(ORDINARY, self.options.sockets // 5))]
        tasks.append(asyncio.create_task(self.watch()))
        self.phase = "warm-up"
        await asyncio.sleep(seconds * 0.2)
        self.phase = "before"
        await asyncio.sleep(seconds * 0.2)
        self.phase = "storm"
        await self.storm(seconds * 0.15)
        self.phase = "ebb"
        await asyncio.sleep(max(10.0, seconds * 0.1))
        self.phase = "after"
        await asyncio.sleep(max(10.0, seconds - (time.monotonic() - started)))
        self.ended = True
        done = await asyncio.gather(*tasks, return_exceptions=True)
        broken = [error for error in done if isinstance(error, Exception)]
        if broken:
            raise Failed(f"a part of the soak broke: {broken[0]!r}")

    def report(self):
        def of(phase, what):
            return [sample[what] for _, name, sample in self.samples if name == phase]

        print(f"\n{'':12}{'before':>12}{'at peak':>12}{'after':>12}{'ratio':>8}")
        wrong = []
        for what, unit in (("rss", "MiB"), ("sqlite", "MiB"), ("fds", ""), ("threads", ""), ("wal", "MiB")):
            before, after = statistics.median(of("before", what)), statistics.median(of("after", what))
            peak = max(sample[what] for _, _, sample in self.samples)
            print(f"{what + ' ' + unit:12}{before:12.1f}{peak:12.1f}{after:12.1f}{after / max(before, 0.1):8.2f}")
            young = YOUNG_MIB if self.options.seconds < YOUNG_SECONDS else 0
            if what == "rss" and after > before * RATIO + young:
                wrong.append(f"memory: {after:.1f} MiB after the storm, {before:.1f} before")
            if what in ("fds", "threads") and after > before + SLACK:
                wrong.append(f"{what}: {after:.0f} after the storm, {before:.0f} before")
            if what == "wal" and peak > LOG_MIB:
                wrong.append(f"the log grew to {peak:.1f} MiB")
        third = max(1, len(of("after", "rss")) // 3)
        for what, name in (("rss", "memory"), ("sqlite", "of it SQLite")):
            course = [(phase, of(phase, what)) for phase in ("warm-up", "before", "storm", "ebb")]
            course += [("after", of("after", what)[:third]), ("at the end", of("after", what)[-third:])]
            print(f"{name} in MiB: " + ", ".join(f"{name} {statistics.median(mib):.0f}" for name, mib in course if mib))
        print(f"\n{'':12}{'requests':>12}{'p50 ms':>12}{'p99 ms':>12}{'max ms':>12}")
        for phase in ("before", "storm", "after"):
            times = sorted(took for name, took in self.times if name == phase)
            if times:
                at = lambda part: times[min(len(times) - 1, int(len(times) * part))] * 1000
                print(f"{phase:12}{len(times):12}{at(0.5):12.1f}{at(0.99):12.1f}{times[-1] * 1000:12.1f}")
        print(f"\nanswers {dict(sorted(self.answers.items(), key=str))}, {Socket.heard / 1048576:.1f} MiB heard, "
              f"{self.refused} sockets tried again")
        faults = {status: count for status, count in self.answers.items() if not isinstance(status, int) or status >= 500}
        if faults:
            wrong.append(f"faults: {faults}")
        return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--sockets", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=150, help="requests a second")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < options.sockets + 500:
        sys.exit(f"{options.sockets} sockets need more than the {hard} descriptors a process may have here (ulimit -n)")
    server = Server(options.binary)
    soak, wrong = Soak(server, options), []
    try:
        asyncio.run(soak.run())
        wrong = soak.report()
    except Failed as error:
        wrong = [str(error)]
    finally:
        code = server.stop()
    log = open(server.log.name).read()
    wrong += [line for line in log.splitlines() if " ERROR " in line or "panicked" in line][:5]
    if code != 0:
        wrong.append(f"the server ended with {code}")
    shutil.rmtree(server.folder)
    if wrong:
        sys.exit("\n".join(["", "NOT GOOD:", *wrong]))
    print("good: everything came back")


if __name__ == "__main__":
    main()
