// The admin page: which address shows what. Addresses: #/ , #/account , #/app/ID[/PART[/ITEM…]], and the one-time
// #setup=SECRET. A screen is a module in screens/ whose `show` gives what is to be seen, once it has what it needs.

import { session, call, path } from "./api.js";
import { setUp, logIn } from "./screens/door.js";
import { alert, html, render } from "./ui/base.js";
import { forget, meet } from "./me.js";
import { crumbs, plainFrame } from "./ui/frames.js";

const main = document.getElementById("main");
const nav = document.getElementById("nav");
const SCREENS = { "": "apps", account: "account", figures: "figures", health: "health", log: "log", tail: "tail", admins: "admins", management: "management", audit: "audit" };
const PARTS = {
  "": "app", users: "users", groups: "groups", conversations: "conversations", moderation: "moderation", webhooks: "webhooks", keys: "keys", settings: "settings",
};
let turn = 0;

/** Shows the page of the address. */
async function route({ notice } = {}) {
  const mine = (turn += 1);
  main.setAttribute("aria-busy", "true");
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  const hash = location.hash.slice(1);
  const setup = new URLSearchParams(hash).get("setup");
  nav.hidden = setup != null || !session.get();
  let page;
  try {
    if (setup != null) page = setUp(setup, enter);
    else if (!session.get()) page = logIn(notice, enter);
    else {
      await meet();
      page = await inside(hash.split("?")[0].split("/").slice(1).map(decode));
    }
  } catch (refusal) {
    page = html`${crumbs([["Apps", "#/"]])}${plainFrame("This did not work", alert(refusal.message))}`;
  }
  // Somebody went elsewhere meanwhile.
  if (mine !== turn) return;
  // A new key: nothing of the screen before stays, not even what stands in its fields.
  render(html`<div key=${mine}>${page}</div>`, main);
  main.removeAttribute("aria-busy");
  const title = main.querySelector("h1");
  // On a phone the parts stand in a line that may be longer than the screen.
  const here = main.querySelector(".parts [aria-current]");
  if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.clientWidth / 3;
  document.title = title ? `${title.textContent} · Hobnob` : "Hobnob";
  // Readers of the screen hear where they are; a form's first field is where one wants to be.
  (main.querySelector("[autofocus]") ?? title ?? main).focus();
}

async function inside([first = "", id, part = "", ...rest]) {
  if (first === "app" && id) {
    // Only the overview of the app shows what it has in figures: a day's messages are counted for them.
    const [{ data: app }, { show }] = await Promise.all([call("GET", path("apps", id) + (part ? "?brief=1" : "")), screen(PARTS[part])]);
    return show(app, ...rest);
  }
  const { show } = await screen(SCREENS[first]);
  return show(id, part, ...rest);
}

function screen(module) {
  return module ? import(`./screens/${module}.js`) : import("./screens/nowhere.js");
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function enter(secret) {
  session.keep(secret);
  forget();
  // The link is used: neither it nor its page should come back with the back button.
  if (location.hash.includes("setup=")) history.replaceState(null, "", "#/");
  route();
}

session.onOver = () => forget() ?? route({ notice: "Your session is over. Please log in again." });

document.getElementById("logout").addEventListener("click", async () => {
  try {
    await call("POST", "logout");
  } catch {
    // The tab forgets the session either way.
  }
  session.drop();
  forget();
  history.replaceState(null, "", "#/");
  route({ notice: "You have logged out." });
});

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

addEventListener("hashchange", () => route());
main.replaceChildren();
route();
