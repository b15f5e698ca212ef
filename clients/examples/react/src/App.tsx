import { useState, type FormEvent } from 'react';
import { logIn, logOut, reason, type Config } from './chat';
import { Talks } from './Talks';

export function App({ config }: { config: Config }) {
  const [name, setName] = useState('');
  const [error, setError] = useState('');

  const enter = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const uid = String(new FormData(event.currentTarget).get('uid'));
    try {
      setName(await logIn(config, uid));
      setError('');
    } catch (refused) {
      setError(reason(refused));
    }
  };
  const leave = async () => {
    await logOut();
    setName('');
  };

  if (name) return <Talks name={name} onLeave={leave} />;
  return (
    <form className="login" onSubmit={enter}>
      <label>
        User <input name="uid" required autoFocus />
      </label>
      <button>Log in</button>
      {error && <p role="alert">{error}</p>}
    </form>
  );
}
