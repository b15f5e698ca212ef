// The vendor's clients that the suite drives, and what those of them that are not made for a browser want around them.

/** Newest first, by line. `name` is what the suite's packages are called (package.json says what they are). */
export const CLIENTS = [
  { name: '@cometchat/chat-sdk-javascript', title: 'JS 4.2.0' },
  { name: 'sdk-4.1.13', title: 'JS 4.1.13' },
  { name: 'sdk-4.1.7', title: 'JS 4.1.7' },
  { name: 'sdk-4.1.1', title: 'JS 4.1.1' },
  { name: 'sdk-4.0.13', title: 'JS 4.0.13' },
  { name: 'sdk-4.0.7', title: 'JS 4.0.7' },
  { name: 'native-4.0.21', title: 'RN 4.0.21' },
  { name: 'ionic-4.0.4', title: 'Ionic 4.0.4' },
  { name: 'sdk-3.0.13', title: 'pro JS 3.0.13' },
  { name: 'native-3.0.13', title: 'pro RN 3.0.13' },
  { name: 'ionic-3.0.13', title: 'pro Ionic 3.0.13' },
];

/** Files on a telephone, by the names apps have for them. */
const FILES = { 'file:///note.txt': 'five!' };

/** The file `note.txt` as an app hands it to the client. */
export const note = (device) =>
  device.isNative ? { uri: 'file:///note.txt', name: 'note.txt', type: 'text/plain' } : new File(['five!'], 'note.txt', { type: 'text/plain' });

/** The form of a telephone, where a file is told by its place. */
export class NativeForm extends FormData {
  append(name, value, ...more) {
    if (typeof value?.uri !== 'string') return super.append(name, value, ...more);
    return super.append(name, new Blob([FILES[value.uri]], { type: value.type }), value.name);
  }
}

/** Enough of the vendor's calling modules for a client to begin: their media is not looked at. */
const calling = { default: class {}, CometChatRTC: {}, CometChatCalls: {}, CallEventListener: class {}, Calling: {} };

/** What `require` gives a client on `device`. */
export function modules(device) {
  const nothing = () => {};
  const listener = () => ({ remove: nothing });
  const stubs = {
    '@cometchat/calls-sdk-react-native': calling,
    '@cometchat/calls-sdk-react-native/package.json': { version: '4.0.0' },
    '@cometchat/calls-sdk-ionic': calling,
    '@cometchat/calls-sdk-ionic/package.json': { version: '4.0.0' },
    '@cometchat-pro/react-native-calls': calling,
    '@cometchat-pro/ionic-calls': calling,
    '@react-native-async-storage/async-storage': asyncStorage(device.localStorage),
    'react-native': {
      Platform: { OS: 'ios', Version: '17', constants: {}, select: (all) => all.ios ?? all.default },
      AppState: { currentState: 'active', addEventListener: listener, removeEventListener: nothing },
      Dimensions: { get: () => ({ width: 400, height: 800, scale: 2, fontScale: 1 }) },
      NativeModules: {},
      PermissionsAndroid: { PERMISSIONS: {}, RESULTS: {}, request: async () => 'granted' },
      NativeEventEmitter: class {
        addListener() {
          return { remove: nothing };
        }
        removeAllListeners() {}
      },
      View: class {},
      StyleSheet: { create: (styles) => styles },
    },
    react: { Component: class {}, PureComponent: class {}, createElement: nothing, Fragment: 'fragment', createRef: () => ({}) },
    '@capacitor/app': { App: { addListener: listener, getState: async () => ({ isActive: true }) } },
  };
  return (name) => {
    if (name in stubs) return stubs[name];
    throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
  };
}

/** The store of an app on a telephone, over the same map that a page has. */
function asyncStorage(store) {
  const later = (act) => async (...args) => act(...args);
  const both = (act) => (...args) => {
    const done = typeof args.at(-1) === 'function' ? args.pop() : undefined;
    const result = later(act)(...args);
    if (done) result.then((value) => done(null, value), done);
    return result;
  };
  const stub = {
    getItem: both((key) => store.getItem(key)),
    setItem: both((key, value) => store.setItem(key, value)),
    removeItem: both((key) => store.removeItem(key)),
    clear: both(() => store.clear()),
    getAllKeys: both(() => store.entries().map(([key]) => key)),
    multiGet: both((keys) => keys.map((key) => [key, store.getItem(key)])),
    multiSet: both((pairs) => pairs.forEach(([key, value]) => store.setItem(key, value))),
    multiRemove: both((keys) => keys.forEach((key) => store.removeItem(key))),
  };
  return { ...stub, default: stub, __esModule: true };
}
