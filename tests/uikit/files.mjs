// Files: picked in the composer, shown on both sides, and found again.

import { SILENCE, until } from "./harness.mjs";

/** A picture, and a film that is long enough to have a first frame, made in the page itself. */
async function drawn(page) {
  const [picture, film] = await page.evaluate(async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 200 });
    const brush = canvas.getContext("2d");
    const paint = (step) => {
      brush.fillStyle = `hsl(${step * 40} 70% 60%)`;
      brush.fillRect(0, 0, 320, 200);
      brush.fillStyle = "white";
      brush.fillRect(20 + step * 20, 60, 80, 80);
    };
    const text = (blob) => new Promise((resolve) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result.split(",")[1]);
      reader.readAsDataURL(blob);
    });
    paint(1);
    const still = await new Promise((resolve) => canvas.toBlob(resolve));
    const parts = [];
    const recorder = new MediaRecorder(canvas.captureStream(10), { mimeType: "video/webm" });
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.start();
    for (let step = 0; step < 8; step += 1) {
      paint(step);
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 60)));
    }
    const over = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.stop();
    await over;
    return Promise.all([text(still), text(new Blob(parts, { type: "video/webm" }))]);
  });
  return [Buffer.from(picture, "base64"), Buffer.from(film, "base64")];
}

export async function files(world) {
  const { ann, ben } = world;
  await ann.open("Ben Example");
  await ben.open("Ann Example");
  const [picture, film] = await drawn(ann.page);
  await ann.attach("Attach Image", { name: "square.png", mimeType: "image/png", buffer: picture });
  await loaded(ben, "img.cometchat-images-bubble__image, .cometchat-image-bubble img", (image) => image.complete && image.naturalWidth > 0);
  await ann.attach("Attach Video", { name: "square.webm", mimeType: "video/webm", buffer: film });
  await ben.list.locator("[class*=videos-bubble__tile], .cometchat-video-bubble").last().click();
  await loaded(ben, "video", (video) => video.readyState > 0 && !video.error, ben.page.locator("[class*=fullscreen-viewer]").first());
  await world.shot(ben, "film");
  await shut(ben);
  await ann.attach("Attach Audio", { name: "silence.wav", mimeType: "audio/wav", buffer: SILENCE });
  await ben.list.locator("[class*=audio-message]").waitFor();
  await ann.attach("Attach File", { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("Notes\n") });
  await ben.bubble("notes.txt").waitFor();
  await ben.inbox("Ann Example").getByText("File").waitFor();
  await ann.write("See https://example.org/page");
  await ben.bubble("example.org").getByRole("link").waitFor();
  await world.shot(ben, "files");
  await world.shot(ann, "files");
  await ben.list.locator("[aria-label^='Image message']").first().click();
  await loaded(ben, "img[src*=media]", (image) => image.naturalWidth > 0, ben.page.locator("[class*=fullscreen-viewer]").first());
  await world.shot(ben, "viewer");
  await shut(ben);
}

/** Closes the file that fills the window. */
async function shut(person) {
  await person.page.keyboard.press("Escape");
  await person.page.locator("[class*=fullscreen-viewer]").first().waitFor({ state: "detached" });
}

/** Waits until the file behind an element of the newest message has been fetched and understood. */
async function loaded(person, what, check, where = person.list) {
  const element = where.locator(what).last();
  await element.waitFor();
  await until(`${what} to be shown`, () => element.evaluate(check));
}

/** What each filter of the search finds of what has been sent so far. */
const FOUND = { photos: "square.png", videos: "square.webm", audio: "silence.wav", files: "notes.txt", links: "example.org", groups: "Key Club", unread: "Key Club" };

/** What was said and sent is found, by words and by kind, from the list and from within a chat. */
export async function search(world) {
  const { ann } = world;
  await ann.tab("Chats");
  await ann.open("Ben Example");
  await ann.tab("Search");
  const box = ann.side.getByRole("searchbox");
  await box.fill("morning");
  await ann.side.locator("[data-testid^=search-message-item]", { hasText: "Good morning" }).click();
  await ann.bubble("Good morning").waitFor();
  await world.shot(ann, "search");
  await ann.tab("Search");
  await box.fill("Ben Ex");
  await ann.side.getByText("Ben Example", { exact: true }).first().waitFor();
  await box.fill("nothing has these words");
  await ann.side.getByText(/no results/i).waitFor();
  await box.fill("");
  for (const kind of Object.keys(FOUND)) {
    const filter = ann.side.getByTestId(`search-filter-${kind}`);
    const asked = ann.page.waitForResponse((response) => /messages|conversations/.test(response.url()) && response.request().method() === "GET");
    await filter.click();
    await asked;
    await ann.side.getByText(FOUND[kind]).first().waitFor();
    await world.shot(ann, `search-${kind}`);
    await filter.click();
  }
  await ann.tab("Chats");
  await ann.open("Ben Example");
  await ann.onHeader("Search");
  await ann.panel.getByRole("searchbox").fill("How are you");
  await ann.panel.locator("[data-testid^=search-message-item]", { hasText: "How are you" }).click();
  await ann.bubble("How are you").waitFor();
}
