[
  (block)
  (loop_body)
  (parameters)
  (arguments)
  (parenthesized)
  (record)
  (record_type)
  (list)
  (match_expression)
] @indent

["}" ")" "]"] @outdent
