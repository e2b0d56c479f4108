[
  (block)
  (loop_body)
  (parameters)
  (arguments)
  (record)
  (record_type)
  (list)
  (match_expression)
] @fold
