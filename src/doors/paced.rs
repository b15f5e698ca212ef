//! A connection of HTTP, read no faster than it is answered, and ended when nothing goes on in it.
//!
//! The framework decodes all it has read before it answers the first request of it, and a short request takes 150 times its
//! bytes: a client that writes thousands of them and reads no answer would be given 20 MB. So a connection is read in small
//! pieces, and not at all while a request that has come whole is answered. And the framework times no more than the
//! head of the first request, so each thread looks round for connections where a later one does not come to its end, or
//! where the client takes nothing of what is written.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_codec::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep};

/// Bytes read before what they hold is decoded: a hundred of the shortest requests.
const PIECE: usize = 4096;

/// How often each thread looks round.
const ROUND: Duration = Duration::from_secs(10);

/// How long a head may be under way that is not a connection's first, and how long a client may take nothing of an answer.
const PATIENCE: Duration = Duration::from_secs(60);

thread_local! {
    /// Where a piece is read that the framework has more room for: it cannot be told to take less of it, and to fill all of it
    /// with zeros first would cost more than to copy a request.
    static READ: RefCell<[u8; PIECE]> = const { RefCell::new([0; PIECE]) };
    /// The connections of this thread.
    static KNOWN: RefCell<Vec<Weak<Course>>> = const { RefCell::new(Vec::new()) };
    static LOOKING: Cell<bool> = const { Cell::new(false) };
}

/// A connection.
pub struct Paced<T> {
    io: T,
    course: Rc<Course>,
}

/// What goes on in a connection.
#[derive(Default)]
pub struct Course {
    /// A request is answered.
    answering: Cell<bool>,
    /// All of it has come, its body included.
    whole: Cell<bool>,
    /// Bytes read since the framework had its turn to decode.
    read: Cell<usize>,
    /// Since when a head is under way: its first byte, and no request yet.
    head: Cell<Option<Instant>>,
    /// Since when the client takes nothing.
    stuck: Cell<Option<Instant>>,
    over: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// A request that is answered until this is dropped, which is kept with the answer's body.
pub struct Asked(Rc<Course>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.answering.set(false);
        self.0.wake();
    }
}

impl Course {
    /// A request begins; `has_body`: more of it comes.
    pub fn begin(self: &Rc<Self>, has_body: bool) -> Asked {
        self.answering.set(true);
        self.whole.set(!has_body);
        self.head.set(None);
        Asked(self.clone())
    }

    /// The body of the request that is answered has come.
    pub fn whole(&self) {
        self.whole.set(true);
    }

    fn wake(&self) {
        let waker = self.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn wait(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    fn is_over(&self) -> io::Result<()> {
        match self.over.get() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(()),
        }
    }

    /// Ends it if nothing has gone on for too long.
    fn judge(&self, now: Instant) {
        let since = [self.head.get(), self.stuck.get()].into_iter().flatten().min();
        if since.is_some_and(|since| now.saturating_duration_since(since) > PATIENCE) {
            self.over.set(true);
            self.wake();
        }
    }

    /// Notes whether the client takes what is written.
    fn taken<R>(&self, cx: &Context<'_>, outcome: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        match &outcome {
            Poll::Ready(_) => self.stuck.set(None),
            Poll::Pending => {
                if self.stuck.get().is_none() {
                    self.stuck.set(Some(Instant::now()));
                }
                self.wait(cx);
            }
        }
        outcome
    }
}

impl<T> Paced<T> {
    /// To be called on the thread that serves it.
    pub fn new(io: T) -> Self {
        let course = Rc::<Course>::default();
        KNOWN.with_borrow_mut(|known| known.push(Rc::downgrade(&course)));
        if !LOOKING.replace(true) {
            actix_web::rt::spawn(look_round());
        }
        Paced { io, course }
    }

    pub fn get_ref(&self) -> &T {
        &self.io
    }

    pub fn into_inner(self) -> T {
        self.io
    }

    pub fn course(&self) -> Rc<Course> {
        self.course.clone()
    }
}

/// Judges the connections of this thread until there are none.
async fn look_round() {
    loop {
        sleep(ROUND).await;
        let now = Instant::now();
        let left = KNOWN.with_borrow_mut(|known| {
            known.retain(|course| course.strong_count() > 0);
            known.clone()
        });
        if left.is_empty() {
            break;
        }
        left.iter().filter_map(Weak::upgrade).for_each(|course| course.judge(now));
    }
    KNOWN.take();
    LOOKING.set(false);
}

impl<T: AsyncRead + Unpin> AsyncRead for Paced<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Paced { io, course } = &mut *self;
        course.is_over()?;
        if course.answering.get() && course.whole.get() {
            course.read.set(0);
            course.wait(cx);
            return Poll::Pending;
        }
        let read = course.read.get();
        if read >= PIECE {
            course.read.set(0);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let (before, room) = (buffer.filled().len(), PIECE - read);
        let outcome = if buffer.remaining() <= room {
            Pin::new(io).poll_read(cx, buffer)
        } else {
            READ.with_borrow_mut(|bytes| {
                let mut piece = ReadBuf::new(&mut bytes[..room]);
                let outcome = Pin::new(io).poll_read(cx, &mut piece);
                buffer.put_slice(piece.filled());
                outcome
            })
        };
        let Poll::Ready(outcome) = outcome else {
            course.read.set(0);
            course.wait(cx);
            return Poll::Pending;
        };
        let count = buffer.filled().len() - before;
        course.read.set(read + count);
        if count > 0 && !course.answering.get() && course.head.get().is_none() {
            course.head.set(Some(Instant::now()));
        }
        Poll::Ready(outcome)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Paced<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.course.is_over()?;
        let outcome = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.course.taken(cx, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.course.is_over()?;
        let outcome = Pin::new(&mut self.io).poll_flush(cx);
        self.course.taken(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.course.is_over()?;
        let outcome = Pin::new(&mut self.io).poll_shutdown(cx);
        self.course.taken(cx, outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Wake;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[derive(Default)]
    struct Woken(std::sync::atomic::AtomicUsize);

    impl Wake for Woken {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// What one turn reads: until it has to wait.
    fn turn(paced: &mut Paced<impl AsyncRead + Unpin>, woken: &std::sync::Arc<Woken>) -> io::Result<usize> {
        let (waker, mut all) = (Waker::from(woken.clone()), 0);
        loop {
            let mut bytes = [0; 1000];
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *paced).poll_read(&mut Context::from_waker(&waker), &mut buffer) {
                Poll::Ready(outcome) => outcome.map(|()| all += buffer.filled().len())?,
                Poll::Pending => return Ok(all),
            }
        }
    }

    #[actix_web::test]
    async fn it_is_read_in_pieces_and_not_while_a_whole_request_is_answered() {
        let (ours, mut client) = duplex(100_000);
        let (mut paced, woken) = (Paced::new(ours), Default::default());
        client.write_all(&[b'x'; 20_000]).await.unwrap();
        assert_eq!(turn(&mut paced, &woken).unwrap(), PIECE);
        assert_eq!(woken.0.load(std::sync::atomic::Ordering::Relaxed), 1, "it goes on after the decoding");
        let asked = paced.course().begin(true);
        assert_eq!(turn(&mut paced, &woken).unwrap(), PIECE, "its body");
        paced.course().whole();
        assert_eq!(turn(&mut paced, &woken).unwrap(), 0);
        let before = woken.0.load(std::sync::atomic::Ordering::Relaxed);
        drop(asked);
        assert_eq!(woken.0.load(std::sync::atomic::Ordering::Relaxed), before + 1);
        assert_eq!(turn(&mut paced, &woken).unwrap(), PIECE);
        let asked = paced.course().begin(false);
        assert_eq!(turn(&mut paced, &woken).unwrap(), 0, "there is no body");
        drop(asked);
        let mut rest = vec![0; 20_000 - 3 * PIECE];
        paced.read_exact(&mut rest).await.unwrap();
    }

    #[actix_web::test]
    async fn a_head_that_does_not_come_ends_it_and_so_does_an_answer_that_nobody_takes() {
        let (ours, mut client) = duplex(100);
        let (mut paced, woken) = (Paced::new(ours), Default::default());
        let later = |course: &Course, seconds: u64| {
            course.judge(Instant::now() + Duration::from_secs(seconds));
            course.over.get()
        };
        assert!(!later(&paced.course(), 3600), "the framework knows when it has been idle for too long");
        client.write_all(b"GET /").await.unwrap();
        turn(&mut paced, &woken).unwrap();
        assert!(!later(&paced.course(), 59));
        let asked = paced.course().begin(false);
        assert!(!later(&paced.course(), 3600), "it came");
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(matches!(Pin::new(&mut paced).poll_write(&mut cx, &[b'x'; 200]), Poll::Ready(Ok(100))));
        assert!(!later(&paced.course(), 3600), "it was taken");
        assert!(Pin::new(&mut paced).poll_write(&mut cx, &[b'x'; 100]).is_pending());
        assert!(!later(&paced.course(), 59));
        client.read_exact(&mut [0; 100]).await.unwrap();
        assert!(Pin::new(&mut paced).poll_write(&mut cx, &[b'x'; 100]).is_ready());
        assert!(!later(&paced.course(), 3600), "a slow client takes something");
        drop(asked);
        client.write_all(b"GET").await.unwrap();
        turn(&mut paced, &woken).unwrap();
        assert!(later(&paced.course(), 61), "a later head");
        assert_eq!(turn(&mut paced, &woken).unwrap_err().kind(), io::ErrorKind::TimedOut);
        let (ours, _client) = duplex(100);
        let mut paced = Paced::new(ours);
        assert!(Pin::new(&mut paced).poll_write(&mut cx, &[b'x'; 100]).is_ready());
        assert!(Pin::new(&mut paced).poll_write(&mut cx, &[b'x'; 100]).is_pending());
        assert!(later(&paced.course(), 61));
        assert!(matches!(Pin::new(&mut paced).poll_write(&mut cx, b"x"), Poll::Ready(Err(_))));
    }
}
