// An address that leads nowhere.

import { html } from "../ui/base.js";
import { plainFrame } from "../ui/frames.js";

export const show = () => plainFrame("There is nothing here", html`<p><a href="#/">All apps</a></p>`);
