//! What a test does to the sockets of a server that it throws away.

use std::sync::Arc;

use super::{Hub, Index, lock};
use crate::live::conn::{Close, Conn, Spoil};
use crate::model::event::Known;

impl Hub {
    /// Closes every connection there is now. Those that come are welcome.
    pub fn send_away(&self, why: Close) {
        lock(&self.inner.index.conns).values().for_each(|conn| conn.close(why));
    }

    /// Ends the connections of a user (users.id), without a good-bye if `cut`; how many there are.
    pub fn end(&self, user: i64, cut: bool, why: Close) -> usize {
        self.inner.index.each_of(user, |conn| if cut { conn.cut() } else { conn.close(why) })
    }

    /// Does this to what the user (users.id) is told, on sockets that are there and that come; how many are there.
    pub fn spoil(&self, user: i64, spoil: Spoil) -> usize {
        let mut spoilt = lock(&self.inner.index.spoilt);
        match spoil {
            Spoil::Nothing => _ = spoilt.remove(&user),
            _ => _ = spoilt.insert(user, spoil),
        }
        drop(spoilt);
        self.inner.index.each_of(user, |conn| conn.spoil(spoil))
    }

    /// Throws away what anybody is still to be told: it is of a past that is not to have been.
    pub fn forget_waiting(&self) {
        lock(&self.inner.index.conns).values().for_each(|conn| conn.forget());
    }

    /// Does nothing more to what anybody is told.
    pub fn mend(&self) {
        lock(&self.inner.index.spoilt).clear();
        lock(&self.inner.index.conns).values().for_each(|conn| conn.spoil(Spoil::Nothing));
    }

    /// Who has a connection, each with its login (users.id, tokens.id).
    pub fn attached(&self) -> Vec<(i64, i64)> {
        let mut here = Vec::new();
        for shard in &self.inner.index.users.0 {
            for (user, online) in lock(shard).iter() {
                here.extend(online.conns.iter().map(|(token, _)| (*user, *token)));
            }
        }
        here.sort_unstable();
        here.dedup();
        here
    }
}

impl Index {
    fn each_of(&self, user: i64, work: impl Fn(&Arc<Conn>)) -> usize {
        let users = lock(self.users.of(user));
        let Some(online) = users.get(&user) else { return 0 };
        online.conns.iter().for_each(|(_, conn)| work(conn));
        online.conns.len()
    }

    /// Of a user who is online all is known anew.
    pub(super) fn know_anew(&self, known: Known) {
        let user = known.user.id;
        let mut users = lock(self.users.of(user));
        let Some(online) = users.get_mut(&user) else { return };
        let before = std::mem::replace(&mut online.groups, known.groups.iter().copied().collect());
        online.user = known.user;
        online.friends = known.friends.into_iter().collect();
        online.blocked = known.blocked.into_iter().collect();
        drop(users);
        for group in before.into_iter().filter(|group| !known.groups.contains(group)) {
            self.leave(group, user);
        }
        for group in known.groups {
            lock(self.groups.of(group)).entry(group).or_default().insert(user);
        }
    }
}
