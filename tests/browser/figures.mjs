// How fast the page is where there is much: a list of users and a long conversation. It judges nothing and is not part of the
// suite; run it by hand, best on a release build.
//
//   node figures.mjs BINARY [FOLDER] [USERS] [MESSAGES]

import { run } from "./house.mjs";

const [users, messages] = [process.argv[4] ?? 20_000, process.argv[5] ?? 100_000].map(Number);

/** Imports `count` things, fifty a call and eight calls at once. */
async function fill({ rest }, noun, count, make) {
  for (let from = 0; from < count; from += 400) {
    await Promise.all(Array.from({ length: Math.min(8, Math.ceil((count - from) / 50)) }, (_, part) => rest("POST", `/data_import/${noun}`, {
      [noun]: Object.fromEntries(Array.from({ length: Math.min(50, count - from - part * 50) }, (__, at) => make(from + part * 50 + at))) })));
  }
}

run("figures", async (house) => {
  const { button, go, heading, page, rest } = house;
  const took = async (what, act, done) => {
    const begun = performance.now();
    await act();
    await done();
    console.log(`${what}: ${Math.round(performance.now() - begun)} ms`);
  };
  await fill(house, "users", users, (at) => [`u${at}`, { uid: `u${at}`, name: `Person ${at}` }]);
  await rest("POST", "/groups", { guid: "long", name: "Long", type: "public", owner: "u0", members: { participants: ["u1"] } });
  const sentAt = Math.floor(Date.now() / 1000);
  await fill(house, "messages", messages, (at) => [`m${at}`, { muid: `m${at}`, sender: `u${at % 2}`, receiver: "long", receiverType: "group", category: "message", type: "text", sentAt,
    data: { text: `line ${at} ${at % 1000 === 7 ? "needle" : "of many words that somebody said"}` } }]);
  const home = async () => {
    await go("#/");
    await heading("Apps").waitFor();
  };
  const list = page.getByText(/in all$/);
  await home();
  await took(`open the list of ${users} users`, () => go(`#/app/${house.app}/users`), () => list.waitFor());
  await took("search it, with the pause after typing", () => page.getByLabel(/Search/).fill("Person 1999"), () => page.getByText(/^1?\d+ in all/).waitFor());
  await page.getByLabel(/Search/).fill("");
  await page.getByText(/^Page 1 of/).waitFor();
  await took("turn a page", () => button("Next").click(), () => page.getByText(/^Page 2 of/).waitFor());
  await home();
  const stream = page.getByRole("region", { name: "Messages" });
  await took(`open a conversation of ${messages} messages`, () => go(`#/app/${house.app}/conversations/id/group_long`), () => stream.getByText(`line ${messages - 1} `).waitFor());
  const walk = await page.evaluate(async () => {
    const box = document.querySelector(".stream");
    const frames = [];
    const seen = new Set();
    const begun = performance.now();
    while (frames.length < 1500 && !box.textContent.includes("This is where it begins.")) {
      const before = performance.now();
      box.scrollTop = Math.max(0, box.scrollTop - 900);
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      frames.push(performance.now() - before);
      for (const node of box.querySelectorAll("li[data-id]")) seen.add(node.dataset.id);
    }
    const most = box.querySelectorAll("li[data-id]").length;
    frames.sort((a, b) => a - b);
    const at = (part) => Math.round(frames[Math.min(frames.length - 1, Math.floor(frames.length * part))]);
    return { seconds: ((performance.now() - begun) / 1000).toFixed(1), messages: seen.size, most, median: at(0.5), p99: at(0.99), longest: at(1), heap: Math.round(performance.memory.usedJSHeapSize / 1048576) };
  });
  console.log(`scroll back: ${walk.messages} messages in ${walk.seconds} s, ${walk.most} in the page; a step ${walk.median} ms in the middle, ${walk.p99} ms at 99 %, ${walk.longest} ms at most; heap ${walk.heap} MiB`);
  await page.getByLabel("Words").fill("needle");
  await took("search the conversation", () => button("Search").click(), () => stream.getByText("needle").last().waitFor());
  await took("from there to its place", () => button("Show in place").first().click(), () => page.locator("li.here").waitFor());
});
