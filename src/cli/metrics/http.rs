//! The little of HTTP/1.1 that a scrape needs: the head of a request in, what to answer out. No socket.

use crate::report::prometheus::CONTENT_TYPE;
use core::fmt::Write;

/// Bytes that a request's head may have.
pub(super) const HEAD_MAX: usize = 8 * 1_024;
/// The only page.
const PATH: &str = "/metrics";

/// What to answer, apart from the figures themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    BadRequest,
    NotFound,
    NotAllowed,
    Late,
    TooLarge,
    Unavailable,
}

impl Status {
    const fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::NotAllowed => "405 Method Not Allowed",
            Self::Late => "408 Request Timeout",
            Self::TooLarge => "431 Request Header Fields Too Large",
            Self::Unavailable => "503 Service Unavailable",
        }
    }

    /// What people are told who look with a browser.
    const fn words(self) -> &'static str {
        match self {
            Self::Ok => "",
            Self::BadRequest => "this is no request of HTTP/1.1\n",
            Self::NotFound => "there is only /metrics\n",
            Self::NotAllowed => "/metrics can only be read, with GET\n",
            Self::Late => "the request took too long\n",
            Self::TooLarge => "the head of the request is too long\n",
            Self::Unavailable => "not now: too many ask at once, or the run is only beginning\n",
        }
    }
}

/// True once a head is whole.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines.any(|line| line == b"\r\n" || line == b"\n")
}

/// Judges a whole head.
pub(super) fn judge(head: &[u8]) -> Status {
    let Ok(text) = core::str::from_utf8(head) else { return Status::BadRequest };
    let mut lines = text.lines();
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, "HTTP/1.1" | "HTTP/1.0"] = words[..] else { return Status::BadRequest };
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let fields = lines.take_while(|line| !line.is_empty());
    let is_field =
        |line: &str| line.find([':', ' ']).is_some_and(|at| at > 0 && line[at..].starts_with(':'));
    if !is_method || !target.starts_with('/') || !{ fields }.all(is_field) {
        return Status::BadRequest;
    }
    match (target.split('?').next(), method) {
        (Some(PATH), "GET") => Status::Ok,
        (Some(PATH), _) => Status::NotAllowed,
        _ => Status::NotFound,
    }
}

/// A whole answer; the connection ends with it. `body`: of `Ok`.
pub(super) fn answer(status: Status, body: &str) -> String {
    let is_ok = status == Status::Ok;
    let kind = if is_ok { CONTENT_TYPE } else { "text/plain; charset=utf-8" };
    let body = if is_ok { body } else { status.words() };
    let (line, bytes) = (status.line(), body.len());
    let mut text =
        format!("HTTP/1.1 {line}\r\nContent-Type: {kind}\r\nContent-Length: {bytes}\r\n");
    if status == Status::NotAllowed {
        text.push_str("Allow: GET\r\n");
    }
    let _ = write!(text, "Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_get_of_metrics_is_answered_with_figures() {
        let of = |line: &str| judge(format!("{line}\r\nHost: x\r\n\r\n").as_bytes());
        assert_eq!(of("GET /metrics HTTP/1.1"), Status::Ok);
        assert_eq!(of("GET /metrics?name[]=up HTTP/1.0"), Status::Ok);
        for line in [
            "GET / HTTP/1.1",
            "GET /metrics/ HTTP/1.1",
            "GET /metricsx HTTP/1.1",
            "POST /x HTTP/1.1",
        ] {
            assert_eq!(of(line), Status::NotFound, "{line}");
        }
        for line in ["POST /metrics HTTP/1.1", "HEAD /metrics HTTP/1.1", "DELETE /metrics HTTP/1.1"]
        {
            assert_eq!(of(line), Status::NotAllowed, "{line}");
        }
        let wrong = [
            "",
            "GET",
            "GET /metrics",
            "GET /metrics HTTP/2.0",
            "GET  /metrics HTTP/1.1",
            "get /metrics HTTP/1.1",
            "GET metrics HTTP/1.1",
            "GET /metrics HTTP/1.1 x",
            " /metrics HTTP/1.1",
        ];
        for line in wrong {
            assert_eq!(of(line), Status::BadRequest, "{line:?}");
        }
        for head in [
            &b"GET /metrics HTTP/1.1\r\nno field\r\n\r\n"[..],
            b"GET /\xff HTTP/1.1\r\n\r\n",
            b"\r\n",
        ] {
            assert_eq!(judge(head), Status::BadRequest, "{head:?}");
        }
    }

    #[test]
    fn a_head_ends_with_an_empty_line() {
        for whole in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"GET / HTTP/1.1\n\nrest", b"\r\n"] {
            assert!(is_whole(whole), "{whole:?}");
        }
        for part in [&b""[..], b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r"] {
            assert!(!is_whole(part), "{part:?}");
        }
    }

    #[test]
    fn an_answer_says_how_long_it_is() {
        let text = answer(Status::NotAllowed, "never shown");
        assert!(text.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{text}");
        assert!(text.contains("\r\nAllow: GET\r\n"), "{text}");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{text}");
        assert!(answer(Status::Ok, "x 1\n").ends_with("\r\n\r\nx 1\n"));
    }
}
