//! A server for the tests of a Rust program, in a thread of its process.

use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::{Chat, Options, Ready};

/// A server that runs in a thread. It stops, and nothing is left of it, when this is dropped.
pub struct Running {
    pub ready: Ready,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts one and waits until it is ready.
pub fn start(options: Options) -> Result<Running, String> {
    let (stop, stopped) = oneshot::channel();
    let (tell, ready) = std::sync::mpsc::channel();
    let serve = move || {
        actix_web::rt::System::new().block_on(async move {
            match Chat::start(&options).await {
                Ok(chat) => {
                    let _ = tell.send(Ok(chat.ready.clone()));
                    tokio::select! {
                        _ = stopped => {}
                        why = chat.failed() => log::error!("{why}"),
                    }
                    chat.stop().await;
                }
                Err(why) => _ = tell.send(Err(why)),
            }
        });
    };
    let thread = std::thread::Builder::new().name("hobnob-test".to_owned()).spawn(serve);
    let thread = thread.map_err(|e| format!("cannot start a thread: {e}"))?;
    let ready = ready.recv().map_err(|_| "the server ended before it was ready".to_owned())??;
    Ok(Running { ready, stop: Some(stop), thread: Some(thread) })
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_in_this_process_and_nothing_is_left_of_it() {
        let one = start(Options::default()).unwrap();
        let other = start(Options::default()).unwrap();
        assert_ne!(one.ready.url, other.ready.url);
        let address = one.ready.url.trim_start_matches("http://").to_owned();
        assert!(std::net::TcpStream::connect(&address).is_ok());
        drop(one);
        assert!(std::net::TcpStream::connect(&address).is_err());
        let wrong = Options { flags: vec!["--http=0.0.0.0:0".to_owned()], ..Options::default() };
        assert!(start(wrong).err().unwrap().contains("loopback"));
    }
}
