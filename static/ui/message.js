// A message as it looks to people. Nothing in it is loaded but files of this server: what lies elsewhere is a link.

import { brief, bytes, code, html, json, name, number, plain, time } from "./base.js";
import { inApp } from "./frames.js";
import { link } from "./people.js";

/** A file of this server, wherever the page finds it; nothing for an address that leads elsewhere. */
export function ownFile(app, address) {
  let url;
  try {
    url = new URL(address, location.href);
  } catch {
    return null;
  }
  const [, file] = url.pathname.match(/\/media\/([\w-]+\/[\w.-]+)$/) ?? [];
  if (file?.startsWith(app.id + "/")) return `../media/${file}`;
  const [, sticker] = url.pathname.match(/\/stickers\/([\w.-]+)$/) ?? [];
  return sticker && url.host === location.host ? `../stickers/${sticker}` : null;
}

/** Who is behind a uid, as the message tells it. */
export function sender(message) {
  const { entities = {} } = message.data ?? {};
  return entities.sender?.entity ?? entities.by?.entity ?? { uid: message.sender, name: message.sender };
}

/** Text with its addresses as links and its mentions by name. */
function text(app, words, mentions = {}) {
  const parts = String(words).split(/(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]}]|<@uid:[^>\s]+>|<@all:[^>\s]+>)/u);
  return html`<p class="text">${parts.map((part, at) => {
    if (at % 2 === 0) return plainPart(part);
    const [, uid] = part.match(/^<@uid:(.+)>$/) ?? [];
    if (uid) return html`<a href=${inApp(app, "users", uid)}>@${name(mentions[uid]?.name ?? uid)}</a>`;
    if (part.startsWith("<@all:")) return html`<b>@all</b>`;
    return html`<a href=${part} target="_blank" rel="noreferrer noopener">${plain(part)}</a>`;
  })}</p>`;
}

/** A piece between links may be blank without being odd. */
const plainPart = (part) => (part.trim() ? plain(part) : part);

function attachment(app, one) {
  const address = ownFile(app, one.url);
  const title = brief(one.name ?? "file");
  const about = html`<span class="hint">${[one.mimeType, Number(one.size) ? bytes(Number(one.size)) : null].filter(Boolean).map(plain).join(", ")}</span>`;
  if (!address) return html`<figure class="file"><figcaption>${name(one.name ?? "file")}: ${link(one.url ?? "")} ${about}</figcaption></figure>`;
  const kind = String(one.mimeType ?? "").split("/")[0];
  const open = html`<a href=${address} target="_blank" rel="noreferrer noopener"><bdi>${title}</bdi></a>`;
  if (kind === "image") return html`<figure class="picture"><img src=${address + "?size=medium"} alt=${title} loading="lazy" /><figcaption>${open} ${about}</figcaption></figure>`;
  if (kind === "video") return html`<figure class="picture"><video src=${address} controls preload="none" aria-label=${title}></video><figcaption>${open} ${about}</figcaption></figure>`;
  if (kind === "audio") return html`<figure class="file"><audio src=${address} controls preload="none" aria-label=${title}></audio><figcaption>${open} ${about}</figcaption></figure>`;
  return html`<figure class="file"><figcaption>${open} ${about}</figcaption></figure>`;
}

function poll(data) {
  const found = data.metadata?.["@injected"]?.extensions?.polls;
  const { question, options = {} } = found ?? data.customData ?? {};
  const total = found?.results?.total ?? 0;
  return html`<div class="box"><strong>${name(question ?? "")}</strong><ul>${Object.entries(options).map(([at, option]) => {
    const count = found?.results?.options?.[at]?.count ?? 0;
    return html`<li>${name(option)} <span class="dim">${number(count)}</span> <meter min="0" max=${total || 1} value=${count} aria-label=${brief(option)}></meter></li>`;
  })}</ul><span class="hint">Poll, ${number(total)} ${total === 1 ? "vote" : "votes"}</span></div>`;
}

function custom(app, message) {
  const data = message.data ?? {};
  const given = data.customData ?? {};
  if (message.type === "extension_poll") return poll(data);
  if (message.type === "extension_sticker") {
    const address = ownFile(app, given.sticker_url ?? "");
    return address ? html`<img class="sticker" src=${address} alt=${brief(given.sticker_name ?? "Sticker")} />` : html`<p class="text">${link(given.sticker_url ?? "")}</p>`;
  }
  if (Number.isFinite(given.latitude) && Number.isFinite(given.longitude)) {
    return html`<div class="box"><strong>Location</strong> <code>${given.latitude}, ${given.longitude}</code></div>`;
  }
  return html`<div class="box"><span class="hint">Custom message of type ${code(message.type)}</span>${data.text && text(app, data.text)}${json(`Data of message ${message.id}`, given)}</div>`;
}

/** An element of a form, as people see it, but for looking only. */
function element(one) {
  const label = brief(one.label ?? one.text ?? one.buttonText ?? one.elementId ?? "");
  const { elementType } = one;
  if (elementType === "label") return html`<p>${label}</p>`;
  if (elementType === "button") return html`<p><span class="fake">${label}</span> ${one.action && html`<span class="hint">${plain(one.action.url ?? one.action.actionType)}</span>`}</p>`;
  const options = (one.options ?? []).map((option) => brief(option.label ?? option.value)).join(" · ");
  return html`<p><b>${label}</b>${one.optional ? "" : " *"} <span class="hint">${plain(elementType ?? "")}</span>${options && html`<br /><bdi>${options}</bdi>`}</p>`;
}

function interactive(message) {
  const given = message.data?.interactiveData ?? {};
  if (message.type === "form") {
    return html`<div class="box"><strong>${name(given.title ?? "Form")}</strong>${(given.formFields ?? []).map(element)}${given.submitElement && element(given.submitElement)}</div>`;
  }
  if (message.type === "card") {
    return html`<div class="box">${given.imageUrl && html`<p>${link(given.imageUrl)}</p>`}<p>${name(given.text ?? "")}</p>${(given.cardActions ?? []).map(element)}</div>`;
  }
  if (message.type === "scheduler") {
    return html`<div class="box"><strong>${name(given.title ?? "Scheduler")}</strong><p>${plain(`${given.duration ?? "?"} min, from ${given.dateRangeStart ?? "?"} to ${given.dateRangeEnd ?? "?"} (${given.timezoneCode ?? "?"})`)}</p>
      ${given.scheduleElement && element(given.scheduleElement)}</div>`;
  }
  return html`<div class="box"><span class="hint">Interactive message of type ${code(message.type)}</span>${json(`Data of message ${message.id}`, given)}</div>`;
}

/** What happened to a group, in a sentence. */
function action(app, message) {
  const { action: done, entities = {}, extras } = message.data ?? {};
  const who = (entity) => (entity?.uid && entity.uid !== "app_system" ? html`<a href=${inApp(app, "users", entity.uid)}>${name(entity.name)}</a>` : name(entity?.name ?? "The app"));
  const by = who(entities.by?.entity);
  const on = who(entities.on?.entity);
  if (done === "joined" || done === "left") return html`<p class="dim">${by} ${done} the group.</p>`;
  if (done === "scopeChanged") return html`<p class="dim">${by} made ${on} ${plain(extras?.scope?.new ?? "another scope")}${extras?.scope?.old ? ` (before: ${plain(extras.scope.old)})` : ""}.</p>`;
  if (["added", "kicked", "banned", "unbanned"].includes(done)) return html`<p class="dim">${by} ${done} ${on}.</p>`;
  return html`<p class="dim">${by}: ${plain(done ?? "action")}</p>`;
}

function call(message) {
  const { action: state, entities = {} } = message.data ?? {};
  const about = entities.on?.entity ?? {};
  return html`<p class="dim">${message.type === "video" ? "Video" : "Audio"} call: ${plain(state ?? about.status ?? "")}${about.duration ? `, ${number(about.duration)} s` : ""} <span class="hint">${code(about.sessionid ?? "")}</span></p>`;
}

/** What a message says. */
export const body = (app, message) => whole(() => drawn(app, message), () => json(`Data of message ${message.id}`, message.data ?? null));

/** What has a shape that nobody expects is shown as it came, so that no message of a stranger hides those around it. */
function whole(draw, otherwise) {
  try {
    return draw();
  } catch {
    return otherwise();
  }
}

function drawn(app, message) {
  const data = message.data ?? {};
  if (message.deletedAt) return html`<p class="dim">Deleted ${time(message.deletedAt)}${message.deletedBy ? html` by ${code(message.deletedBy)}` : ""}</p>`;
  switch (message.category) {
    case "action": return action(app, message);
    case "call": return call(message);
    case "custom": return custom(app, message);
    case "interactive": return interactive(message);
    default: {
      const files = data.attachments ?? (data.url ? [{ url: data.url, name: data.name }] : []);
      return html`${files.map((one) => attachment(app, one))}${data.text != null && data.text !== "" && text(app, data.text, data.mentions)}`;
    }
  }
}

/** A message in one line, for lists and quotes. */
export const summary = (message) => whole(() => line(message), () => plain(`[${message.type}]`));

function line(message) {
  if (!message) return "";
  if (message.deletedAt) return "(deleted)";
  const data = message.data ?? {};
  if (message.category === "action") return brief(`${data.entities?.by?.entity?.name ?? ""} ${data.action ?? "action"} ${data.entities?.on?.entity?.name ?? ""}`);
  if (message.category === "call") return plain(`${message.type} call: ${data.action}`);
  const words = data.text ?? data.customData?.question ?? data.interactiveData?.title ?? data.interactiveData?.text;
  const files = data.attachments?.length ? `[${message.type}] ` : words ? "" : `[${message.type}]`;
  return plain(files + Array.from(words ?? "").slice(0, 160).join(""));
}

function marks(message) {
  const moderation = message.data?.moderation?.status;
  return [
    message.editedAt && html`<span class="mark">edited</span>`, message.pinnedAt && html`<span class="mark">pinned</span>`,
    moderation && moderation !== "approved" && html`<span class="mark bad">${plain(moderation)}</span>`,
    message.readAt ? html`<span class="mark">read</span>` : message.deliveredAt && html`<span class="mark">delivered</span>`,
  ];
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const SHORT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

/** The whole of it: who, when, what, quoted what, reactions, replies; `more` opens what else there is. */
export function shown(app, message, { more, dated = false, extra } = {}) {
  const who = sender(message);
  const quiet = message.category === "action" || message.category === "call";
  const reactions = message.data?.reactions ?? [];
  return html`<div class="head">${who.uid === "app_system" ? html`<b>${name(who.name)}</b>` : html`<a href=${inApp(app, "users", who.uid)}>${name(who.name)}</a>`}
      <span class="when">${time(message.sentAt, dated ? SHORT : CLOCK)}</span>${marks(message)}
      ${more && html`<button type="button" class="small more" aria-label=${`More about message ${message.id}`} onClick=${() => more(message)}>More</button>`}</div>
    ${message.quotedMessage && html`<blockquote><b>${name(sender(message.quotedMessage).name)}</b>: ${name(summary(message.quotedMessage))}</blockquote>`}
    <div class=${quiet ? "quiet" : ""}>${body(app, message)}</div>
    ${(reactions.length > 0 || message.replyCount > 0 || extra) && html`<div class="under">
      ${reactions.map((one) => html`<span class="chip">${plain(one.reaction)} ${number(one.count)}</span>`)}
      ${message.replyCount > 0 && html`<a href=${inApp(app, "conversations", "thread", message.id)}>${number(message.replyCount)} ${message.replyCount === 1 ? "reply" : "replies"}</a>`}${extra}</div>`}`;
}
