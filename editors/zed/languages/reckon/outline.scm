(declaration
  . _ @context
  name: (_) @name) @item
