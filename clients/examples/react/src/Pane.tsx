import type { FormEvent } from 'react';
import type { Line } from './chat';

interface Props {
  uid: string;
  name: string;
  lines: Line[];
  isTyping: boolean;
  ring?: string;
  onType: () => void;
  onCall: () => void;
  /** Whether it was sent. */
  onSend: (text: string) => Promise<boolean>;
}

export function Pane({ uid, name, lines, isTyping, ring, onType, onCall, onSend }: Props) {
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const field = event.currentTarget.elements.namedItem('text') as HTMLInputElement;
    const text = field.value;
    // What was not sent stays, to be sent once more.
    if (text && (await onSend(text)) && field.value === text) field.value = '';
  };
  return (
    <main>
      <header>
        <h1>{name}</h1>
        {isTyping && <em>{name} is typing …</em>}
        {ring && <output>{`Call: ${ring}`}</output>}
        <button onClick={onCall}>Call</button>
      </header>
      <ol>
        {lines.map((line) => (
          <li key={line.id} className={line.from === uid ? 'theirs' : 'mine'}>
            {line.text}
          </li>
        ))}
      </ol>
      <form onSubmit={submit}>
        <input name="text" aria-label="Message" autoComplete="off" onInput={onType} />
        <button>Send</button>
      </form>
    </main>
  );
}
