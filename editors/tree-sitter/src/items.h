// Written from the compiler's table of words by tests/words.rs.

static const char *const ITEMS[] = {
  "use",
  "setting",
  "weight",
  "entity",
  "events",
  "features",
  "split",
  "fn",
  "tower",
  "teacher",
  "loss",
  "selector",
  "column",
  "graph",
  "train",
  "loop",
  "evaluate",
  "export",
  "test",
};
