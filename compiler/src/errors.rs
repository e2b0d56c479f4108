//! The pages of the error codes, kept in `compiler/errors/`: what each code means, a spec that raises it, one that does
//! not.

macro_rules! pages {
    ($($code:literal)*) => {
        &[$(($code, include_str!(concat!("../errors/", $code, ".md")))),*]
    };
}

/// Every code with its page in Markdown, in the order of the codes.
pub const PAGES: &[(&str, &str)] = pages! {};

/// The page of a code such as `E0302`.
pub fn page(code: &str) -> Option<&'static str> {
    PAGES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, page)| *page)
}
