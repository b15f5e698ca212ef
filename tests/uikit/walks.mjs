// The walks in their order, each with its name: all of them, or the few that a short run takes.

import * as files from "./files.mjs";
import * as groups from "./groups.mjs";
import * as people from "./people.mjs";
import * as talk from "./talk.mjs";

const WHOLE = [
  ["talk", talk.bothWays], ["inbox", talk.inbox], ["deeds", talk.deeds], ["kept", talk.kept], ["files", files.files],
  ["search", files.search], ["groups", groups.groups], ["members", groups.members], ["blocking", people.blocking],
  ["calls", people.calls], ["dark", people.dark], ["reload", people.reload],
];
const SHORT = ["talk"];

export function walks(version, extent) {
  return WHOLE.filter(([name]) => extent === "whole" || SHORT.includes(name));
}
