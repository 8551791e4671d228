; A method that gives the value of a tensor: `loss.item()`, `out.cpu()`, `out.to("cpu")`, `ids.tolist()`.
(call
  function: (attribute
    attribute: (identifier) @method)
  arguments: (argument_list)
  (#any-of? @method "item" "cpu" "to" "tolist")) @sync

; A number made of a tensor: `float(loss)`.
(call
  function: (identifier) @function
  arguments: (argument_list)
  (#any-of? @function "float" "int" "bool")) @sync
