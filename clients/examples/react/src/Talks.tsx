import { useCallback, useEffect, useRef, useState } from 'react';
import { call, lines, listen, markRead, reason, send, talks, typing, type Connection, type Line, type Talk } from './chat';
import { Pane } from './Pane';

export function Talks({ name, onLeave }: { name: string; onLeave: () => void }) {
  const [list, setList] = useState<Talk[]>([]);
  const [open, setOpen] = useState<string>();
  const [said, setSaid] = useState<Line[]>([]);
  const [typist, setTypist] = useState<string>();
  const [connection, setConnection] = useState<Connection>('connecting');
  const [ring, setRing] = useState<string>();
  const [error, setError] = useState('');
  // For listeners, which are added once.
  const opened = useRef<string>(undefined);
  opened.current = open;

  /** Does something that may be refused, and shows why; whether it was done. */
  const attempt = useCallback(async (act: () => Promise<unknown>) => {
    try {
      await act();
      setError('');
      return true;
    } catch (refused) {
      setError(reason(refused));
      return false;
    }
  }, []);
  const refresh = useCallback(
    () =>
      attempt(async () => {
        if (opened.current) setSaid(await lines(opened.current));
        setList(await talks());
      }),
    [attempt],
  );

  useEffect(
    () =>
      listen({
        onLine: async (line, message) => {
          setTypist(undefined);
          if (line.from === opened.current) {
            setSaid((before) => [...before, line]);
            await markRead(message);
          }
          setList(await talks());
        },
        onTyping: (uid, typing) => setTypist(typing ? uid : undefined),
        onCall: (state) => setRing(state),
        onConnection: (state) => {
          setConnection(state);
          // Nobody tells again what was said meanwhile.
          if (state === 'connected') void refresh();
        },
      }),
    [refresh],
  );
  useEffect(() => void refresh(), [open, refresh]);

  const other = list.find((talk) => talk.uid === open);
  return (
    <div className="talks">
      {connection !== 'connected' && <p role="status">No connection. Trying again …</p>}
      {error && <p role="alert">{error}</p>}
      <nav aria-label="Conversations">
        <header>
          {name} <button onClick={onLeave}>Log out</button>
        </header>
        {list.map((talk) => (
          <button key={talk.uid} aria-current={talk.uid === open} onClick={() => setOpen(talk.uid)}>
            <b>{talk.name}</b> <span>{talk.last}</span>
            {talk.unread > 0 && <i aria-label="unread">{talk.unread}</i>}
          </button>
        ))}
      </nav>
      {other && (
        <Pane
          name={other.name}
          uid={other.uid}
          lines={said}
          isTyping={typist === other.uid}
          ring={ring}
          onType={() => typing(other.uid)}
          onCall={() =>
            attempt(async () => {
              await call(other.uid);
              setRing('ringing');
            })
          }
          onSend={(text) =>
            attempt(async () => {
              const sent = await send(other.uid, text);
              setSaid((before) => [...before, sent]);
            })
          }
        />
      )}
    </div>
  );
}
