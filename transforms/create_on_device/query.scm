; A tensor that is moved as soon as it is made: `torch.zeros(3).to(device)`, `torch.ones(3).cuda()`.
(call
  function: (attribute
    object: (call) @factory
    attribute: (identifier) @method)
  arguments: (argument_list)
  (#any-of? @method "to" "cuda")) @move
