//! Whose work a thread is doing, so that a line of the log tells by which request it came.
//!
//! A request has an id: the client's own (`X-Request-Id`), or one that is made. It goes along with the work: while the
//! request's future runs ([`within`]), and into the threads that read and write for it ([`enter`]). The logger puts it
//! into each line; no place that logs has to think of it.

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The target of the request log's lines.
pub const TARGET: &str = "hobnob::requests";

/// Longest id that is taken from a client, in bytes: ids of tracing systems have 16 to 64.
const LONGEST: usize = 128;

/// The name of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestId {
    /// Made here; a number, so that it costs no memory.
    Own(u64),
    /// The client's or the proxy's.
    Given(Arc<str>),
}

impl RequestId {
    /// A client's id, if it is one: letters, digits and a few signs, so that it can break no line and no header.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&byte);
        let sane = !text.is_empty() && text.len() <= LONGEST && text.bytes().all(fits);
        sane.then(|| RequestId::Given(text.into()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestId::Own(number) => write!(f, "{number:016x}"),
            RequestId::Given(text) => f.write_str(text),
        }
    }
}

/// Makes ids that do not come twice: a count, spread over all numbers from a beginning of its own for each start.
pub struct RequestIds {
    seed: u64,
    made: AtomicU64,
}

impl RequestIds {
    /// `seed`: any number that the last start did not have.
    pub fn new(seed: u64) -> Self {
        RequestIds { seed, made: AtomicU64::new(0) }
    }

    /// How many there have been.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// Makes those once more that came after so many.
    pub fn go_to(&self, made: u64) {
        self.made.store(made, Ordering::Relaxed);
    }

    pub fn next(&self) -> RequestId {
        let count = self.made.fetch_add(1, Ordering::Relaxed);
        RequestId::Own(spread(self.seed.wrapping_add(count.wrapping_mul(GOLDEN))))
    }
}

/// 2^64 divided by the golden ratio: steps of it come near each other as late as can be.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of SplitMix64: one to one, so different counts stay different.
fn spread(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Where work comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    pub id: RequestId,
    pub method: &'static str,
    /// The pattern of the path, never the path.
    pub route: &'static str,
    /// Of which database (`store::Told::times`): what it does is done in no other. `None`: in whichever there is.
    pub times: Option<u64>,
}

thread_local! {
    static CURRENT: RefCell<Option<Origin>> = const { RefCell::new(None) };
}

/// What this thread works for, if it is a request.
pub fn current() -> Option<Origin> {
    // A thread that ends may still have something to log.
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// This thread works for `origin` until the guard is dropped.
pub fn enter(origin: Option<Origin>) -> Entered {
    Entered(CURRENT.replace(origin))
}

/// See [`enter`].
#[must_use]
pub struct Entered(Option<Origin>);

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// The route of the request at hand has been found, in the middle of its work.
pub fn on_route(route: &'static str) {
    CURRENT.with_borrow_mut(|current| {
        if let Some(origin) = current {
            origin.route = route;
        }
    });
}

/// Runs `future` as the work of a request. The origin is asked at each step, because the route is found on the way.
pub async fn within<T>(origin: impl Fn() -> Origin, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _entered = enter(Some(origin()));
        future.as_mut().poll(cx)
    })
    .await
}

/// Whether requests are logged: asked for each, so it costs a look at memory and no more.
static LOGGED: AtomicBool = AtomicBool::new(false);

/// Set by `logging`, whenever the levels change.
pub fn set_logged(on: bool) {
    LOGGED.store(on, Ordering::Relaxed);
}

pub fn is_logged() -> bool {
    LOGGED.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_clients_id_is_taken_if_it_is_sane() {
        for good in ["a", "7f3c-2:x/y+z=@_.", &"x".repeat(LONGEST)] {
            assert_eq!(RequestId::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", "a b", "a\nb", "ä", "\"", "a,b", &"x".repeat(LONGEST + 1)] {
            assert_eq!(RequestId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn ids_do_not_come_twice() {
        let ids = RequestIds::new(7);
        let made: HashSet<String> = (0..10_000).map(|_| ids.next().to_string()).collect();
        assert_eq!(made.len(), 10_000);
        assert!(made.iter().all(|id| id.len() == 16 && RequestId::parse(id).is_some()));
        assert_ne!(RequestIds::new(8).next(), RequestIds::new(7).next());
    }

    #[test]
    fn a_future_is_its_requests_only_while_it_runs() {
        let origin = || Origin { id: RequestId::Own(1), method: "GET", route: "/users", times: None };
        let seen = || current().map(|origin| origin.route);
        let mut steps = 0;
        let work = poll_fn(|_| {
            assert_eq!(seen(), Some("/users"));
            {
                let _none = enter(None);
                assert_eq!(seen(), None);
            }
            assert_eq!(seen(), Some("/users"));
            on_route("/groups");
            assert_eq!(seen(), Some("/groups"));
            steps += 1;
            if steps == 2 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        });
        let mut work = pin!(within(origin, work));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(work.as_mut().poll(&mut cx).is_pending());
        assert_eq!(seen(), None, "the thread does something else meanwhile");
        assert!(work.as_mut().poll(&mut cx).is_ready());
        assert_eq!(seen(), None);
    }
}
