//! What happens to a message reaches the session that sent it only after the answer to its POST: clients drop what
//! they are told of an id they do not know.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::harness::{DEADLINE, Harness, Sock, User, id_of};

/// Sent to so many at once, with the answer for each, it is more than the buffers between the server and a client that
/// does not read.
const LARGE: usize = 60_000;
const RECEIVERS: usize = 100;

/// Posts a message and leaves the answer where it is.
async fn post_unread(user: &User, message: &Value) -> TcpStream {
    let address = user.base().strip_prefix("http://").unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
    let (token, device, body) = (&user.token, &user.device, message.to_string());
    let head = format!(
        "POST /v3/messages HTTP/1.1\r\nHost: {address}\r\nauthToken: {token}\r\nresource: {device}\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.unwrap();
    stream
}

/// A message whose answer its sender does not read, as the receiver got it.
async fn unread(ann: &User, at_bob: &mut Sock) -> (TcpStream, i64) {
    let mut uids = vec!["bob".to_owned()];
    for at in 1..RECEIVERS {
        uids.push(ann.app.user(&format!("u{at}")).await.uid);
    }
    let data = json!({"customData": {"x": "x".repeat(LARGE)}});
    let message = json!({"multipleReceivers": {"uids": uids}, "category": "custom", "type": "large", "data": data});
    let answer = post_unread(ann, &message).await;
    let got = at_bob.expect(|frame| frame["body"]["type"] == "large").await;
    (answer, id_of(&got["body"]))
}

fn is_receipt(frame: &Value) -> bool {
    frame["type"] == "receipts"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_to_a_message_comes_after_its_answer_and_in_order() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
    let mut at_other = bob.again().await.connect().await;
    let (mut answer, id) = unread(&ann, &mut at_bob).await;

    at_bob.receipt("delivered", "user", "ann", id).await;
    at_bob.before_pong().await;
    bob.post(&format!("/messages/{id}/reactions/%F0%9F%91%8D"), json!({})).await.ok();
    bob.send("ann", "behind").await;
    bob.send("ann", "last").await;
    // What came before this has been offered to every socket.
    at_other.expect_text("last").await;
    assert_eq!(kinds(&at_ann.before_pong().await), [""; 0], "the session that sent it has no answer yet");

    let mut read = Vec::new();
    timeout(DEADLINE, answer.read_to_end(&mut read)).await.unwrap().unwrap();
    assert!(read.len() > LARGE * RECEIVERS && read.starts_with(b"HTTP/1.1 200"));
    assert_eq!(kinds(&at_ann.before_text("behind").await), ["receipts", "reaction"]);
}

fn kinds(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().unwrap_or_default()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_without_its_answer_hears_all_the_same() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
    let (answer, id) = unread(&ann, &mut at_bob).await;
    drop(answer);
    at_bob.receipt("read", "user", "ann", id).await;
    let receipt = at_ann.expect(is_receipt).await;
    assert_eq!(receipt["body"]["messageId"], id.to_string());
}
