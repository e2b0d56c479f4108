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
    "E1001"
    "E1002"
    "E1003"
    "E1004"
    "E1005"
    "E1006"
    "E1007"
    "E1008"
    "E1009"
    "E1010"
    "E1011"
    "E1012"
    "E1013"
    "E1014"
    "E1015"
    "E1016"
    "E1017"
    "E1018"
    "E1020"
    "E1021"
    "E1022"
    "E1023"
    "E1024"
    "E1025"
    "E1030"
    "E1031"
    "E1032"
    "E1040"
};

/// The page of a code such as `E0302`.
pub fn page(code: &str) -> Option<&'static str> {
    PAGES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, page)| *page)
}
