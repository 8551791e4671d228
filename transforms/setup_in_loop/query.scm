; A statement that sets a module up: `model.to(device)`, `model.eval()`, `model.train()`.
(expression_statement
  (call
    function: (attribute
      object: (_) @module
      attribute: (identifier) @method)
    arguments: (argument_list)) @setup
  (#any-of? @method "to" "cuda" "eval" "train"))
