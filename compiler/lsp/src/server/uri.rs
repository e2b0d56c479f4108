//! Names of documents: `file:` addresses to paths and back. Other addresses, such as those of documents that were never
//! saved, stand for themselves.

const FILE: &str = "file://";

/// The path of a document.
pub(super) fn path(uri: &str) -> String {
    match uri.strip_prefix(FILE) {
        Some(rest) if rest.starts_with('/') => decode(rest),
        Some(rest) => decode(rest.find('/').map_or(rest, |at| &rest[at..])),
        None => uri.to_owned(),
    }
}

/// The address of a path.
pub(super) fn uri(path: &str) -> String {
    if path.starts_with('/') {
        format!("{FILE}{}", encode(path))
    } else {
        path.to_owned()
    }
}

/// `%20` to a blank, and so on; what is not an escape stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = text.get(at + 1..at + 3).filter(|_| byte == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(escaped) => {
                decoded.push(escaped);
                at += 3;
            }
            None => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{path, uri};

    #[test]
    fn a_path_comes_back_from_its_address() {
        let there = "/home/ä b/100%/main.rec";
        assert_eq!(uri(there), "file:///home/%C3%A4%20b/100%25/main.rec");
        assert_eq!(path(&uri(there)), there);
    }

    #[test]
    fn what_is_not_an_escape_stays() {
        assert_eq!(path("file:///a%zz%4"), "/a%zz%4");
    }

    #[test]
    fn documents_that_were_never_saved_keep_their_name() {
        assert_eq!(path("untitled:Untitled-1"), "untitled:Untitled-1");
        assert_eq!(uri("untitled:Untitled-1"), "untitled:Untitled-1");
    }
}
