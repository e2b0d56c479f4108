; Colours of Reckon. For Zed, written by the tests of editors/tree-sitter.
; No text is caught twice, so that it does not matter whether the first or the last pattern wins.

(doc_comment) @comment.doc
(comment) @comment
(string) @string
(escape) @string.escape
(number) @number
((identifier) @boolean
  (#any-of? @boolean "true" "false"))

; ---- words

[
  "use" "setting" "weight" "entity" "events" "features" "split" "fn" "tower" "teacher" "loss" "selector" "column" "graph" "train" "loop" "evaluate" "export" "test"
] @keyword
["let" "match" "for" "with"] @keyword
(keyword) @keyword
(modifier) @keyword

; the head of an item: `loss l over rows`, `teacher t copy of u`
(declaration
  head: (expression . (identifier) @keyword (_))
  (#any-of? @keyword "absent" "after" "against" "all" "as" "assert" "at" "baselines" "batch" "before" "by" "checkpoint" "copy" "cross_fit" "day" "decay" "each" "early" "ema" "event" "except" "from" "group" "immature" "interval" "key" "known" "label" "last" "like" "minimize" "next" "null" "of" "on" "on_bad_row" "over" "patience" "per" "random" "rank" "ranking" "report" "retrieval" "score" "scores" "shares" "slice" "splits" "stop" "tables" "unique" "was" "with" "within"))

; a word beside what stands before it: `rating of user within 30d`; behind `by`, `after` and `of` stands a name, as in
; `split rating by at`, but in `by day`
(expression
  . (identifier) @_before . (beside (identifier) @keyword)
  (#not-any-of? @_before "by" "after" "of")
  (#any-of? @keyword "absent" "after" "against" "all" "as" "assert" "at" "baselines" "batch" "before" "by" "checkpoint" "copy" "cross_fit" "day" "decay" "each" "early" "ema" "event" "except" "from" "group" "immature" "interval" "key" "known" "label" "last" "like" "minimize" "next" "null" "of" "on" "on_bad_row" "over" "patience" "per" "random" "rank" "ranking" "report" "retrieval" "score" "scores" "shares" "slice" "splits" "stop" "tables" "unique" "was" "with" "within"))
(expression
  (beside (identifier) @_before) . (beside (identifier) @keyword)
  (#not-any-of? @_before "by" "after" "of")
  (#any-of? @keyword "absent" "after" "against" "all" "as" "assert" "at" "baselines" "batch" "before" "by" "checkpoint" "copy" "cross_fit" "day" "decay" "each" "early" "ema" "event" "except" "from" "group" "immature" "interval" "key" "known" "label" "last" "like" "minimize" "next" "null" "of" "on" "on_bad_row" "over" "patience" "per" "random" "rank" "ranking" "report" "retrieval" "score" "scores" "shares" "slice" "splits" "stop" "tables" "unique" "was" "with" "within"))
(expression
  . (identifier) @_before . (beside (identifier) @keyword)
  (#eq? @_before "by")
  (#eq? @keyword "day"))
(expression
  (beside (identifier) @_before) . (beside (identifier) @keyword)
  (#eq? @_before "by")
  (#eq? @keyword "day"))
(expression
  (beside [(parenthesized) (call) (field) (number) (string) (list) (match_expression) (prefixed)])
  . (beside (identifier) @keyword)
  (#any-of? @keyword "absent" "after" "against" "all" "as" "assert" "at" "baselines" "batch" "before" "by" "checkpoint" "copy" "cross_fit" "day" "decay" "each" "early" "ema" "event" "except" "from" "group" "immature" "interval" "key" "known" "label" "last" "like" "minimize" "next" "null" "of" "on" "on_bad_row" "over" "patience" "per" "random" "rank" "ranking" "report" "retrieval" "score" "scores" "shares" "slice" "splits" "stop" "tables" "unique" "was" "with" "within"))
(expression
  [(parenthesized) (call) (field) (number) (string) (list) (match_expression) (prefixed) (pipe) (record)]
  . (beside (identifier) @keyword)
  (#any-of? @keyword "absent" "after" "against" "all" "as" "assert" "at" "baselines" "batch" "before" "by" "checkpoint" "copy" "cross_fit" "day" "decay" "each" "early" "ema" "event" "except" "from" "group" "immature" "interval" "key" "known" "label" "last" "like" "minimize" "next" "null" "of" "on" "on_bad_row" "over" "patience" "per" "random" "rank" "ranking" "report" "retrieval" "score" "scores" "shares" "slice" "splits" "stop" "tables" "unique" "was" "with" "within"))
(expression
  [(operator) (keyword) (carry)] . (identifier) . (beside (identifier) @keyword)
  (#any-of? @keyword "absent" "after" "against" "all" "as" "assert" "at" "baselines" "batch" "before" "by" "checkpoint" "copy" "cross_fit" "day" "decay" "each" "early" "ema" "event" "except" "from" "group" "immature" "interval" "key" "known" "label" "last" "like" "minimize" "next" "null" "of" "on" "on_bad_row" "over" "patience" "per" "random" "rank" "ranking" "report" "retrieval" "score" "scores" "shares" "slice" "splits" "stop" "tables" "unique" "was" "with" "within"))
(expression
  (keyword) . (identifier) @keyword
  (#eq? @keyword "next"))

; the first word of an entry: `report auc`, `label click: bool`
(block
  (expression . (identifier) @keyword . (beside))
  (#any-of? @keyword "key" "label" "known" "unique" "group" "absent" "immature" "on_bad_row" "minimize" "batch" "epochs" "optimizer" "embeddings" "clip" "accumulate" "schedule" "stop" "rank" "score" "report" "slice" "interval" "baselines" "assert"))
(declared
  . (identifier) @keyword
  (#any-of? @keyword "key" "label" "known" "unique" "group" "absent" "immature" "on_bad_row"))
(declared
  (beside (identifier) @keyword) . (beside)
  (#any-of? @keyword "absent" "after" "against" "all" "as" "assert" "at" "baselines" "batch" "before" "by" "checkpoint" "copy" "cross_fit" "day" "decay" "each" "early" "ema" "event" "except" "from" "group" "immature" "interval" "key" "known" "label" "last" "like" "minimize" "next" "null" "of" "on" "on_bad_row" "over" "patience" "per" "random" "rank" "ranking" "report" "retrieval" "score" "scores" "shares" "slice" "splits" "stop" "tables" "unique" "was" "with" "within"))

; ---- names

(declaration
  ["fn" "tower" "teacher"]
  name: (identifier) @function)
(declaration
  ["entity" "events" "features" "selector" "split"]
  name: (identifier) @type)
(declaration
  ["setting" "weight"]
  name: (identifier) @constant)
(declaration
  ["loss" "column" "graph" "train" "loop" "evaluate"]
  name: (identifier) @label)

(call
  function: (identifier) @function)
(pipe
  (identifier) @function)

(parameter
  name: (identifier) @variable.parameter)
(named_argument
  name: (identifier) @variable.parameter)

(field
  name: (identifier) @property)
(record_field
  name: (identifier) @property)
(type_field
  name: (identifier) @property)
(column
  . (identifier) @property)
(declared
  (beside (identifier) @property) .)
(assignment
  . (identifier) @property)
(reference
  . (identifier) @property)

(reference
  to: (identifier) @type)
(type
  name: (identifier) @type)
(words
  (identifier) @constant)

; ---- marks

[(operator) "|>" "=" "->" "|" "?" "~"] @operator
(prefixed "-" @operator)
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ";" ":" "."] @punctuation.delimiter
