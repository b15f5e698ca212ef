// Makes the pictures of the admin page that README shows, from a real server with a few people in it. Not part of the suite.
//
//   node pictures.mjs BINARY ../../docs/images

import { run } from "./house.mjs";
import { join } from "node:path";

run("pictures", async (house) => {
  const { go, page, rest } = house;
  const folder = process.argv[3];
  for (const [uid, name] of [["mira", "Mira Lindqvist"], ["tom", "Tom Okafor"], ["yuki", "Yuki Tanaka"], ["sam", "Sam Whitfield"]]) await rest("POST", "/users", { uid, name });
  const place = { receiver: "trail", receiverType: "group" };
  await rest("POST", "/groups", { guid: "trail", name: "Trail crew", type: "private", owner: "mira", members: { participants: ["tom", "yuki", "sam"] } });
  const say = (as, text, more = {}) => rest("POST", "/messages", { ...place, type: "text", data: { text }, ...more }, as);
  const first = await say("mira", "The bridge past the mill is out. Can we meet at the south gate on Saturday?");
  await say("tom", "Works for me. I bring the saw and <@uid:sam> has the ropes.");
  await rest("POST", `/messages/${first.id}/reactions/${encodeURIComponent("😀")}`, {}, "tom");
  await rest("POST", `/messages/${first.id}/reactions/${encodeURIComponent("😀")}`, {}, "yuki");
  await rest("POST", "/extensions/polls/create", { ...place, question: "When do we start?", options: ["At eight", "At nine"] }, "mira");
  const poll = (await rest("GET", "/messages?conversationId=group_trail&limit=1"))[0].data.customData.id;
  for (const [uid, vote] of [["tom", 1], ["yuki", 1], ["sam", 2]]) await rest("POST", "/extensions/polls/vote", { id: poll, vote }, uid);
  await say("yuki", "Is there a map of the detour?", { quotedMessageId: first.id });
  await rest("POST", "/messages/" + first.id + "/thread", { ...place, type: "text", data: { text: "South gate it is." } }, "sam");
  const spam = await say("sam", "Cheap watches at https://watches.example/now, today only!");
  const rude = await say("tom", "Whoever took my gloves is an idiot.");
  for (const [message, by, reasonId, remark] of [[spam, "yuki", "spam", "third time today"], [spam, "mira", "spam", ""], [rude, "sam", "harassment", "not the tone we want"]]) {
    await rest("POST", `/messages/${message.id}/flagged`, { reasonId, remark }, by);
  }
  await page.setViewportSize({ width: 1100, height: 820 });
  await go(`#/app/${house.app}/conversations/id/group_trail`);
  await page.getByText("today only!").waitFor();
  await page.screenshot({ path: join(folder, "admin-conversation.png") });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 1100, height: 620 });
  await go(`#/app/${house.app}/moderation/flagged`);
  await page.getByText("not the tone we want").waitFor();
  await page.screenshot({ path: join(folder, "admin-moderation.png") });
});
