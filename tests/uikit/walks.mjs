// The walks of each version of the kit in their order, each with its name.

import * as buttons from "./buttons.mjs";
import * as extensions from "./extensions.mjs";
import * as files from "./files.mjs";
import * as groups from "./groups.mjs";
import * as people from "./people.mjs";
import * as six from "./six.mjs";
import * as talk from "./talk.mjs";

const SEVEN = [
  ["talk", talk.bothWays], ["inbox", talk.inbox], ["deeds", talk.deeds], ["kept", talk.kept], ["files", files.files],
  ["groups", groups.groups], ["members", groups.members], ["search", files.search], ["blocking", people.blocking],
  ["extensions", extensions.extensions], ["calls", people.calls], ["buttons", buttons.buttons],
  ["group buttons", buttons.groupButtons], ["dark", people.dark], ["reload", people.reload],
];
const SIX = [["talk", talk.bothWays], ["inbox", six.inbox], ["deeds", six.deeds], ["files", six.files], ["groups", six.groups], ["polls", six.polls]];

export function walks(version) {
  return version === "7" ? SEVEN : SIX;
}
