// The server: admins with roles and sessions, what each role sees, backups, the audit log; the effect is read back over the API.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import jsqr from "jsqr";
import { HOSTILE, PASSWORD, SHOWN, run, until } from "./house.mjs";

run("server", async (house) => {
  const { accessible, base, browser, button, dialog, everywhere, go, heading, page, refused, rest, shot, tab } = house;
  const secret = () => page.evaluate(() => sessionStorage.getItem("hobnob-admin"));
  const ask = async (method, path, session, body) => {
    const response = await fetch(`${base}/admin/api/${path}`, { method, headers: { "X-Hobnob-Admin": session ?? (await secret()) }, body: body && JSON.stringify(body) });
    return { status: response.status, ...(await response.json()) };
  };
  await rest("POST", "/users", { uid: "eve", name: HOSTILE });

  // Somebody else is let in with a role, by a link that is seen once.
  await tab("Admins");
  await heading("One more admin").waitFor();
  await page.getByLabel("Role", { exact: true }).selectOption("viewer");
  await button("Make a link").click();
  await heading("A link for one more admin").waitFor();
  await accessible();
  await shot("invited");
  const link = await page.locator(".secret code").textContent();
  const setup = new URL(link).hash.replace("#setup=", "");
  // It stands in the list until it is used; another one is withdrawn and lets nobody in.
  await page.getByRole("cell", { name: "one more viewer", exact: true }).waitFor();
  await page.getByLabel("Role", { exact: true }).selectOption("moderator");
  await button("Make a link").click();
  await page.getByRole("cell", { name: "one more moderator", exact: true }).waitFor();
  const withdrawn = new URL(await page.locator(".secret code").textContent()).hash.replace("#setup=", "");
  await button("Withdraw the link for one more moderator").click();
  await page.getByRole("cell", { name: "one more moderator", exact: true }).waitFor({ state: "detached" });
  assert.deepEqual((await ask("GET", "invitations")).data.map((one) => one.role), ["viewer"]);
  assert.equal((await ask("POST", "setup", "", { link: withdrawn, name: "nobody", password: PASSWORD })).status, 403);
  const joined = await ask("POST", "setup", "", { link: setup, name: HOSTILE, password: PASSWORD });
  assert.equal(joined.status, 200);
  await page.reload();
  await page.getByRole("cell", { name: SHOWN, exact: true }).waitFor();
  await page.getByText("Nobody was let in who has not come yet.").waitFor();
  await everywhere("admins");

  // What a viewer is shown, and what stays away.
  const second = await browser.newPage();
  await second.addInitScript((session) => sessionStorage.getItem("hobnob-admin") ?? sessionStorage.setItem("hobnob-admin", session), joined.data.session);
  await second.goto(`${base}/admin/#/`);
  await second.getByRole("link", { name: "First app" }).click();
  const parts = second.getByRole("navigation", { name: "Parts of the app" });
  await parts.getByRole("link", { name: "Users", exact: true }).waitFor();
  assert.deepEqual(await parts.getByRole("link").allTextContents().then((all) => all.filter((one) => ["Conversations", "Moderation", "Webhooks"].includes(one))), []);
  await second.goto(`${base}/admin/#/app/${house.app}/users/eve`);
  await second.getByRole("heading", { name: "Logins" }).waitFor();
  for (const name of ["Edit…", "Deactivate…", "Delete…", "Add friend", "Block user"]) assert.equal(await second.getByRole("button", { name, exact: true }).count(), 0, `a viewer has no ${name}`);
  await second.screenshot({ path: `${process.argv[3] ?? "."}/server-viewer.png`, fullPage: true });

  // Another role, at once; their session is ended, and with it what they saw.
  await button(`Role of ${SHOWN}`).click();
  await dialog().getByLabel("Role").selectOption("moderator");
  await button("Change role").click();
  await page.getByRole("row", { name: /moderator/ }).waitFor();
  assert.equal((await ask("GET", "admins")).data.find((one) => one.name === HOSTILE).role, "moderator");
  await button(`Sessions of ${SHOWN}`).click();
  await dialog().getByRole("button", { name: /^End session/ }).click();
  await dialog().getByText("They are not logged in.").waitFor();
  await accessible();
  await shot("sessions");
  assert.equal((await ask("GET", "me", joined.data.session)).status, 401);
  await page.keyboard.press("Escape");
  await second.reload();
  await second.getByText("Your session is over. Please log in again.").waitFor();
  await second.close();

  // A new password by a link; gone for good.
  await button(`New password for ${SHOWN}`).click();
  await dialog().getByRole("button", { name: "Make a link" }).click();
  await heading(`A link for ${SHOWN}`).waitFor();
  await button(`Remove ${SHOWN}`).click();
  await button("Remove admin").click();
  await page.getByRole("cell", { name: SHOWN, exact: true }).waitFor({ state: "detached" });
  assert.deepEqual((await ask("GET", "admins")).data.map((one) => one.name), ["root"]);
  await button("Remove root").click();
  await button("Remove admin").click();
  await dialog().getByRole("alert").waitFor();
  assert.equal(house.refusals.splice(0).length, 1, "the last owner stays");
  await page.keyboard.press("Escape");

  // Keys of the management API: one is made, works over REST, and is revoked.
  await tab("Management keys");
  await page.getByText("There is no management key.").waitFor();
  await page.getByLabel("Name").fill(HOSTILE);
  await page.keyboard.press("Enter");
  await heading(`The key ${SHOWN}`).waitFor();
  await everywhere("management");
  const [id, proof] = await page.locator(".secret code").allTextContents();
  const manage = async () => (await fetch(`${base}/v3/apps`, { headers: { key: id, secret: proof } })).status;
  assert.equal(await manage(), 200);
  await button(`Revoke ${SHOWN}`).click();
  await button("Revoke key").click();
  await page.getByText("There is no management key.").waitFor();
  assert.notEqual(await manage(), 200);

  // One's own sessions.
  await page.getByRole("link", { name: "Account" }).click();
  await page.getByText("this one").waitFor();
  const other = (await ask("POST", "login", "", { name: "root", password: PASSWORD })).data.session;
  await page.reload();
  await page.getByRole("button", { name: /^End session/ }).last().click();
  await until("it is over", async () => (await ask("GET", "me", other)).status === 401);
  await everywhere("account");

  // A second factor: set up, asked for at the next log-in, stood in for by a code, switched off.
  const device = page.locator(".card", { has: heading("Second factor") });
  await device.getByLabel("Password").fill("wrong password");
  await button("Set up a device").click();
  await device.getByRole("alert").waitFor();
  refused("400");
  await device.getByLabel("Password").fill(PASSWORD);
  await button("Set up a device").click();
  await device.getByText("Secret", { exact: true }).waitFor();
  await accessible();
  await shot("device");
  const key = await device.locator("dd code").first().textContent();
  // What a camera reads is the address that the link has, with that very secret.
  const read = await picture(page);
  assert.equal(read, await device.getByRole("link", { name: "Add to an app on this device" }).getAttribute("href"));
  assert.equal(new URL(read).searchParams.get("secret"), key);
  await device.getByLabel("Code").fill(totp(key));
  await button("Switch on").click();
  await heading("Codes that stand in for your device").waitFor();
  await accessible();
  await shot("device-codes");
  const spare = await page.locator(".secret code").first().textContent();
  assert.equal((await ask("GET", "me")).data.totp, true);
  await button("Log out").click();
  await page.getByLabel("Name").fill("root");
  await page.getByLabel("Password").fill(PASSWORD);
  await button("Log in").click();
  await page.getByLabel("Code of your device").waitFor();
  await accessible();
  await shot("login-code");
  await page.getByLabel("Code of your device").fill("000000");
  await button("Log in").click();
  await page.getByText("The code is wrong, or was used already.").waitFor();
  refused("403", "403");
  await page.getByLabel("Code of your device").fill(spare);
  await button("Log in").click();
  await heading("This server").waitFor();
  await page.getByRole("link", { name: "Account" }).click();
  await device.getByLabel("Password").fill(PASSWORD);
  await button("Switch off").click();
  await button("Set up a device").waitFor();
  assert.equal((await ask("GET", "me")).data.totp, false);

  // A backup: made, proved, downloaded.
  await page.getByRole("link", { name: "Apps", exact: true }).click();
  await tab("Health");
  await button("Make a backup now").click();
  await page.getByRole("dialog", { name: "The backup is made" }).waitFor();
  await accessible();
  await shot("backup");
  await button("Close").click();
  const { name, size } = (await ask("GET", "backups")).data[0];
  await button(`Check ${name}`).click();
  await page.getByRole("dialog", { name: "The backup is whole" }).waitFor();
  await button("Close").click();
  // The browser itself fetches it: nothing of it passes through the page.
  const asked = [];
  const hear = (request) => request.url().includes("backups/") && asked.push([request.method(), request.resourceType(), new URL(request.url()).pathname.split("/").pop()]);
  page.on("request", hear);
  const [fetched] = await Promise.all([page.waitForEvent("download"), button(`Download ${name}`).click()]);
  page.off("request", hear);
  assert.deepEqual(asked.filter(([, kind]) => kind === "fetch"), [["POST", "fetch", "link"]]);
  assert.ok(!fetched.url().startsWith("blob:"), fetched.url());
  assert.equal(fetched.suggestedFilename(), name);
  let length = 0;
  for await (const chunk of await fetched.createReadStream()) length += chunk.length;
  assert.equal(length, size);
  await everywhere("backups");

  // Who did what.
  await tab("Audit log");
  await page.getByRole("cell", { name: "backup.download" }).first().waitFor();
  await page.getByRole("row", { name: /admin root/ }).first().waitFor();
  await everywhere("audit");
  await page.getByLabel("App").selectOption(house.app);
  await page.getByRole("cell", { name: "backup.download" }).first().waitFor({ state: "detached" });
  refused();
});

/** What a camera reads from the picture on the page. */
async function picture(page) {
  const shown = page.getByAltText("The address below as a QR code");
  await shown.waitFor();
  const { data, width, height } = await shown.evaluate(async (image) => {
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: 400, height: 400 });
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, 400, 400);
    return { data: Array.from(context.getImageData(0, 0, 400, 400).data), width: 400, height: 400 };
  });
  return (jsqr.default ?? jsqr)(Uint8ClampedArray.from(data), width, height)?.data;
}

/** The code that a device shows now for this secret (RFC 6238). */
function totp(secret) {
  const bits = Array.from(secret, (sign) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(sign).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const digest = createHmac("sha1", key).update(counter).digest();
  const at = digest[19] & 15;
  return String((digest.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
