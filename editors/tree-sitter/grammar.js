// The grammar of `.rec` files for editors that colour, fold and outline by tree-sitter: Zed, Neovim, Helix.
//
// It is much looser than the compiler's, which says what is wrong; here a text only has to fall into pieces that can be told
// apart. So the words of an entry or of the head of an item (`over`, `cross_fit`, `stop early on`) are names that stand side by
// side in an `expression`, and the queries know which of them are words of the language. Precedence is left out: an `expression`
// is a flat run of operands, operators and pipes.
//
// `keywords.json` and the lists in `queries/` are written from the compiler's table of words (`grammar/src/keywords.rs`).

const words = require("./keywords.json");

/** Words of items that have a form of their own; all others of the table share one. */
const OWN_FORM = ["use", "export", "test", "train", "loop"];

/** Reserved words that stand before an operand; the others stand between two, but `let`, `match` and `for`. */
const PREFIXES = ["not", "if"];

/** `rule`s and what stands between them, in any order: that there is just one comma is for the compiler to see. */
const among = (rule, ...marks) => repeat(choice(rule, ...marks));

/** Items; two on one line have a `;` between them, as the word of an item is a name like any other where none can begin. */
const items = ($) => seq(repeat(seq(optional($.declaration), choice($._newline, ";"))), optional($.declaration));

module.exports = grammar({
  name: "reckon",

  word: ($) => $.identifier,

  extras: ($) => [/[\s\uFEFF]/, $.doc_comment, $.comment],

  // `_newline` ends an entry or an item. `_border` stands for a bracket that is not closed before the next item. `_lost` is in no rule: the parser asks for it only while it looks for a way out of an error.
  externals: ($) => [$._newline, $._border, $._lost],

  rules: {
    source_file: ($) => items($),

    // ---- items

    declaration: ($) =>
      choice(
        seq(choice("use", "export"), among($._phrase, ",")),
        seq("test", field("name", $.string), field("body", $.block)),
        seq("train", optional(field("name", $.identifier)), field("body", $.block)),
        seq("loop", field("name", $.identifier), repeat(field("head", $._phrase)), field("body", $.loop_body)),
        seq(
          choice(...words.items.filter((word) => !OWN_FORM.includes(word))),
          field("name", $.identifier),
          optional($.parameters),
          repeat($._part),
        ),
      ),
    _part: ($) => choice($._typed, $._result, $.trained, field("head", $._phrase), ",", $._is, $.block),
    _typed: ($) => seq(":", field("type", $._type)),
    _result: ($) => seq("->", field("result", $._type)),
    _is: ($) => seq("=", field("value", $._value)),
    trained: ($) => prec.right(seq("for", $.identifier, repeat(seq(",", $.identifier)))),

    parameters: ($) => seq(token.immediate("("), among($.parameter, ","), $._close_parenthesis),
    parameter: ($) =>
      prec.right(
        seq(optional(alias($.identifier, $.modifier)), field("name", $.identifier), repeat(choice($._typed, $._is))),
      ),

    // ---- entries

    block: ($) => seq("{", among($._entry, ",", ";", $._newline), $._close_brace),
    loop_body: ($) => seq("{", items($), "}"),

    _entry: ($) => choice($.let, $.column, $.reference, $.assignment, $._value),
    let: ($) => seq("let", field("name", $.identifier), $._is),
    column: ($) => prec.right(seq($._declared, $._typed, repeat(choice($._phrase, $._is)))),
    reference: ($) => seq($._declared, "->", field("to", $.identifier)),
    assignment: ($) => seq($._declared, $._is),
    // Its last word is the name: `label click`, `known of user device`.
    _declared: ($) => prec(-1, choice($._operand, alias($.expression, $.declared))),

    // ---- types

    _type: ($) => choice($.type, $.record_type, $.words),
    type: ($) => seq(field("name", $.identifier), repeat(choice($.type_arguments, $.arguments, $.dimensions, "?"))),
    type_arguments: ($) => seq("<", among($._type, ","), choice(">", $._border)),
    dimensions: ($) => seq(token.immediate("["), among($._value, ",", "..", "~"), choice("]", $._border)),
    words: ($) => seq($.identifier, repeat1(seq("|", $.identifier))),
    record_type: ($) => seq("{", among($.type_field, ",", ";", $._newline), $._close_brace, optional("?")),
    type_field: ($) => seq(field("name", $.identifier), $._typed),

    // ---- expressions

    // A phrase never begins with a `{`, so that a body may follow it.
    _value: ($) => choice($._phrase, $.record),
    _phrase: ($) => prec(-1, choice($._operand, $.expression)),
    expression: ($) => prec.right(seq($._operand, repeat1($._more))),

    // Words of entries and heads stand beside each other, with nothing that binds them.
    _more: ($) => choice(seq(choice($.operator, $.keyword, $.carry), choice($._operand, $.record)), $.pipe, $.beside),
    beside: ($) => $._operand,
    operator: ($) => prec(1, choice($._sign, "-", "..")),
    // One token stands for all that mean the same to an editor: each more is an entry in hundreds of states.
    _sign: () => token(choice("==", "!=", "<=", ">=", "~=", "<", ">", "+", "*", "/", "^", "@", "=>")),
    pipe: ($) => seq("|>", $._operand),
    keyword: () => token(choice(...words.reserved.filter((word) => !["let", "match", "for", ...PREFIXES].includes(word)))),
    carry: ($) => seq("with", field("name", $.identifier), "="),

    _operand: ($) => choice($._primary, $.prefixed),
    prefixed: ($) => seq(choice(alias($._prefix, $.keyword), "-", $._each), $._operand),
    _prefix: () => token(choice(...PREFIXES)),
    _each: ($) => seq("for", field("name", $.identifier), $.keyword),

    _primary: ($) => choice($._chain, $.number, $.string, $.list, $.match_expression),
    _chain: ($) => choice($.identifier, $.parenthesized, $.call, $.field),
    call: ($) => seq(field("function", choice($._chain, alias($.keyword, $.identifier))), field("arguments", $.arguments)),
    field: ($) => seq($._chain, ".", field("name", $.identifier)),

    arguments: ($) => seq(token.immediate("("), among($._argument, ","), $._close_parenthesis),
    parenthesized: ($) => seq("(", among($._argument, ","), $._close_parenthesis),
    _argument: ($) => choice($._value, $.named_argument),
    named_argument: ($) => seq(field("name", $.identifier), ":", field("value", $._value)),
    list: ($) => seq("[", among($._value, ","), choice("]", $._border)),
    record: ($) => seq("{", among($.record_field, ",", ";", $._newline), $._close_brace),
    record_field: ($) => seq(field("name", $.identifier), ":", field("value", $._value)),

    match_expression: ($) => seq("match", $._operand, "{", among($._value, ",", ";", $._newline), $._close_brace),

    _close_parenthesis: ($) => choice(")", $._border),
    _close_brace: ($) => choice("}", $._border),

    // ---- words

    identifier: () => /[A-Za-z_][A-Za-z0-9_]*/,
    // with its fraction, exponent, percent sign or unit; `1d 12h` is one
    number: () => /\d[\d_]*(\.\d[\d_]*)?(%|[eE][+-]?\d[\d_]*|(ms|[wdhms])( +\d[\d_]*(\.\d[\d_]*)?(ms|[wdhms]))*)?/,
    string: ($) =>
      seq('"', repeat(choice(token.immediate(prec(1, /[^"\\\r\n]+/)), $.escape)), token.immediate('"')),
    escape: () => token.immediate(prec(1, /\\[^\r\n]/)),
    doc_comment: () => token(prec(1, /\/\/\/[^\r\n]*/)),
    comment: () => token(/\/\/[^\r\n]*/),
  },
});
