//! The pages of the syntax codes: the first block raises exactly its code, the second is clean.

#![allow(clippy::disallowed_methods, reason = "tests read pages from disk")]

mod common;

use common::errors;

#[test]
fn every_page_of_a_syntax_code_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../compiler/errors");
    for code in 101..=118 {
        let code = format!("E{code:04}");
        let page = std::fs::read_to_string(format!("{folder}/{code}.md"))
            .expect("each syntax code has a page");
        assert!(
            page.starts_with(&format!("# {code}: ")),
            "{code} begins with its title"
        );
        let blocks: Vec<&str> = page
            .split("```rec\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next())
            .collect();
        let [bad, good] = blocks[..] else {
            panic!("{code} has two blocks")
        };
        let codes: Vec<String> = errors(bad)
            .iter()
            .map(|error| error[..5].to_owned())
            .collect();
        assert_eq!(
            codes,
            std::slice::from_ref(&code),
            "the first block of {code}: {:?}",
            errors(bad)
        );
        assert_eq!(
            errors(good),
            Vec::<String>::new(),
            "the second block of {code}"
        );
    }
}
