// The walks in their order, each with its name: all of them, or the few that a short run takes.

import * as talk from "./talk.mjs";

const WHOLE = [["talk", talk.bothWays], ["inbox", talk.inbox], ["deeds", talk.deeds], ["kept", talk.kept]];
const SHORT = ["talk"];

export function walks(version, extent) {
  return WHOLE.filter(([name]) => extent === "whole" || SHORT.includes(name));
}
