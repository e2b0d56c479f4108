(declaration
  ["entity" "events" "features" "split" "fn" "tower" "teacher" "loss" "selector" "column" "graph" "train" "loop" "evaluate" "setting" "weight"] @context
  name: (identifier) @name) @item

(declaration
  "test" @context
  name: (string) @name) @item
