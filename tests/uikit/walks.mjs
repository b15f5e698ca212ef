// The walks in their order, each with its name: all of them, or the few that a short run takes.

import * as extensions from "./extensions.mjs";
import * as files from "./files.mjs";
import * as groups from "./groups.mjs";
import * as people from "./people.mjs";
import * as six from "./six.mjs";
import * as talk from "./talk.mjs";

const SEVEN = [
  ["talk", talk.bothWays], ["inbox", talk.inbox], ["deeds", talk.deeds], ["kept", talk.kept], ["files", files.files],
  ["groups", groups.groups], ["members", groups.members], ["search", files.search], ["blocking", people.blocking],
  ["extensions", extensions.extensions], ["calls", people.calls], ["dark", people.dark], ["reload", people.reload],
];
const SIX = [["talk", talk.bothWays], ["inbox", six.inbox], ["deeds", six.deeds], ["files", six.files], ["groups", six.groups], ["polls", six.polls]];
const SHORT = ["talk"];

export function walks(version, extent) {
  return (version === "7" ? SEVEN : SIX).filter(([name]) => extent === "whole" || SHORT.includes(name));
}
