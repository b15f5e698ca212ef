// What waits for a moderator, and what was decided. Rules and reasons are in rules.js, lists in keywords.js.

import { path, rest } from "../api.js";
import { alert, card, code, dim, html, name, plain, time, useRef, useState } from "../ui/base.js";
import { confirm } from "../ui/dialogs.js";
import { Act } from "../ui/forms.js";
import { appFrame, inApp, subparts } from "../ui/frames.js";
import { Feed } from "../ui/lists.js";
import { sender, shown, summary } from "../ui/message.js";
import { face } from "../ui/people.js";

const PLACES = { flagged: "Flagged", blocked: "Blocked", reviewed: "Reviewed", rules: "Rules", lists: "Word lists", reasons: "Reasons" };
const QUEUES = {
  flagged: ["Flagged messages", "What people have reported, or a rule has flagged. It is seen by all until you decide.", "Nothing is flagged."],
  blocked: ["Blocked messages", "What a rule has kept back. Only whoever sent it and the app see it.", "Nothing is blocked."],
  reviewed: ["Reviewed messages", "What moderators have decided.", "Nothing has been reviewed yet."],
};

export async function show(app, place = "flagged", id) {
  const nav = subparts("Moderation", Object.entries(PLACES).map(([key, text]) => [text, inApp(app, "moderation", key), key === place]));
  if (["rules", "lists", "reasons"].includes(place)) {
    const module = await import(place === "lists" ? "./keywords.js" : "./rules.js");
    return appFrame(app, "moderation", [nav, await module[place](app, id)]);
  }
  const which = QUEUES[place] ? place : "flagged";
  return appFrame(app, "moderation", [nav, html`<${Queue} app=${app} which=${which} />`]);
}

function Queue({ app, which }) {
  const [title, about, empty] = QUEUES[which];
  const [turn, setTurn] = useState(0);
  const [error, setError] = useState("");
  const [told, tell] = useState("");
  const list = useRef(null);
  const done = (text) => {
    tell(text);
    setTurn((old) => old + 1);
    list.current.querySelector("h2").focus();
  };
  const decide = (message, status, text) => async () => {
    await rest(app, "PATCH", `moderation/${which}-messages/${path(message.id)}`, { status });
    done(text);
  };
  const remove = (message) => async () => {
    const gone = await confirm({
      title: "Delete this message?", submit: "Delete message", text: name(summary(message)),
      act: () => rest(app, "DELETE", path("messages", message.id), {}),
    });
    if (gone) done("The message is deleted.");
  };
  const ban = (message) => async () => {
    const who = sender(message);
    const group = message.receiverType === "group";
    const gone = await confirm({
      title: [group ? "Ban " : "Deactivate ", name(who.name), "?"], submit: group ? "Ban from the group" : "Deactivate",
      text: group ? "They leave the group at once and cannot come back until the ban is lifted." : "They are logged out everywhere and cannot log in until they are reactivated.",
      act: () => (group ? rest(app, "POST", path("groups", message.receiver, "bannedusers", who.uid), {}) : rest(app, "DELETE", "users", { uidsToDeactivate: [who.uid] })),
    });
    if (gone) done(group ? "They are banned from the group." : "They are deactivated.");
  };
  const row = (found) => {
    // A flagged message is the message; of the others it is part.
    const message = found.message ?? found;
    const who = sender(message);
    const button = (text, act, kind = "") => html`<${Act} class=${kind} refused=${setError} act=${act} aria-label=${`${text}: message ${message.id}`}>${text}<//>`;
    return html`<li key=${message.id}><div class="message">${face(who)}<div>${shown(app, message, { dated: true })}</div></div>
      <p class="why">In <a href=${inApp(app, "conversations", "id", message.conversationId)}>${code(message.conversationId)}</a>${reasons(found)}</p>
      <div class="buttons">${which === "flagged" && [button("Approve", decide(message, "approved", "It stays."), "main"), button("Hide", decide(message, "disapproved", "It is hidden from all but its sender."))]}
        ${which === "blocked" && [button("Approve", decide(message, "approved", "It is delivered now."), "main"), button("Reject", decide(message, "rejected", "It stays blocked."))]}
        ${which !== "reviewed" && !message.deletedAt && button("Delete…", remove(message), "bad")}
        ${which !== "reviewed" && who.uid !== "app_system" && button(message.receiverType === "group" ? "Ban…" : "Deactivate…", ban(message), "bad")}</div></li>`;
  };
  const load = (next) => rest(app, "GET", `moderation/${which}-messages?` + new URLSearchParams({ limit: 25, ...(next && { affix: next.affix, id: next.id }) }));
  return html`<div ref=${list}>${card(title, dim(about), html`<p role="status" class=${told ? "notice" : ""}>${told}</p>`, alert(error),
    html`<${Feed} load=${load} turn=${turn} rows=${(all) => (all.length ? html`<ul class="queue">${all.map(row)}</ul>` : html`<p class="empty">${empty}</p>`)} />`)}</div>`;
}

/** Why it is here, and what was said of it. */
function reasons(found) {
  const flags = (found.flaggedBy ?? []).map((one) => html`<br />${name(one.name ?? one.uid)}: <b>${name(one.reasonName ?? one.reasonId ?? "no reason")}</b>${one.remark ? html` “${name(one.remark)}”` : ""}, ${time(one.flaggedAt)}`);
  const rule = found.ruleName ?? found.ruleId;
  const verdict = found.message?.data?.moderation?.status;
  return [rule && html`<br />Rule <b>${name(rule)}</b>${found.blockedAt ?? found.createdAt ? [", ", time(found.blockedAt ?? found.createdAt)] : ""}`, verdict && found.message && html`<br />${plain(verdict)}`, ...flags];
}
