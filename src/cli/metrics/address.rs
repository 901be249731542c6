//! Where to listen: what was typed, and why it cannot be.

use crate::cli::failure::Failure;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Listens at an address; at one that other machines can reach only if that was said.
pub(super) fn bind(text: &str, is_public: bool) -> Result<TcpListener, Failure> {
    let at = parse(text)?;
    if !is_public && !at.ip().to_canonical().is_loopback() {
        let what = format!("--metrics-listen {text}: other machines could reach this address");
        let hint =
            "name 127.0.0.1, or say --metrics-public, too: whoever reaches it reads the figures";
        return Err(Failure::hinted(what, hint));
    }
    TcpListener::bind(at).map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => {
                "something listens there already, perhaps another amflab; name another port, or 0 for \
                 any that is free"
            }
            ErrorKind::PermissionDenied => "ports below 1024 are kept for the system; 9464 is a usual one",
            ErrorKind::AddrNotAvailable => "this machine has no such address; 127.0.0.1 it always has",
            _ => "name an address of this machine, as 127.0.0.1:9464",
        };
        Failure::hinted(format!("--metrics-listen {at}: {error}"), hint)
    })
}

/// An address and a port; `localhost` is the only name, so that nothing has to be looked up.
fn parse(text: &str) -> Result<SocketAddr, Failure> {
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    let known = local.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    known.or_else(|| text.parse().ok()).ok_or_else(|| {
        let text = format!("--metrics-listen {text}: not an address with a port");
        Failure::hinted(text, "write it as 127.0.0.1:9464, [::1]:9464 or localhost:9464")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        let parsed = |text| parse(text).map(|at| at.to_string()).ok();
        assert_eq!(parsed("localhost:80").as_deref(), Some("127.0.0.1:80"));
        assert_eq!(parsed("[::1]:0").as_deref(), Some("[::1]:0"));
        for wrong in [
            "",
            "9464",
            ":9464",
            "127.0.0.1",
            "localhost",
            "localhost:x",
            "host:1",
            "127.0.0.1:65536",
        ] {
            let failure = parse(wrong).expect_err(wrong);
            assert_eq!(failure.code, 2);
            assert!(failure.text.contains("hint: "), "{}", failure.text);
        }
    }

    #[test]
    fn what_others_reach_needs_a_word() {
        for text in ["0.0.0.0:0", "[::]:0", "192.0.2.1:9", "[::ffff:192.0.2.1]:9"] {
            let failure = bind(text, false).expect_err(text);
            assert!(failure.text.contains("--metrics-public"), "{}", failure.text);
        }
        assert!(bind("127.0.0.1:0", false).is_ok());
        assert!(bind("0.0.0.0:0", true).is_ok());
    }
}
