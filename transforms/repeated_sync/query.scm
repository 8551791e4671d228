; A tensor whose value the host asks for: `loss.item()`.
(call
  function: (attribute
    object: (_) @tensor
    attribute: (identifier) @method)
  arguments: (argument_list)
  (#eq? @method "item")) @sync
