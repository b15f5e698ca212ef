import { createRoot } from 'react-dom/client';
import { App } from './App';
import type { Config } from './chat';

// Where the chat back end is comes with the deployment; the same build runs against any.
const config: Config = await (await fetch('/config.json')).json();
createRoot(document.getElementById('root')!).render(<App config={config} />);
