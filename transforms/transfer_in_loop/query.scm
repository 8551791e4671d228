; A method that brings a tensor, or its value, from one device to another, or to Python: `t.item()`, `w.to(device)`.
(call
  function: (attribute
    object: (_) @tensor
    attribute: (identifier) @method)
  arguments: (argument_list)
  (#any-of? @method "item" "tolist" "numpy" "cpu" "cuda" "to")) @transfer
