// What the ends of lines mean, for the grammar of editors. It says in the small what the compiler's layout says of all cases:
// a line ends an entry, unless the next one goes on (`|>`, `+`, `and`, `or`, `then`, `else`, `where`), and a bracket that is left
// open is closed by the next item. Where the grammar expects an operand or a closing bracket, it does not ask.

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "items.h"
#include "tree_sitter/alloc.h"
#include "tree_sitter/parser.h"

enum Token { NEWLINE, BORDER, LOST };

enum { LONGEST_WORD = 15 };

/// What one call of the scanner leaves for the next.
typedef struct {
  /// The end of a line was read as a border: it closes what else is open, and then ends the item.
  bool at_border;
} Scanner;

void *tree_sitter_reckon_external_scanner_create(void) { return ts_calloc(1, sizeof(Scanner)); }

void tree_sitter_reckon_external_scanner_destroy(void *state) { ts_free(state); }

unsigned tree_sitter_reckon_external_scanner_serialize(void *state, char *buffer) {
  buffer[0] = (char)((Scanner *)state)->at_border;
  return 1;
}

void tree_sitter_reckon_external_scanner_deserialize(void *state, const char *buffer, unsigned length) {
  ((Scanner *)state)->at_border = length > 0 && buffer[0] != 0;
}

static bool is_blank(int32_t c) { return c == ' ' || c == '\t' || c == '\r' || c == 0xFEFF; }

static bool begins_word(int32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

static bool in_word(int32_t c) { return begins_word(c) || (c >= '0' && c <= '9'); }

static void advance(TSLexer *lexer) { lexer->advance(lexer, false); }

static void pass_blanks(TSLexer *lexer) {
  while (is_blank(lexer->lookahead)) advance(lexer);
}

/// Passes ends of lines, blanks and comments. Returns false where a `/` turns out to be none of them.
static bool pass_empty_lines(TSLexer *lexer) {
  for (;;) {
    pass_blanks(lexer);
    if (lexer->lookahead == '\n') {
      advance(lexer);
    } else if (lexer->lookahead == '/') {
      advance(lexer);
      if (lexer->lookahead != '/') return false;
      while (lexer->lookahead != '\n' && !lexer->eof(lexer)) advance(lexer);
    } else {
      return true;
    }
  }
}

/// Reads a word; one that is longer than all that matter is cut.
static void read_word(TSLexer *lexer, char *word) {
  size_t length = 0;
  while (in_word(lexer->lookahead)) {
    if (length < LONGEST_WORD) word[length++] = (char)lexer->lookahead;
    advance(lexer);
  }
  word[length] = '\0';
}

static bool is_item(const char *word) {
  for (size_t at = 0; at < sizeof ITEMS / sizeof *ITEMS; at++) {
    if (strcmp(word, ITEMS[at]) == 0) return true;
  }
  return false;
}

/// Whether what stands at the beginning of a line goes on with the line before.
static bool goes_on(TSLexer *lexer, const char *word) {
  static const char *const WORDS[] = {"and", "or", "then", "else"};
  for (size_t at = 0; at < sizeof WORDS / sizeof *WORDS; at++) {
    if (strcmp(word, WORDS[at]) == 0) return true;
  }
  if (strcmp(word, "where") != 0) return false;
  // a condition goes on, a call `where(c, a, b)` is a line of its own
  pass_blanks(lexer);
  return lexer->lookahead != '(';
}

/// Whether a word at the beginning of a line is the head of an item. `train 80%` and `test 10%` are parts of a split.
static bool is_head(TSLexer *lexer, const char *word) {
  if (!is_item(word) || !is_blank(lexer->lookahead)) return false;
  pass_blanks(lexer);
  if (strcmp(word, "train") == 0) {
    if (lexer->lookahead == '{') return true;
    if (!begins_word(lexer->lookahead)) return false;
    while (in_word(lexer->lookahead)) advance(lexer);
    pass_blanks(lexer);
    return lexer->lookahead == '{';
  }
  if (strcmp(word, "test") == 0) return lexer->lookahead == '"';
  return begins_word(lexer->lookahead) || lexer->lookahead == '"';
}

/// Whether the end of a line ends an entry, by what the next line with code begins with.
static bool ends_entry(TSLexer *lexer, const char *word) {
  if (word[0] != '\0') return !goes_on(lexer, word);
  if (lexer->lookahead == '+') return false;
  if (lexer->lookahead != '|') return true;
  advance(lexer);
  return lexer->lookahead != '>';
}

static bool found(TSLexer *lexer, enum Token token) {
  lexer->result_symbol = token;
  return true;
}

bool tree_sitter_reckon_external_scanner_scan(void *state, TSLexer *lexer, const bool *valid) {
  Scanner *scanner = state;
  bool border = valid[BORDER] && !valid[LOST];
  lexer->mark_end(lexer);
  if (scanner->at_border) {
    if (border) return found(lexer, BORDER);
    scanner->at_border = false;
    if (valid[NEWLINE]) return found(lexer, NEWLINE);
  }
  if (!valid[NEWLINE] && !border) return false;

  while (is_blank(lexer->lookahead)) lexer->advance(lexer, true);
  if (lexer->eof(lexer)) return border && found(lexer, BORDER);
  if (lexer->lookahead != '\n') return false;
  advance(lexer);
  lexer->mark_end(lexer);

  if (!pass_empty_lines(lexer)) return valid[NEWLINE] && found(lexer, NEWLINE);
  bool first = lexer->get_column(lexer) == 0;
  char word[LONGEST_WORD + 1] = "";
  if (begins_word(lexer->lookahead)) read_word(lexer, word);
  if (border && first && is_head(lexer, word)) {
    scanner->at_border = true;
    return found(lexer, BORDER);
  }
  return valid[NEWLINE] && ends_entry(lexer, word) && found(lexer, NEWLINE);
}
