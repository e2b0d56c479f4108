//! Compiles the parser as editors do: `parser.c` and `scanner.c`, with the headers beside them.

fn main() {
    println!("cargo::rerun-if-changed=src");
    cc::Build::new()
        .include("src")
        .files(["src/parser.c", "src/scanner.c"])
        .std("c11")
        .warnings(false)
        .compile("reckon-tree-sitter");
}
