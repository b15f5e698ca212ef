"""Against a real server: HOBNOB_BIN names the program."""

import unittest

from hobnob_test import Hobnob, HobnobError

SEED = {
    "clock": "2026-03-01T12:00:00Z",
    "users": [{"uid": "ann"}, {"uid": "bob"}],
    "messages": [{"from": "ann", "to": "bob", "text": "first"}],
}


class Client(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chat = Hobnob(seed=SEED)

    @classmethod
    def tearDownClass(cls):
        cls.chat.stop()

    def setUp(self):
        self.chat.reset()

    def texts(self):
        page = self.chat.api("GET", "/users/bob/messages", as_user="ann")
        return [one["data"]["text"] for one in page]

    def test_what_is_done_is_undone(self):
        sent = self.chat.as_user("ann").send(to="bob", text="second")
        self.chat.as_user("bob").read(sent["id"])
        self.assertEqual(self.texts(), ["first", "second"])
        self.chat.reset()
        self.assertEqual(self.texts(), ["first"])

    def test_time_is_turned(self):
        before = self.chat.now()["now"]
        self.assertEqual(self.chat.advance("1d")["now"], before + 86_400)
        self.chat.snapshot("later")
        self.chat.reset()
        self.assertEqual(self.chat.now()["now"], before)
        self.assertEqual(self.chat.restore("later")["now"], before + 86_400)

    def test_faults_befall(self):
        self.chat.fault(on={"path": "/users"}, times=1, status=503)
        with self.assertRaises(HobnobError) as refused:
            self.chat.api("GET", "/users")
        self.assertEqual(refused.exception.status, 503)
        self.assertEqual(len(self.chat.api("GET", "/users")), 2)

    def test_users_act(self):
        ann, bob = self.chat.as_user("ann"), self.chat.as_user("bob")
        sent = ann.send(to="bob", text="second")
        bob.react(sent["id"], "👍")
        bob.unreact(sent["id"], "👍")
        session = ann.call(to="bob")["data"]["entities"]["on"]["entity"]["sessionid"]
        bob.answer(session)
        ann.end(session)
        self.assertEqual(self.chat.api("GET", f"/calls/{session}")["status"], "ended")
        bob.block("ann")
        with self.assertRaises(HobnobError):
            ann.send(to="bob", text="third")
        bob.unblock("ann")
        ann.send(to="bob", text="third")
        self.assertEqual(self.chat.faults(), [])

    def test_what_happens_is_waited_for(self):
        self.chat.as_user("ann").send(to="bob", text="soon")
        event = self.chat.until(kind="event", user="bob", text="soon")
        self.assertEqual(event["title"], "message")
        self.assertEqual(len(self.chat.journal(kind="event")), 1)
        self.assertEqual(self.chat.journal(failed=True), [])
        self.assertEqual(self.chat.until(lambda entry: entry["users"] == ["ann", "bob"], kind="event")["n"], event["n"])
        with self.assertRaisesRegex(TimeoutError, r"nothing fitted.*event message \(ann, bob\)"):
            self.chat.until(lambda entry: False, timeout=0.05)
        self.assertEqual(self.chat.sockets("ann", "slow", room=1), 0)
        self.chat.sockets("ann", "mend")

    def test_what_is_no_server_or_has_ended_is_said_to_be(self):
        with self.assertRaisesRegex(RuntimeError, "echo is no Hobnob.*: test"):
            Hobnob(bin="/bin/echo")
        other = Hobnob()
        other.stop()
        with self.assertRaisesRegex(RuntimeError, r"the server has ended \(0\)"):
            other.reset()

    def test_what_is_wrong_is_told(self):
        with self.assertRaisesRegex(RuntimeError, "usres"):
            Hobnob(seed={"usres": []})


if __name__ == "__main__":
    unittest.main()
