//! A few places for heavy work, given fairly: whose turn it is goes round among those who wait, not among their requests.
//!
//! So one who asks for a thousand things waits for himself, and one who asks for a single thing waits for one thing of
//! each other at most. Waiting is bounded per owner and in all. A place is taken along into the work ([`Turn`]) and
//! comes back when that is over, even if nobody waits for its outcome any more.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::oneshot;

/// Places, and who waits for one; cheap to clone. `K` says whose the work is.
pub struct Turns<K: Send + 'static> {
    inner: Arc<Inner<K>>,
}

impl<K: Send + 'static> Clone for Turns<K> {
    fn clone(&self) -> Self {
        Turns { inner: self.inner.clone() }
    }
}

struct Inner<K> {
    state: Mutex<State<K>>,
    /// Most that wait in all, and of one owner.
    most: usize,
    most_each: usize,
}

struct State<K> {
    free: usize,
    waiting: usize,
    /// Each owner once; the first is next.
    lines: VecDeque<(K, VecDeque<oneshot::Sender<()>>)>,
}

/// The right to work; given back when dropped.
pub struct Turn<K: Send + Eq + 'static> {
    inner: Arc<Inner<K>>,
}

/// Too many wait.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl<K: Send + Eq + 'static> Turns<K> {
    /// `places` works at once; `most` may wait in all, `most_each` of one owner.
    pub fn new(places: usize, most: usize, most_each: usize) -> Self {
        let state = State { free: places.max(1), waiting: 0, lines: VecDeque::new() };
        Turns { inner: Arc::new(Inner { state: Mutex::new(state), most, most_each }) }
    }

    /// Waits for a place.
    pub async fn wait(&self, owner: K) -> Result<Turn<K>, Full> {
        let waiting = {
            let mut state = self.inner.lock();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Turn { inner: self.inner.clone() });
            }
            state.forget_the_gone();
            let line = state.lines.iter().position(|(key, _)| *key == owner);
            let behind = line.map_or(0, |at| state.lines[at].1.len());
            if state.waiting >= self.inner.most || behind >= self.inner.most_each {
                return Err(Full);
            }
            let (call, waiting) = oneshot::channel();
            match line {
                Some(at) => state.lines[at].1.push_back(call),
                None => state.lines.push_back((owner, VecDeque::from([call]))),
            }
            state.waiting += 1;
            Place { inner: self.inner.clone(), call: waiting, called: false }
        };
        waiting.called().await
    }
}

impl<K> Inner<K> {
    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// A place is free: to the next who still waits.
    fn pass_on(&self) {
        let mut state = self.lock();
        while let Some((owner, mut line)) = state.lines.pop_front() {
            let Some(call) = line.pop_front() else { continue };
            state.waiting -= 1;
            if !line.is_empty() {
                state.lines.push_back((owner, line));
            }
            if call.send(()).is_ok() {
                return;
            }
        }
        state.free += 1;
    }
}

impl<K> State<K> {
    fn forget_the_gone(&mut self) {
        self.lines.iter_mut().for_each(|(_, line)| line.retain(|call| !call.is_closed()));
        self.lines.retain(|(_, line)| !line.is_empty());
        self.waiting = self.lines.iter().map(|(_, line)| line.len()).sum();
    }
}

/// Somebody who waits. Called and gone in the same moment, he passes the call on.
struct Place<K: Send + Eq + 'static> {
    inner: Arc<Inner<K>>,
    call: oneshot::Receiver<()>,
    called: bool,
}

impl<K: Send + Eq + 'static> Place<K> {
    async fn called(mut self) -> Result<Turn<K>, Full> {
        (&mut self.call).await.map_err(|_| Full)?;
        self.called = true;
        Ok(Turn { inner: self.inner.clone() })
    }
}

impl<K: Send + Eq + 'static> Drop for Place<K> {
    fn drop(&mut self) {
        self.call.close();
        if !self.called && self.call.try_recv().is_ok() {
            self.inner.pass_on();
        }
    }
}

impl<K: Send + Eq + 'static> Drop for Turn<K> {
    fn drop(&mut self) {
        self.inner.pass_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    type Waits = Pin<Box<dyn Future<Output = Result<Turn<u8>, Full>>>>;

    fn wait(turns: &Turns<u8>, owner: u8) -> Waits {
        let turns = turns.clone();
        let mut waits: Waits = Box::pin(async move { turns.wait(owner).await });
        assert!(look(&mut waits).is_none(), "nobody goes before his turn");
        waits
    }

    fn look(waits: &mut Waits) -> Option<Result<Turn<u8>, Full>> {
        match pin!(waits).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    fn now(turns: &Turns<u8>, owner: u8) -> Result<Turn<u8>, Full> {
        let turns = turns.clone();
        let mut waits: Waits = Box::pin(async move { turns.wait(owner).await });
        look(&mut waits).expect("decided at once")
    }

    #[test]
    fn it_goes_round_among_owners() {
        let turns = Turns::new(1, 10, 10);
        let first = now(&turns, 1).ok().unwrap();
        let mut flood: Vec<Waits> = (0..4).map(|_| wait(&turns, 1)).collect();
        let mut other = wait(&turns, 2);
        drop(first);
        let again = look(&mut flood[0]).expect("the first of the flood").ok().unwrap();
        assert!(look(&mut other).is_none());
        drop(again);
        let turn = look(&mut other).expect("then the other, before the rest of the flood").ok().unwrap();
        assert!(look(&mut flood[1]).is_none());
        drop(turn);
        assert!(look(&mut flood[1]).is_some());
    }

    #[test]
    fn who_left_is_passed_over_even_if_just_called() {
        let turns = Turns::new(1, 10, 10);
        let first = now(&turns, 1).ok().unwrap();
        let gone = wait(&turns, 2);
        let (mut called, mut last) = (wait(&turns, 3), wait(&turns, 4));
        drop(gone);
        drop(first);
        // Called, but goes before looking.
        drop(std::mem::replace(&mut called, Box::pin(std::future::pending())));
        drop(look(&mut last).expect("the last is called").ok().unwrap());
        assert!(now(&turns, 5).is_ok(), "the place is free again");
    }

    #[test]
    fn waiting_is_bounded_for_each_and_for_all() {
        let turns = Turns::new(1, 3, 2);
        let _first = now(&turns, 1).ok().unwrap();
        let mut waiting: Vec<Waits> = vec![wait(&turns, 1), wait(&turns, 1)];
        assert_eq!(now(&turns, 1).err(), Some(Full));
        waiting.push(wait(&turns, 2));
        assert_eq!(now(&turns, 3).err(), Some(Full));
        drop(waiting.remove(0));
        waiting.push(wait(&turns, 3));
    }
}
