// Stands where the vendor's calls client would: that one talks to the vendor's media servers. Joining draws a plain box,
// so the kit's own screens round a call can be walked through.

const heard = new Map();
const tell = (name) => heard.get(name)?.forEach((listener) => listener());

export const CometChatCalls = {
  init: async () => ({}),
  generateToken: async () => ({ token: "none" }),
  joinSession: async (_token, _settings, element) => {
    if (element) {
      element.innerHTML = "<p>A call without media</p><button>Leave the call</button>";
      element.querySelector("button").onclick = () => tell("onLeaveSessionButtonClicked");
    }
    return { data: {} };
  },
  leaveSession: () => tell("onSessionLeft"),
  addEventListener: (name, listener) => {
    if (!heard.has(name)) heard.set(name, new Set());
    heard.get(name).add(listener);
    return () => heard.get(name).delete(listener);
  },
};
