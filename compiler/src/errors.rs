//! The pages of the error codes, kept in `compiler/errors/`: what each code means, a spec that raises it, one that does
//! not.

macro_rules! pages {
    ($($code:literal)*) => {
        &[$(($code, include_str!(concat!("../errors/", $code, ".md")))),*]
    };
}

/// Every code with its page in Markdown, in the order of the codes.
pub const PAGES: &[(&str, &str)] = pages! {
    "E0101"
    "E0102"
    "E0103"
    "E0104"
    "E0105"
    "E0106"
    "E0107"
    "E0108"
    "E0109"
    "E0110"
    "E0111"
    "E0112"
    "E0113"
    "E0114"
    "E0115"
    "E0116"
    "E0117"
    "E0118"
};

/// The page of a code such as `E0302`.
pub fn page(code: &str) -> Option<&'static str> {
    PAGES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, page)| *page)
}
