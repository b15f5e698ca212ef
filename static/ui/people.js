// How people are shown.

import { pill } from "./base.js";

export function status(user) {
  if (user.deactivatedAt) return pill("deactivated", "off");
  return user.status === "available" ? pill("online", "on") : pill("offline");
}
