// Two people who chat.

/** Both log in, one reads what was said before and answers, the other's inbox shows it without opening the chat. */
export async function bothWays(world) {
  await world.api("POST", "users", { uid: "ann", name: "Ann Example" });
  await world.api("POST", "users", { uid: "ben", name: "Ben Example" });
  await world.say("ben", { user: "ann" }, "Good morning");
  const ann = await world.person("ann");
  const ben = await world.person("ben");
  await ann.inbox("Ben Example").getByText("Good morning").waitFor();
  await ann.open("Ben Example");
  await ann.bubble("Good morning").waitFor();
  await ann.write("Hello Ben");
  await ann.bubble("Hello Ben").waitFor();
  await ben.inbox("Ann Example").getByText("Hello Ben").waitFor();
  await ben.open("Ann Example");
  await ben.bubble("Hello Ben").waitFor();
  await ben.write("How are you?");
  await ann.bubble("How are you?").waitFor();
  await world.shot(ann, "talk");
}
