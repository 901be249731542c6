//! Answers scrapes, in threads of its own. Everything is bounded: connections at once, bytes and time of
//! a request, time of an answer.

use super::board::Board;
use super::http::{self, HEAD_MAX, Status};
use crate::report::prometheus;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant as Wall};

/// Connections at once; who comes on top of them is sent away.
const CONNECTIONS_MAX: usize = 8;
/// A request has to be there after this.
const REQUEST_TIME: Duration = Duration::from_secs(2);
/// An answer has to be taken by then.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// What comes behind a request is read away for so long: else the answer may be lost with it.
const REST_TIME: Duration = Duration::from_millis(200);
/// Before the next try after a connection could not be taken (no file descriptor is left, say).
const AGAIN: Duration = Duration::from_millis(100);

/// Listens, until the program ends.
pub(super) fn start(listener: TcpListener, board: &Arc<Board>) -> io::Result<()> {
    // Each connection holds one: who counts the holders counts connections.
    let slots = Arc::new(());
    let board = Arc::clone(board);
    let listen = move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else {
                thread::sleep(AGAIN);
                continue;
            };
            if Arc::strong_count(&slots) > CONNECTIONS_MAX {
                let _ = send_away(stream);
                continue;
            }
            let (slot, board) = (Arc::clone(&slots), Arc::clone(&board));
            let serve = move || {
                // A client that goes away is nobody's error.
                let _ = serve(stream, &board);
                drop(slot);
            };
            let _ = thread::Builder::new().name("scrape".to_owned()).spawn(serve);
        }
    };
    thread::Builder::new().name("metrics".to_owned()).spawn(listen).map(drop)
}

/// Reads one request, and answers it.
fn serve(mut stream: TcpStream, board: &Board) -> io::Result<()> {
    let status = match read_head(&mut stream)? {
        Ok(head) => http::judge(&head),
        Err(status) => status,
    };
    let text = match status {
        Status::Ok => match board.take() {
            Some((sample, age)) => {
                let age_ns = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
                http::answer(Status::Ok, &prometheus::text(&sample, age_ns))
            }
            None => http::answer(Status::Unavailable, ""),
        },
        other => http::answer(other, ""),
    };
    write(&mut stream, &text, ANSWER_TIME)
}

/// Too many ask at once. Nobody waits for this one: that would be one more connection.
fn send_away(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let text = http::answer(Status::Unavailable, "");
    stream.write_all(text.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    // What it has asked by now is read away.
    let _ = stream.read(&mut [0; HEAD_MAX]);
    Ok(())
}

/// The head of a request, or what is wrong with it.
fn read_head(stream: &mut TcpStream) -> io::Result<Result<Vec<u8>, Status>> {
    let deadline = Wall::now() + REQUEST_TIME;
    let mut head = Vec::new();
    let mut piece = [0; 1_024];
    loop {
        let left = deadline.saturating_duration_since(Wall::now());
        if left.is_zero() {
            return Ok(Err(Status::Late));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece) {
            Ok(0) => return Ok(Err(Status::BadRequest)),
            Ok(bytes) => head.extend_from_slice(&piece[..bytes]),
            Err(error) if is_timeout(&error) => return Ok(Err(Status::Late)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if http::is_whole(&head) {
            return Ok(Ok(head));
        }
        if head.len() > HEAD_MAX {
            return Ok(Err(Status::TooLarge));
        }
    }
}

/// Writes an answer, and ends the connection.
fn write(stream: &mut TcpStream, text: &str, time: Duration) -> io::Result<()> {
    let deadline = Wall::now() + time;
    let mut bytes = text.as_bytes();
    while !bytes.is_empty() {
        let left = deadline.saturating_duration_since(Wall::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_write_timeout(Some(left))?;
        match stream.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    stream.shutdown(Shutdown::Write)?;
    read_rest(stream)
}

/// Reads until the other side ends, within limits.
fn read_rest(stream: &mut TcpStream) -> io::Result<()> {
    let deadline = Wall::now() + REST_TIME;
    let mut piece = [0; 4_096];
    loop {
        let left = deadline.saturating_duration_since(Wall::now());
        if left.is_zero() {
            return Ok(());
        }
        stream.set_read_timeout(Some(left))?;
        if stream.read(&mut piece)? == 0 {
            return Ok(());
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
