// Conversations and messages: every kind as it looks to people, search, edit, delete, writing as a user, threads, and a long
// conversation read backwards; the effect is read back over REST.

import assert from "node:assert/strict";
import { HOSTILE, SHOWN, run, until } from "./house.mjs";

const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAE0lEQVR4nGNgaLBHRgxUFGiwBwA7iwwBmvAtqwAAAABJRU5ErkJggg==", "base64");

run("messages", async (house) => {
  const { accessible, asked, base, button, dialog, everywhere, go, heading, key, page, rest, shot } = house;
  for (const uid of ["ann", "bob"]) await rest("POST", "/users", { uid, name: `${uid} Example` });
  await rest("POST", "/users", { uid: "eve", name: HOSTILE });
  await rest("POST", "/groups", { guid: "team", name: HOSTILE, type: "public", owner: "ann", members: { participants: ["bob", "eve"] } });
  const team = { receiver: "team", receiverType: "group" };
  const say = (as, body) => rest("POST", "/messages", { ...team, ...body }, as);
  const first = await say("eve", { type: "text", data: { text: `${HOSTILE}\nsee https://evil.example/x?<y> and <@uid:bob>` } });
  await say("bob", { type: "text", quotedMessageId: first.id, data: { text: "a quote" } });
  await rest("POST", `/messages/${first.id}/reactions/%F0%9F%98%80`, {}, "bob");
  await rest("POST", `/messages/${first.id}/thread`, { ...team, type: "text", data: { text: "a reply in the thread" } }, "ann");
  await say("ann", { category: "custom", type: "location", data: { customData: { latitude: 48.2, longitude: 16.37 } } });
  await say("eve", { category: "custom", type: "odd", data: { customData: { note: HOSTILE } } });
  // Shapes that nobody expects.
  await say("eve", { category: "custom", type: "extension_poll", data: { customData: { question: "shapeless poll", options: null } } });
  await say("eve", { category: "interactive", type: "form", data: { interactiveData: { title: "shapeless form", formFields: [null] } } });
  await say("ann", { category: "interactive", type: "card", data: { interactiveData: { text: HOSTILE, imageUrl: "https://evil.example/a.png",
    cardActions: [{ elementType: "button", elementId: "b", buttonText: "Open", action: { actionType: "urlNavigation", url: "javascript:alert(1)" } }] } } });
  await say("ann", { category: "interactive", type: "form", data: { interactiveData: { title: "Survey", formFields: [
    { elementType: "textInput", elementId: "t", label: HOSTILE, optional: true }, { elementType: "dropdown", elementId: "d", label: "Size", options: [{ value: "s", label: "Small" }, { value: "l", label: "Large" }] }],
  submitElement: { elementType: "button", elementId: "go", buttonText: "Send it" } } } });
  const far = { url: "https://evil.example/far.png", name: HOSTILE, mimeType: "image/png", extension: "png", size: 12 };
  await say("eve", { type: "image", data: { attachments: [far], text: "from elsewhere" } });
  await say("eve", { type: "file", data: { attachments: [{ ...far, url: "javascript:alert(1)", name: "script" }] } });
  await rest("POST", "/extensions/polls/create", { ...team, question: `Lunch? ${HOSTILE}`, options: ["Yes", "No"] }, "ann");
  await rest("POST", "/calls", { ...team, type: "audio" }, "bob");
  const upload = async (type, file, kind) => {
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...team, category: "message", type })) form.append(name, value);
    form.append("files", new Blob([PNG], { type: kind }), file);
    assert.equal((await fetch(`${base}/v3/messages`, { method: "POST", headers: { apikey: key, onBehalfOf: "ann" }, body: form })).status, 200);
  };
  await upload("image", "cat.png", "image/png");
  await upload("audio", "song.mp3", "audio/mpeg");
  await upload("video", "film.mp4", "video/mp4");
  await upload("file", "notes.txt", "text/plain");
  const gone = await say("ann", { type: "text", data: { text: "soon deleted" } });
  await rest("DELETE", `/messages/${gone.id}`, {});
  await say("ann", { type: "text", data: { text: "x".repeat(10_000) } });
  await rest("POST", "/messages", { receiver: "bob", receiverType: "user", type: "text", data: { text: "between us" } }, "ann");

  // The list.
  const list = `#/app/${house.app}/conversations`;
  await go(list);
  await page.getByRole("link", { name: "ann Example and bob Example" }).waitFor();
  await everywhere("list");
  await page.getByLabel("Show").selectOption("group");
  await page.getByText("1 in all").waitFor();
  await page.getByRole("link", { name: SHOWN }).click();

  // Every kind, as text and as links; nothing is loaded from elsewhere, nothing runs.
  const stream = page.getByRole("region", { name: "Messages" });
  await stream.getByText("This is where it begins.").waitFor();
  for (const text of ["48.2, 16.37", "Custom message of type", "shapeless poll", "shapeless form", "Survey", "Small · Large", "Open", "from elsewhere", "Lunch?", "Audio call: initiated", "1 reply", "Deleted", "added"]) {
    await stream.getByText(text).first().waitFor();
  }
  await stream.getByRole("link", { name: "@bob Example" }).waitFor();
  assert.deepEqual(await stream.locator("img").evaluateAll((all) => all.map((one) => new URL(one.src).pathname.split("/")[1])), ["media"]);
  assert.deepEqual(await stream.locator("a").evaluateAll((all) => all.filter((one) => !/^https?:$/.test(one.protocol)).map((one) => one.href)), []);
  await stream.getByRole("img", { name: "cat.png" }).scrollIntoViewIfNeeded();
  await until("the picture", () => stream.getByRole("img", { name: "cat.png" }).evaluate((one) => one.complete && one.naturalWidth === 8));
  for (const [name, tag] of [["song.mp3", "audio"], ["film.mp4", "video"]]) assert.equal(await stream.locator(`${tag}[aria-label="${name}"]`).count(), 1);
  assert.equal(await stream.getByText("a reply in the thread").count(), 0, "replies stand in their thread");
  await everywhere("group");

  // One message: what there is to know, edited, deleted. With the keyboard: Enter opens it.
  await page.getByRole("button", { name: `More about message ${first.id}`, exact: true }).focus();
  await page.keyboard.press("Enter");
  await dialog().getByText("bob Example", { exact: true }).waitFor();
  await dialog().getByText("As JSON").click();
  await accessible();
  await shot("more");
  await button("Edit…").click();
  await page.getByRole("dialog", { name: "Edit this message" }).getByLabel("Text").fill("better words");
  await button("Save").click();
  await stream.getByText("better words").first().waitFor();
  const edited = await rest("GET", `/messages/${first.id}`);
  assert.deepEqual([edited.data.text, !!edited.editedAt], ["better words", true]);

  // The thread, and an answer in it.
  await page.getByRole("link", { name: "1 reply" }).click();
  await page.getByText("a reply in the thread").waitFor();
  await page.getByLabel("As (uid)").fill("eve");
  await page.getByLabel("Text").fill("a second reply");
  await button("Send").click();
  await stream.getByText("a second reply").waitFor();
  assert.deepEqual((await rest("GET", `/messages/${first.id}/thread`)).map((one) => [one.sender, one.data.text]), [["ann", "a reply in the thread"], ["eve", "a second reply"]]);
  await everywhere("thread");
  await page.getByRole("link", { name: "The whole conversation" }).click();
  await stream.getByText("2 replies").waitFor();

  // Search, and from there to the place.
  await page.getByLabel("Words").fill("better");
  await button("Search").click();
  await heading("Found").waitFor();
  await stream.getByText("better words").first().waitFor();
  await accessible();
  await shot("found");
  await button("Show in place").first().click();
  await heading("Messages").waitFor();
  await page.locator("li.here").getByText("better words").waitFor();
  await button("Back to the newest").click();
  await stream.getByText("x".repeat(10_000)).waitFor();

  // Written as a user, as the app, and with a file.
  await page.getByLabel("As (uid)").fill("nobody");
  await page.getByLabel("Text").fill("as somebody else");
  await button("Send").click();
  await page.getByRole("alert").filter({ hasText: /nobody/ }).waitFor();
  assert.equal(house.refusals.splice(0).length, 1);
  await page.getByLabel("As (uid)").fill("bob");
  await button("Send").click();
  await stream.getByText("as somebody else").waitFor();
  await page.getByLabel("As (uid)").fill("");
  await page.getByLabel("Text").fill("from the app");
  await page.getByLabel("File").setInputFiles({ name: "plan.png", mimeType: "image/png", buffer: PNG });
  await button("Send").click();
  await stream.getByText("from the app").waitFor();
  const last = await rest("GET", "/messages?conversationId=group_team&limit=2");
  assert.deepEqual(last.map((one) => [one.sender, one.type, one.data.text]), [["bob", "text", "as somebody else"], ["app_system", "image", "from the app"]]);

  // Deleted: softly, and for good.
  await page.getByRole("button", { name: `More about message ${last[0].id}`, exact: true }).click();
  await dialog().getByRole("button", { name: "Delete…", exact: true }).click();
  await button("Delete message").click();
  await until("no dialog", async () => (await page.locator("dialog").count()) === 0);
  await until("it is deleted", async () => (await rest("GET", `/messages/${last[0].id}`)).deletedAt);
  await page.getByRole("button", { name: `More about message ${last[1].id}`, exact: true }).click();
  await button("Delete for good…").click();
  await button("Delete for good").click();
  await stream.getByText("from the app").waitFor({ state: "detached" });
  assert.equal((await asked("GET", `/messages/${last[1].id}`)).status, 404);
  assert.equal(house.refusals.splice(0).length, 1, "the page asks whether it is still there");

  // One-on-one, through the eyes of somebody.
  await go(`#/app/${house.app}/users/ann`);
  await page.getByRole("link", { name: "Conversations", exact: true }).last().click();
  await page.getByRole("link", { name: "bob Example" }).click();
  await stream.getByText("between us").waitFor();
  await page.getByLabel("As", { exact: true }).selectOption("bob");
  await page.getByLabel("Text").fill("an answer");
  await button("Send").click();
  await stream.getByText("an answer").waitFor();
  assert.deepEqual((await rest("GET", "/messages?conversationId=ann_user_bob")).map((one) => one.sender), ["ann", "bob"]);

  // A long conversation: backwards to its beginning, with a bounded page; how long it takes is told.
  const count = 3000;
  await fill(house, count);
  const long = `#/app/${house.app}/conversations/id/group_long`;
  await go("#/");
  await heading("Apps").waitFor();
  let begun = Date.now();
  await go(long);
  await stream.getByText(`line ${count - 1}`, { exact: true }).waitFor();
  console.log(`messages: open a conversation of ${count}: ${Date.now() - begun} ms`);
  assert.ok(await stream.evaluate((node) => node.scrollHeight - node.scrollTop - node.clientHeight < 4), "it begins at the newest");
  begun = Date.now();
  const walked = await page.evaluate(async () => {
    const box = document.querySelector(".stream");
    let most = 0;
    let longest = 0;
    let steps = 0;
    let jumps = 0;
    for (; steps < 5000 && !box.textContent.includes("This is where it begins."); steps += 1) {
      const before = performance.now();
      box.scrollTop = Math.max(0, box.scrollTop - 600);
      const seen = () => [...box.querySelectorAll("li[data-id]")].find((node) => node.offsetTop + node.offsetHeight > box.scrollTop);
      const anchor = seen();
      const off = anchor && anchor.offsetTop - box.scrollTop;
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      longest = Math.max(longest, performance.now() - before);
      most = Math.max(most, box.querySelectorAll("li[data-id]").length);
      if (anchor?.isConnected && Math.abs(anchor.offsetTop - box.scrollTop - off) > 2) jumps += 1;
    }
    return { most, longest: Math.round(longest), steps, jumps, ids: [...box.querySelectorAll("li[data-id]")].map((node) => Number(node.dataset.id)) };
  });
  console.log(`messages: scroll through ${count}: ${Date.now() - begun} ms in ${walked.steps} steps, longest frame ${walked.longest} ms, at most ${walked.most} in the page`);
  assert.ok(walked.most <= 300, `${walked.most} messages in the page`);
  assert.equal(walked.jumps, 0, "what is in sight stays where it is");
  assert.deepEqual(walked.ids, [...walked.ids].sort((a, b) => a - b));
  await stream.getByText("line 0", { exact: true }).waitFor();
  // And forwards again, by keyboard: the end is reached, nothing is left out on the way.
  await stream.focus();
  const seen = await page.evaluate(async () => {
    const box = document.querySelector(".stream");
    const ids = new Set();
    for (let steps = 0; steps < 5000; steps += 1) {
      for (const node of box.querySelectorAll("li[data-id]")) ids.add(node.dataset.id);
      if (box.textContent.includes("line 2999")) break;
      box.scrollTop += 600;
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    }
    return ids.size;
  });
  assert.equal(seen, count + 1, "every message comes by, and that somebody joined");
  begun = Date.now();
  await page.getByLabel("Words").fill("line 17");
  await button("Search").click();
  await stream.getByText("line 1799", { exact: true }).waitFor();
  console.log(`messages: search in ${count}: ${Date.now() - begun} ms`);
});

/** A group in which much was said. */
async function fill({ rest }, count) {
  await rest("POST", "/groups", { guid: "long", name: "Long", type: "public", owner: "ann", members: { participants: ["bob"] } });
  for (let from = 0; from < count; from += 50) {
    const at = Math.floor(Date.now() / 1000);
    await rest("POST", "/data_import/messages", { messages: Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`m${from + n}`,
      { muid: `m${from + n}`, sender: n % 2 ? "ann" : "bob", receiver: "long", receiverType: "group", category: "message", type: "text", sentAt: at, data: { text: `line ${from + n}` } }])) });
  }
}
